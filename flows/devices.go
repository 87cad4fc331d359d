package flows

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/web"
)

// device is one browser that somebody is signed in with, in words.
type device struct {
	session  extension.SessionID
	name     string
	ip       string
	signedIn time.Time
	current  bool
}

func devicesOf(l locale.Language, sessions []extension.Device) []device {
	var devices []device
	for _, session := range sessions {
		devices = append(devices, device{
			session: session.Session, name: deviceName(l, session.UserAgent), ip: session.IP, signedIn: session.SignedIn, current: session.Current,
		})
	}
	return devices
}

// sign is how a browser or a system gives itself away in its User-Agent.
type sign struct{ mark, name string }

// named finds the first sign in a User-Agent; empty when there is none.
func named(userAgent string, signs []sign) string {
	for _, sign := range signs {
		if strings.Contains(userAgent, sign.mark) {
			return sign.name
		}
	}
	return ""
}

// deviceName calls a browser by what its User-Agent says, roughly: it is for people to recognise their own devices by,
// and nothing hangs on it. Nearly all claim to be others as well, so the order counts.
func deviceName(l locale.Language, userAgent string) string {
	browser := named(userAgent, []sign{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	})
	system := named(userAgent, []sign{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"CrOS", "ChromeOS"},
		{"Windows", "Windows"},
		{"Mac OS X", "Mac"},
		{"Linux", "Linux"},
	})
	switch {
	case browser == "" && system == "":
		return l.Say("An unknown browser")
	case browser == "":
		return l.Say("A browser on %s", system)
	case system == "":
		return browser
	}
	return l.Say("%s on %s", browser, system)
}

// The fields of the forms by which sessions are ended.
const (
	sessionField = "session"
	othersField  = "others"
)

// endSessions ends one session of the account, or all but the one that asks. The browser's own is signed out.
func (p *Pages) endSessions(c *fiber.Ctx) error {
	h, entered, err := p.change(c)
	if err != nil || !entered {
		return err
	}
	browser := p.shell.Browser(c)
	if web.Posted(c, othersField) != "" {
		err = p.account.EndOtherDevices(c.UserContext(), browser)
		return p.changed(c, h, err, h.l.Say("Every other browser is signed out."))
	}
	session := extension.SessionID(web.Posted(c, sessionField))
	if session == h.session.ID {
		return c.Redirect("/logout", fiber.StatusSeeOther)
	}
	err = p.account.EndDevice(c.UserContext(), browser, session)
	return p.changed(c, h, err, h.l.Say("That browser is signed out."))
}
