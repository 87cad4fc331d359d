package webhooks

import (
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
)

// LoginMethods lists Kratos' methods of the second step of a sign-in, each with a login hook of its own, because the
// method is not to be read from every version's body.
func LoginMethods() []string { return []string{"totp", "code", "lookup_secret", "webauthn"} }

// maxCodes is how many addresses a flow can offer codes to: our schema has two, another's may have some more.
const maxCodes = 32

// loginRequest is what login.jsonnet writes.
type loginRequest struct {
	FlowID   string        `json:"flow_id"`
	AAL      extension.AAL `json:"aal"` // that the flow was begun for
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"`
	Session struct {
		ID string `json:"id"`
	} `json:"session"`
	Codes  []string `json:"codes"`
	Ticket string   `json:"ticket"`
}

// witness answers a login hook. Kratos waits for it and signs nobody in without a success, so that nobody is left with a
// session whose proof was not written down. The first step of a sign-in, as a passkey's, shows no second factor. Kratos may
// ask again after an answer that was lost: witnessing twice is witnessing once.
func (h *Hooks) witness(c *fiber.Ctx, method string) error {
	var request loginRequest
	if err := decode(c.Body(), &request); err != nil {
		return err
	}
	identity, err := idOf[extension.IdentityID](request.Identity.ID, "identity")
	if err != nil {
		return err
	}
	session, err := idOf[extension.SessionID](request.Session.ID, "session")
	if err != nil {
		return err
	}
	if len(request.Codes) > maxCodes {
		return fmt.Errorf("%w: %d addresses", fiber.ErrBadRequest, len(request.Codes))
	}
	if request.AAL != extension.AAL2 {
		return c.SendStatus(fiber.StatusNoContent)
	}
	witnessed := onboard.Witnessed{Identity: identity, Session: session, Method: method, Codes: request.Codes, Flow: request.FlowID, Ticket: request.Ticket}
	err = h.recorder.Witness(c.UserContext(), witnessed)
	switch {
	case errors.Is(err, extension.ErrCodeUsed):
		return answer(c, &gate.Objection{ID: gate.ObjectionCodeUsed, Sentence: extension.CodeUsedBlur})
	case errors.Is(err, extension.ErrPastPages):
		return answer(c, &gate.Objection{ID: gate.ObjectionPastPages, Sentence: extension.PastPages})
	case err != nil:
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
