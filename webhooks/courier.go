package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// codeMinutes is how long a code of Kratos' works, where Kratos does not tell (v1.3.1): what its generated configuration
// says.
const codeMinutes = 15

// maxAddress is the longest address that mail can go to (RFC 5321 §4.5.3.1.3, less the angle brackets), in bytes.
const maxAddress = 254

// courierRequest is what courier.jsonnet writes.
type courierRequest struct {
	Channel  string `json:"channel"`
	Template string `json:"template"`
	To       string `json:"to"`
	Code     string `json:"code"` // never logged
	Minutes  int    `json:"minutes"`
}

// deliver answers Kratos' courier. Any answer but a success makes it try again, hundreds of times, so every repetition of one
// message carries the same key, and a message that will never go out is answered as if it had: our log is where operators
// look for it. What our jsonnet cannot have written is refused, because the message goes out once that is put right.
func (h *Hooks) deliver(c *fiber.Ctx) error {
	var request courierRequest
	if err := decode(c.Body(), &request); err != nil {
		return err
	}
	if request.Channel == "" {
		return fmt.Errorf("%w: no channel", fiber.ErrBadRequest)
	}
	kind, known := noticeKind(request.Template)
	switch {
	case request.Code == "", request.To == "", len(request.To) > maxAddress:
		return h.giveUp(c, errors.New("no code, or no address that mail can go to"))
	case !known, request.Channel != "email":
		return h.giveUp(c, fmt.Errorf("no words for a message by %.16q of the template %.64q", request.Channel, request.Template))
	}
	notice := extension.Notice{Kind: kind, Address: request.To, Code: request.Code, Minutes: request.Minutes, Key: h.noticeKey(request)}
	if notice.Minutes <= 0 {
		notice.Minutes = codeMinutes
	}
	err := h.courier.Deliver(c.UserContext(), notice)
	if errors.Is(err, onboard.ErrUndeliverable) {
		return h.giveUp(c, err)
	}
	if err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// giveUp has Kratos forget a message. The reason holds neither the code nor the address.
func (h *Hooks) giveUp(c *fiber.Ctx, reason error) error {
	h.log.ErrorContext(c.UserContext(), "message given up", "error", reason)
	return c.SendStatus(fiber.StatusNoContent)
}

// noticeKind is what a template's code is for.
func noticeKind(template string) (extension.NoticeKind, bool) {
	switch template {
	case "login_code_valid":
		return extension.NoticeSecondFactor, true
	case "recovery_code_valid":
		return extension.NoticeRecovery, true
	case "verification_code_valid":
		return extension.NoticeVerification, true
	}
	return "", false
}

// noticeKey is the same for every repetition of a message: Kratos gives a message no id, and makes a new code for every
// new one. It is keyed, so that whoever sees it cannot try which code it was made of.
func (h *Hooks) noticeKey(request courierRequest) string {
	mac := hmac.New(sha256.New, h.key[:])
	mac.Write([]byte(strings.Join([]string{request.Template, request.To, request.Code}, "\x00")))
	return hex.EncodeToString(mac.Sum(nil))
}
