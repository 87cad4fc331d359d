package webhooks

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
)

// traits are an identity's traits as our schema has them. Another schema's may look like anything, and identities that
// aren't ours must be able to save them.
type traits struct {
	Email string `json:"email"`
	Name  struct {
		First string `json:"first"`
		Last  string `json:"last"`
	} `json:"name"`
	Phone string `json:"phone"`
	Terms struct {
		Version  extension.TermsID `json:"version"`
		Accepted time.Time         `json:"accepted_at"`
	} `json:"terms"`
}

// readTraits reads traits of our schema, leaving out what it does not know.
func readTraits(raw json.RawMessage) (extension.Traits, error) {
	var t traits
	if err := json.Unmarshal(raw, &t); err != nil {
		return extension.Traits{}, errTraits // the cause would quote what a person typed
	}
	return extension.Traits{
		Email: t.Email, FirstName: t.Name.First, LastName: t.Name.Last, Mobile: t.Phone,
		Terms: extension.AcceptedTerms{Version: t.Terms.Version, Accepted: t.Terms.Accepted},
	}, nil
}

// errTraits says that traits are not of our schema.
var errTraits = errors.New("the traits are not of Paperplane's schema")

// guardRequest is what guard.jsonnet writes.
type guardRequest struct {
	FlowID   string `json:"flow_id"`
	Identity struct {
		ID     string          `json:"id"`
		State  string          `json:"state"`
		Traits json.RawMessage `json:"traits"`
	} `json:"identity"`
	Before  json.RawMessage `json:"previous_traits"`
	Session *struct {
		ID string `json:"id"`
	} `json:"session"`
	Cookie string `json:"cookie"` // Kratos v1.3.1 only; never logged
}

// judge answers a guard hook: 204 lets the change through, 400 with messages refuses it at the field it is about.
func (h *Hooks) judge(c *fiber.Ctx, method extension.SettingsMethod) error {
	var request guardRequest
	if err := decode(c.Body(), &request); err != nil {
		return err
	}
	id, err := idOf[extension.IdentityID](request.Identity.ID, "identity")
	if err != nil {
		return err
	}
	change := gate.Change{Method: method, Identity: id, Cookie: request.Cookie}
	var unreadable error
	change.After, unreadable = readTraits(request.Identity.Traits)
	change.Before, change.Malformed = readTraits(request.Before)
	if change.Malformed == nil {
		change.Malformed = unreadable
	}
	if request.Session != nil {
		if change.Session, err = idOf[extension.SessionID](request.Session.ID, "session"); err != nil {
			return err
		}
	}
	objection, err := h.guard.Guard(c.UserContext(), change)
	if err != nil {
		return err
	}
	return answer(c, objection)
}

// answer lets Kratos go on, or makes it refuse.
func answer(c *fiber.Ctx, objection *gate.Objection) error {
	if objection == nil {
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Status(fiber.StatusBadRequest).JSON(refusal(*objection))
}

// refusal is the answer by which a parse hook makes Kratos show a message at a trait and save nothing.
func refusal(o gate.Objection) fiber.Map {
	pointer := "#/"
	if o.Trait != "" {
		pointer = "#/traits/" + o.Trait
	}
	return fiber.Map{"messages": []fiber.Map{{
		"instance_ptr": pointer,
		"messages":     []fiber.Map{{"id": o.ID, "text": o.Sentence, "type": "error", "context": fiber.Map{}}},
	}}}
}

// reportRequest is what report.jsonnet writes. Only the identity, the evidence and what tells one save from another are
// used: the facts are asked of Kratos.
type reportRequest struct {
	FlowID   string `json:"flow_id"`
	Identity struct {
		ID      string          `json:"id"`
		State   string          `json:"state"`
		Traits  json.RawMessage `json:"traits"`
		Updated time.Time       `json:"updated_at"`
	} `json:"identity"`
	Before    json.RawMessage `json:"previous_traits"`
	AAL       extension.AAL   `json:"aal"`
	UserAgent string          `json:"user_agent"`
	ClientIP  string          `json:"client_ip"`
}

// record answers a report hook. A settings flow can be saved several times, so the change is named by the moment too, which
// v26 moves on with every save.
func (h *Hooks) record(c *fiber.Ctx, method extension.SettingsMethod) error {
	var request reportRequest
	if err := decode(c.Body(), &request); err != nil {
		return err
	}
	id, err := idOf[extension.IdentityID](request.Identity.ID, "identity")
	if err != nil {
		return err
	}
	report := onboard.Report{
		Identity: id, Evidence: onboard.Evidence{IP: request.ClientIP, UserAgent: request.UserAgent}, Method: method,
		Change: strings.Join([]string{string(method), request.FlowID, request.Identity.Updated.UTC().Format(time.RFC3339Nano)}, " "),
	}
	if err := h.recorder.Report(c.UserContext(), report); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// statusOf chooses the status of an error: Kratos tries again after 5xx and gives up after 4xx.
func statusOf(err error) int {
	var known *fiber.Error
	switch {
	case errors.As(err, &known):
		return known.Code
	case errors.Is(err, extension.ErrUnavailable):
		return fiber.StatusServiceUnavailable
	default:
		return fiber.StatusInternalServerError
	}
}
