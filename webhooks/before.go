package webhooks

import (
	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
)

// beforeRequest is what before.jsonnet writes.
type beforeRequest struct {
	FlowID   string `json:"flow_id"`
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"`
	Session *struct {
		ID string `json:"id"`
	} `json:"session"`
	Cookie string `json:"cookie"` // Kratos v1.3.1 only; never logged
}

// open answers the hook before settings: 204 lets Kratos open them, 400 with a message refuses.
func (h *Hooks) open(c *fiber.Ctx) error {
	var request beforeRequest
	if err := decode(c.Body(), &request); err != nil {
		return err
	}
	id, err := idOf[extension.IdentityID](request.Identity.ID, "identity")
	if err != nil {
		return err
	}
	opening := gate.Opening{Identity: id, Cookie: request.Cookie}
	if request.Session != nil {
		if opening.Session, err = idOf[extension.SessionID](request.Session.ID, "session"); err != nil {
			return err
		}
	}
	objection, err := h.guard.Before(c.UserContext(), opening)
	if err != nil {
		return err
	}
	return answer(c, objection)
}
