package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// securing is what the page of the security settings asks of the verb.
type securing interface {
	Affected(ctx context.Context, actor extension.Actor, wanted roster.Security) (int, error)
	ChangeSecurity(ctx context.Context, actor extension.Actor, seen, wanted roster.Security) error
}

// securityPath is the page of the security settings, below the organisation.
const securityPath = "/settings/security"

// mountSecurity puts the page of the security settings below an organisation.
func (p *Pages) mountSecurity(organisation fiber.Router) {
	organisation.Get(securityPath, p.read(p.administrators(p.editSecurity)))
	organisation.Post(securityPath, p.change(p.administrators(p.changeSecurity)))
}

// securityView is what the page shows.
type securityView struct {
	visit
	page     web.Page
	seen     string // the settings as they were when the page was loaded
	wanted   roster.Security
	affected int // Active users who have proven none of the ways that are wanted
	faults   []extension.FieldError
	notice   string // what stands in the way beside the fields
}

// editSecurity shows the settings, and what it would do to require a second factor.
func (p *Pages) editSecurity(c *fiber.Ctx, v visit) error {
	held := roster.SecurityOf(v.Organisation)
	return p.showSecurity(c, http.StatusOK, securityView{visit: v, seen: securityText(held), wanted: held})
}

// changeSecurity takes the press of Save. Whoever would be asked for another second factor is counted first, and the page
// asks whether that is meant.
func (p *Pages) changeSecurity(c *fiber.Ctx, v visit) error {
	view := securityView{visit: v, seen: web.Posted(c, "seen"), wanted: securityIn(c)}
	err := view.wanted.Check()
	if err == nil && web.Posted(c, "confirmed") == "" && view.wanted.Asks(roster.SecurityOf(v.Organisation)) {
		if view.affected, err = p.policy.Affected(c.UserContext(), v.Actor, view.wanted); err == nil && view.affected > 0 {
			return p.confirmSecurity(c, view)
		}
	}
	seen, readable := parseSecurity(view.seen)
	if err == nil {
		err = extension.ErrConflict // with a form that says nothing of what was seen
		if readable {
			err = p.policy.ChangeSecurity(c.UserContext(), v.Actor, seen, view.wanted)
		}
	}
	var refused *extension.InvalidError
	switch {
	case errors.As(err, &refused):
		view.faults = refused.Fields
		return p.showSecurity(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, extension.ErrConflict):
		held := roster.SecurityOf(v.Organisation)
		view.seen = securityText(held)
		view.notice = "They are now: " + securityWords(held) + ". What you entered is still below and was not saved. Save again to put it in their place."
		return p.showSecurity(c, http.StatusConflict, view)
	case err != nil:
		return err
	}
	if err := p.shell.SetFlash(c, web.Flash{Kind: web.NoticeSuccess, Text: "The security settings are saved."}); err != nil {
		return err
	}
	return c.Redirect(v.path(securityPath), fiber.StatusSeeOther)
}

func (p *Pages) showSecurity(c *fiber.Ctx, status int, view securityView) error {
	required := view.wanted
	required.TwoFactor = extension.TwoFactorRequired
	var err error
	if view.affected, err = p.policy.Affected(c.UserContext(), view.Actor, required); err != nil {
		return err
	}
	view.page = p.page(c, view.visit, web.Page{
		Title: "Security", Crumbs: crumbs(view.visit), Narrow: true, Styles: []string{"admin.css"},
		Lead: "What " + view.Organisation.Name + " asks of everybody who signs in.",
	})
	return p.shell.Render(c, status, p.securityPage(view))
}

// confirmSecurity asks whether a change is meant that people will notice.
func (p *Pages) confirmSecurity(c *fiber.Ctx, view securityView) error {
	view.page = p.page(c, view.visit, web.Page{
		Title: "Ask for a second factor?", Narrow: true, Styles: []string{"admin.css"},
		Crumbs: append(crumbs(view.visit), web.Crumb{Text: "Security", Href: view.path(securityPath)}),
		Lead:   "Nothing is saved yet.",
	})
	return p.shell.Render(c, http.StatusOK, p.securityConfirmation(view))
}

// securityIn reads the posted form.
func securityIn(c *fiber.Ctx) roster.Security {
	wanted := roster.Security{
		TwoFactor: extension.TwoFactor(web.Posted(c, "two-factor")), Language: web.Posted(c, "language"),
		Region: strings.ToUpper(oneLine(web.Posted(c, "region"))),
	}
	for _, way := range extension.Ways() {
		if web.Posted(c, wayField(way)) != "" {
			wanted.Ways = append(wanted.Ways, way)
		}
	}
	return wanted
}

// wayField is the name of the box of a way.
func wayField(way extension.Factor) string { return "way-" + string(way) }

// securityText writes settings into the form, to tell later whether somebody else has changed them since.
func securityText(s roster.Security) string {
	ways := make([]string, 0, len(s.Ways))
	for _, way := range s.Ways {
		ways = append(ways, string(way))
	}
	return strings.Join([]string{string(s.TwoFactor), strings.Join(ways, ","), s.Language, s.Region}, "|")
}

// parseSecurity reads what securityText wrote.
func parseSecurity(text string) (roster.Security, bool) {
	parts := strings.Split(text, "|")
	if len(parts) != 4 {
		return roster.Security{}, false
	}
	s := roster.Security{TwoFactor: extension.TwoFactor(parts[0]), Language: parts[2], Region: parts[3]}
	for way := range strings.SplitSeq(parts[1], ",") {
		s.Ways = append(s.Ways, extension.Factor(way))
	}
	return s, true
}

// securityWords says settings in one line.
func securityWords(s roster.Security) string {
	words := "two-factor authentication " + string(s.TwoFactor)
	names := make([]string, 0, len(s.Ways))
	for _, way := range s.Ways {
		names = append(names, strings.ToLower(wayName(way)))
	}
	words += ", allowed: " + strings.Join(names, ", ") + ", language " + languageName(s.Language)
	if s.Region == "" {
		return words + ", no country"
	}
	return words + ", country " + s.Region
}

// wayName is what a kind of second factor is called.
func wayName(way extension.Factor) string {
	switch way {
	case extension.FactorTOTP:
		return "Authenticator app"
	case extension.FactorSMS:
		return "Text message"
	case extension.FactorEmail:
		return "Email"
	case extension.FactorWebAuthn:
		return "Security key"
	case extension.FactorRecovery:
		return "Recovery codes"
	}
	return string(way)
}

// allows tells whether a way is ticked.
func (v securityView) allows(way extension.Factor) bool { return slices.Contains(v.wanted.Ways, way) }

// required tells whether a second factor is asked for.
func (v securityView) required() bool { return v.wanted.TwoFactor == extension.TwoFactorRequired }

// waysAllowed lists the ways that are ticked, in a sentence.
func (v securityView) waysAllowed() string {
	names := make([]string, 0, len(v.wanted.Ways))
	for _, way := range v.wanted.Ways {
		names = append(names, strings.ToLower(wayName(way)))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// self tells whether the one who saves is asked too.
func (v securityView) self() bool {
	allowed := extension.Organisation{Ways: v.wanted.Ways}
	return !slices.ContainsFunc(v.User.Factors, allowed.Allows)
}

// asked says how many people have none of the ways that are ticked.
func (v securityView) asked() string {
	if v.affected == 1 {
		return "1 Active user has"
	}
	return number(v.affected) + " Active users have"
}

// standing says what requiring a second factor does, or would do, to those who are Active.
func (v securityView) standing() string {
	switch {
	case v.affected == 0 && v.required():
		return "Every Active user has set up one of these ways."
	case v.affected == 0:
		return "Every Active user has set up one of these ways already, so requiring it asks nobody to set up anything."
	case v.required():
		return v.asked() + " not set up any of these ways yet: set-up comes first at their next entry."
	}
	return v.asked() + " not set up any of these ways. Requiring it asks them to at their next entry, and you are asked before it is saved."
}

// caution says what is weak about the ways that are ticked; empty when one of them is not.
func (v securityView) caution() string {
	switch {
	case !v.required() || v.allows(extension.FactorTOTP):
		return ""
	case v.allows(extension.FactorSMS):
		return "NIST SP 800-63B-4 asks you to offer another way beside text messages that is not restricted. Among these, only the authenticator app is one."
	}
	return "Email alone protects little more than the password: whoever gets into the mailbox can do both, ask for a new password and read the code."
}
