package flows

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// The cookie of what was typed into a registration whose session had ended, so that it need not be typed again after the
// next Start. It never holds the password.
const (
	keptCookie = "typed"
	keptPath   = "/register"
	keptTime   = time.Hour
	keptMost   = 2000 // bytes: browsers keep cookies of 4096 with their name and attributes (RFC 6265 §6.1)
)

// kept is what such a cookie holds. Address is whose registration it was: nobody else is shown it.
type kept struct {
	Address   string `json:"address"`
	FirstName string `json:"first"`
	LastName  string `json:"last"`
	Mobile    string `json:"mobile"`
	Until     int64  `json:"until"` // in seconds since 1970
}

// keep leaves what was typed in a sealed cookie. What is too long to be a name is not worth keeping.
func (p *Pages) keep(c *fiber.Ctx, typed onboard.Registration) error {
	until := p.shell.Now().Add(keptTime)
	payload, err := json.Marshal(kept{
		Address: typed.Email, FirstName: typed.FirstName, LastName: typed.LastName, Mobile: typed.Mobile, Until: until.Unix(),
	})
	if err != nil || len(payload) > keptMost {
		return err
	}
	value := p.keptSeal(payload) + "." + base64.RawURLEncoding.EncodeToString(payload)
	p.shell.SetCookie(c, web.Cookie{Name: keptCookie, Value: value, Path: keptPath, Until: until})
	return nil
}

// recall gives what the holder of an address typed before; the zero value when there is nothing.
func (p *Pages) recall(c *fiber.Ctx, address string) onboard.Registration {
	seal, text, _ := strings.Cut(p.shell.ReadCookie(c, keptCookie, keptPath), ".")
	payload, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !hmac.Equal([]byte(seal), []byte(p.keptSeal(payload))) {
		return onboard.Registration{}
	}
	var before kept
	if json.Unmarshal(payload, &before) != nil || p.shell.Now().Unix() > before.Until || !strings.EqualFold(before.Address, address) {
		return onboard.Registration{}
	}
	return onboard.Registration{FirstName: before.FirstName, LastName: before.LastName, Mobile: before.Mobile}
}

// forget takes the cookie away once the registration is done.
func (p *Pages) forget(c *fiber.Ctx) {
	if p.shell.ReadCookie(c, keptCookie, keptPath) != "" {
		p.shell.DropCookie(c, keptCookie, keptPath)
	}
}

// keptSeal tells our own cookies from planted ones. No session's value can begin like its binding, so a form token is
// never a seal.
func (p *Pages) keptSeal(payload []byte) string {
	return p.shell.Token("typed v1\x00" + string(payload))
}
