package flows

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// keptProfileCookie holds the details that somebody typed whose session was too old to save them, until they have signed
// in again.
const keptProfileCookie = "details"

// keepProfile leaves the typed details in a sealed cookie. What is too long to be a name is not worth keeping.
func (p *Pages) keepProfile(c *fiber.Ctx, session extension.Session, typed extension.Traits) error {
	until := p.shell.Now().Add(keptTime)
	payload, err := json.Marshal(kept{
		Address: session.Email, FirstName: typed.FirstName, LastName: typed.LastName, Mobile: typed.Mobile, Until: until.Unix(),
	})
	if err != nil || len(payload) > keptMost {
		return err
	}
	value := p.keptSeal(payload) + "." + base64.RawURLEncoding.EncodeToString(payload)
	p.shell.SetCookie(c, web.Cookie{Name: keptProfileCookie, Value: value, Path: settingsPath, Until: until})
	return nil
}

// recallProfile gives the details that the session's holder typed before, once.
func (p *Pages) recallProfile(c *fiber.Ctx, session extension.Session) (extension.Traits, bool) {
	value := p.shell.ReadCookie(c, keptProfileCookie, settingsPath)
	if value == "" {
		return extension.Traits{}, false
	}
	p.shell.DropCookie(c, keptProfileCookie, settingsPath)
	seal, text, _ := strings.Cut(value, ".")
	payload, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !hmac.Equal([]byte(seal), []byte(p.keptSeal(payload))) {
		return extension.Traits{}, false
	}
	var before kept
	if json.Unmarshal(payload, &before) != nil || p.shell.Now().Unix() > before.Until || before.Address != session.Email {
		return extension.Traits{}, false
	}
	return extension.Traits{FirstName: before.FirstName, LastName: before.LastName, Mobile: before.Mobile}, true
}
