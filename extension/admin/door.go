package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/recognise"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// holding is what the page of a person asks of the verb about their second factors and what they have accepted.
type holding interface {
	Holding(ctx context.Context, actor extension.Actor, user extension.UserID) (roster.Holding, error)
	EvidenceOf(ctx context.Context, actor extension.Actor, user extension.UserID) ([]extension.Evidence, error)
}

// Rescue is the verb that helps somebody who cannot get in by themselves.
type Rescue interface {
	// ResetFactors removes a user's second factors and ends their sessions; ErrConflict when the account is used in another
	// organisation too, which is more than to be invited there.
	ResetFactors(ctx context.Context, actor extension.Actor, user extension.UserID) error
	// SharedWithOthers tells that it is, before it is asked for.
	SharedWithOthers(ctx context.Context, actor extension.Actor, user extension.UserID) (bool, error)
	// FreeMobile takes a number from the account that holds it without having proven it, so that the user can register with
	// it. A refusal is an InvalidError about the field mobile; ErrConflict says that the user was not told that it is taken.
	FreeMobile(ctx context.Context, actor extension.Actor, user extension.UserID, number string) error
}

// resetPath is below the page of a user.
const resetPath = "/second-factor/reset"

// mountDoor puts what administrators see and do about a person at the door below an organisation.
func (p *Pages) mountDoor(organisation fiber.Router) {
	organisation.Get("/users/:user"+resetPath, p.read(p.administrators(p.confirmReset)))
	organisation.Post("/users/:user"+resetPath, p.change(p.administrators(p.resetFactors)))
	organisation.Post("/users/:user/free-number", p.change(p.administrators(p.freeNumber)))
	organisation.Get("/users/:user/evidence.csv", p.read(p.administrators(p.userTable)))
	organisation.Get("/users/:user/evidence.json", p.read(p.administrators(p.userList)))
}

// doorView is what administrators are shown of a person beside how far they have come.
type doorView struct {
	holding  roster.Holding
	evidence []extension.Evidence
}

// door finds it; nil for an inviter, who needs none of it and is not shown addresses of other people's devices.
func (p *Pages) door(c *fiber.Ctx, v visit, user extension.User) (*doorView, error) {
	if !v.Actor.Administrates() {
		return nil, nil
	}
	var view doorView
	var err error
	if view.holding, err = p.policy.Holding(c.UserContext(), v.Actor, user.ID); err != nil {
		return nil, err
	}
	if view.evidence, err = p.policy.EvidenceOf(c.UserContext(), v.Actor, user.ID); err != nil {
		return nil, err
	}
	return &view, nil
}

// mayReset tells whether there is anything to reset.
func (d doorView) mayReset() bool {
	return len(d.holding.Factors) > 0 || d.holding.Recovery != roster.RecoveryNone
}

// recoveryWords says whether there are recovery codes.
func (d doorView) recoveryWords() string {
	switch d.holding.Recovery {
	case roster.RecoveryKept:
		return "kept"
	case roster.RecoveryUnknown:
		return "not known now: Ory Kratos does not answer"
	case roster.RecoveryNone:
	}
	return "none"
}

// factorWhere is where codes of a factor go; empty when none are sent.
func factorWhere(factor extension.ProvenFactor) string {
	if factor.Kind == extension.FactorEmail {
		return recognise.Display(factor.Address)
	}
	return factor.Address
}

// mayFree tells whether the last that the user was told is that another account holds their number.
func (v personView) mayFree() bool {
	return v.Actor.Administrates() && v.user.Stumbled(v.list.Now).Sentence == onboard.StumbleNumberTaken
}

// resetView is what the page shows that asks whether a second factor is to be reset.
type resetView struct {
	personView
	elsewhere bool // the account is used in another organisation too
	pressed   bool // the button was pressed before that was known
}

// kind is how loudly it is said that only the operator can.
func (v resetView) kind() web.NoticeKind {
	if v.pressed {
		return web.NoticeError
	}
	return web.NoticeInfo
}

// confirmReset asks whether a second factor is to be reset, or says who can do it. This page alone tells an administrator
// that an account is used elsewhere, because nothing else here depends on it.
func (p *Pages) confirmReset(c *fiber.Ctx, v visit) error {
	user, err := p.user(c, v)
	if err != nil {
		return err
	}
	view := resetOf(v, user)
	if view.elsewhere, err = p.rescue.SharedWithOthers(c.UserContext(), v.Actor, user.ID); err != nil {
		return err
	}
	return p.showReset(c, http.StatusOK, view)
}

// resetOf is the page about one user.
func resetOf(v visit, user extension.User) resetView {
	return resetView{personView: personView{usersView: usersView{visit: v}, user: user}}
}

func (p *Pages) showReset(c *fiber.Ctx, status int, view resetView) error {
	title := "Reset the second factor?"
	if view.elsewhere {
		title = "Only the operator can reset this second factor"
	}
	view.page = p.page(c, view.visit, web.Page{
		Title: title, Narrow: true, Styles: []string{"admin.css"},
		Crumbs: append(crumbs(view.visit), web.Crumb{Text: personOf(view.user), Href: view.path(personPath(view.user.ID))}),
	})
	return p.shell.Render(c, status, p.resetPage(view))
}

// resetFactors removes a user's second factors.
func (p *Pages) resetFactors(c *fiber.Ctx, v visit) error {
	user, err := p.user(c, v)
	if err != nil {
		return err
	}
	err = p.rescue.ResetFactors(c.UserContext(), v.Actor, user.ID)
	flash := web.Flash{
		Kind: web.NoticeSuccess, Text: "The second factor of " + personOf(user) + " is reset, and they are signed out everywhere.",
	}
	if v.Organisation.TwoFactor == extension.TwoFactorRequired {
		flash.Text += " They set up a new one at their next entry."
	}
	refused, ok := errors.AsType[*extension.InvalidError](err)
	switch {
	case ok:
		flash = web.Flash{Kind: web.NoticeError, Text: sentences(refused)}
	case errors.Is(err, extension.ErrConflict):
		view := resetOf(v, user)
		view.elsewhere, view.pressed = true, true
		return p.showReset(c, http.StatusConflict, view)
	case err != nil:
		return err
	}
	if err := p.shell.SetFlash(c, flash); err != nil {
		return err
	}
	return c.Redirect(v.path(personPath(user.ID)), fiber.StatusSeeOther)
}

// freeNumber takes the number that a user could not register with from the account that holds it.
func (p *Pages) freeNumber(c *fiber.Ctx, v visit) error {
	user, err := p.user(c, v)
	if err != nil {
		return err
	}
	number := oneLine(web.Posted(c, "mobile"))
	err = p.rescue.FreeMobile(c.UserContext(), v.Actor, user.ID, number)
	flash := web.Flash{
		Kind: web.NoticeSuccess, Text: "The number is free: the other account has lost it. Ask " + personOf(user) + " to enter it once more.",
	}
	refused, ok := errors.AsType[*extension.InvalidError](err)
	switch {
	case ok:
		return p.renderPerson(c, v, user.ID, http.StatusUnprocessableEntity, personView{number: number, faults: refused.Fields})
	case errors.Is(err, extension.ErrConflict):
		flash = web.Flash{Kind: web.NoticeWarning, Text: "Nothing was freed: that a number is taken is not what keeps " + personOf(user) + " from going on any more."}
	case err != nil:
		return err
	}
	if err := p.shell.SetFlash(c, flash); err != nil {
		return err
	}
	return c.Redirect(v.path(personPath(user.ID)), fiber.StatusSeeOther)
}
