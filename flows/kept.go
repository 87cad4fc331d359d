package flows

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// keptTime is for how long details that could not be saved are kept, and keptMost how many bytes of them: browsers keep
// cookies of 4096 with their name and attributes (RFC 6265 §6.1).
const (
	keptTime = time.Hour
	keptMost = 2000
)

// keptCookie names the sealed cookie that keeps what somebody typed into a form whose session had ended or was too old, so
// that it need not be typed again. It never holds a password.
type keptCookie struct{ name, path string }

// keptRegistration is what was typed into a registration, until the next Start.
func keptRegistration() keptCookie { return keptCookie{name: "typed", path: "/register"} }

// keptProfile is what was typed into the settings, until the next sign-in.
func keptProfile() keptCookie { return keptCookie{name: "details", path: settingsPath} }

// kept is what such a cookie holds. Address is whose details they are: nobody else is shown them.
type kept struct {
	Address   string `json:"address"`
	FirstName string `json:"first"`
	LastName  string `json:"last"`
	Mobile    string `json:"mobile"`
	Until     int64  `json:"until"` // in seconds since 1970
}

// keep leaves details in the cookie. What is too long to be a name is not worth keeping.
func (p *Pages) keep(c *fiber.Ctx, in keptCookie, address string, typed extension.Traits) error {
	until := p.shell.Now().Add(keptTime)
	payload, err := json.Marshal(kept{
		Address: address, FirstName: typed.FirstName, LastName: typed.LastName, Mobile: typed.Mobile, Until: until.Unix(),
	})
	if err != nil || len(payload) > keptMost {
		return err
	}
	value := p.keptSeal(in, payload) + "." + base64.RawURLEncoding.EncodeToString(payload)
	p.shell.SetCookie(c, web.Cookie{Name: in.name, Value: value, Path: in.path, Until: until})
	return nil
}

// recall gives the details that the holder of an address typed before, and tells whether there are any.
func (p *Pages) recall(c *fiber.Ctx, in keptCookie, address string) (extension.Traits, bool) {
	seal, text, _ := strings.Cut(p.shell.ReadCookie(c, in.name, in.path), ".")
	payload, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !hmac.Equal([]byte(seal), []byte(p.keptSeal(in, payload))) {
		return extension.Traits{}, false
	}
	var before kept
	if json.Unmarshal(payload, &before) != nil || p.shell.Now().Unix() > before.Until || !strings.EqualFold(before.Address, address) {
		return extension.Traits{}, false
	}
	return extension.Traits{FirstName: before.FirstName, LastName: before.LastName, Mobile: before.Mobile}, true
}

// forget takes the cookie away.
func (p *Pages) forget(c *fiber.Ctx, in keptCookie) {
	if p.shell.ReadCookie(c, in.name, in.path) != "" {
		p.shell.DropCookie(c, in.name, in.path)
	}
}

// keptSeal tells our own cookies from planted ones, and those of one form from those of another. No session's value can
// begin like its binding, so a form token is never a seal.
func (p *Pages) keptSeal(in keptCookie, payload []byte) string {
	return p.shell.Token(in.name + " v1\x00" + string(payload))
}
