package flows

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// holder is somebody who has come to look at their account, or to change it.
type holder struct {
	reader
	session extension.Session
	place   onboard.Place // zero for somebody who has an account and belongs to no organisation
}

// member tells whether the account's holder belongs to an organisation.
func (h holder) member() bool { return h.place.User.ID != "" }

// onTheWayIn tells whether the account's holder has not done every step yet.
func (h holder) onTheWayIn() bool {
	return h.member() && h.place.Step != extension.StepIn && h.place.User.Facts.Activated.IsZero()
}

// settingsPage is the account as it is shown.
type settingsPage struct {
	holder
	profile   kratosForm
	password  kratosForm
	factors   factorList
	social    []socialPress
	devices   []device
	recovered bool
	said      *notice
	flash     *web.Flash
}

// enter lets somebody to their account. False says that they were sent elsewhere: to the step that is due where there is
// no password yet, or to show the second factor that protects every change. Kratos asks our guard the same, and would
// refuse them in words of its own.
func (p *Pages) enter(c *fiber.Ctx) (holder, bool, error) {
	session, place, err := p.place(c)
	if err != nil && (session.Identity == "" || !errors.Is(err, extension.ErrNotFound)) {
		return holder{}, false, err
	}
	if place, err = p.accountPlace(c, session, place); err != nil {
		return holder{}, false, err
	}
	h := holder{reader: p.reader(c), session: session, place: place}
	if !h.member() {
		return h, true, nil
	}
	switch place.Step {
	case extension.StepPaused, extension.StepExpired, extension.StepStart:
		return holder{}, false, onward(c)
	case extension.StepRegister:
		return holder{}, false, backToRegistration(c)
	case extension.StepSecure, extension.StepConfirm, extension.StepAgree, extension.StepIn:
	}
	if unconfirmedIn(place) {
		return holder{}, false, p.confirmFirst(c)
	}
	return h, true, nil
}

// change is enter for a press. A form that is older than the session's cookie is shown anew.
func (p *Pages) change(c *fiber.Ctx) (holder, bool, error) {
	h, entered, err := p.enter(c)
	if err != nil || !entered {
		return holder{}, false, err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return holder{}, false, p.backToSettings(c, web.Flash{
			Kind: web.NoticeWarning, Text: h.l.Say("The page was open for too long, so nothing was changed. Try again."),
		})
	}
	return h, true, nil
}

// confirmFirst sends somebody to show their second factor, and back to the page of the account that they wanted. Whoever has
// yet to choose a new password has that to do, whatever they have looked at since.
func (p *Pages) confirmFirst(c *fiber.Ctx) error {
	back := settingsPath
	if c.Method() == fiber.MethodGet {
		back = cmp.Or(p.shell.LocalPath(c.OriginalURL()), settingsPath)
	}
	if p.confirmedFor(c) == recoveredPath {
		back = recoveredPath
	}
	return p.confirmFor(c, back)
}

// confirmFor sends somebody to show their second factor, and back to a page of ours: one of the account, or an invitation's.
func (p *Pages) confirmFor(c *fiber.Ctx, back string) error {
	p.shell.SetCookie(c, web.Cookie{
		Name: confirmForCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(back)), Path: "/", Until: p.shell.Now().Add(confirmForTime),
	})
	return p.leadTo(c, extension.StepConfirm)
}

// confirmForCookie remembers, while a second factor is shown, the page that it is shown for.
const (
	confirmForCookie = "confirm_for"
	confirmForTime   = 15 * time.Minute // as long as a code works
)

// confirmedFor is the page of the account, or of an invitation, that a second factor is shown for; empty when it is for none.
func (p *Pages) confirmedFor(c *fiber.Ctx) string {
	path, err := base64.RawURLEncoding.DecodeString(p.shell.ReadCookie(c, confirmForCookie, "/"))
	if err != nil || !strings.HasPrefix(string(path), settingsPath) && !isJoin(string(path)) {
		return ""
	}
	return p.shell.LocalPath(string(path))
}

// unconfirmedIn tells whether a session has yet to show the second factor that protects the account, wherever it stands.
func unconfirmedIn(place onboard.Place) bool {
	return place.Asking.ID != ""
}

// signInFirst has somebody sign in again whose session is too old for a change, and leads back to the account.
func (p *Pages) signInFirst(c *fiber.Ctx) error {
	return c.Redirect(loginPath+"?"+url.Values{refreshField: {refreshYes}, returnToField: {settingsPath}}.Encode(), fiber.StatusSeeOther)
}

// backToSettings shows the account with word of what became of a press.
func (p *Pages) backToSettings(c *fiber.Ctx, flash web.Flash) error {
	if err := p.setFlash(c, flash); err != nil {
		return err
	}
	return c.Redirect(settingsPath, fiber.StatusSeeOther)
}

// settings shows the account. A flow of Kratos' own, to which it sends the browser after a social sign-in was linked,
// holds what came of that.
func (p *Pages) settings(c *fiber.Ctx) error {
	h, entered, err := p.enter(c)
	if err != nil || !entered {
		return err
	}
	if c.Query(flowField) != "" && h.onTheWayIn() { // linked in the place of a password
		return onward(c)
	}
	form, reply, err := p.settingsForm(c, h, c.Query(flowField))
	if err != nil {
		return p.notChanged(c, h, err)
	}
	h.reader = p.readerAfter(c, reply)
	page, err := p.settingsPageOf(c, h, form)
	if err != nil {
		return err
	}
	page.recovered = c.Query(recovered) != ""
	page.flash = p.takeFlash(c)
	if cameToNothing(form) {
		page.said = notAdded(h.l)
	}
	if typed, ok := p.recall(c, keptProfile(), h.session.Email); ok {
		p.forget(c, keptProfile())
		page.profile = page.profile.with(map[string]string{
			firstNameNode: typed.FirstName, lastNameNode: typed.LastName, mobileNode: typed.Mobile,
		})
		page.said = &notice{
			kind: web.NoticeInfo, title: h.l.Say("What you typed is still here."), body: h.l.Say("Look through your details and save them again."),
		}
	}
	return p.shell.Render(c, fiber.StatusOK, p.settingsPage(page))
}

// settingsForm reads a settings flow of Kratos', or begins one. One that has run out, or is of somebody who was signed in
// here before, gives way to a new one.
func (p *Pages) settingsForm(c *fiber.Ctx, h holder, flow string) (extension.Form, extension.Reply, error) {
	browser := p.shell.Browser(c)
	form, reply, err := p.account.SettingsForm(c.UserContext(), browser, flow)
	p.shell.Relay(c, reply)
	if flow != "" && (errors.Is(err, extension.ErrFlowExpired) || err == nil && form.Identity != h.session.Identity) {
		var begun extension.Reply
		form, begun, err = p.account.SettingsForm(c.UserContext(), browser.With(reply), "")
		p.shell.Relay(c, begun)
		reply = reply.And(begun)
	}
	if err == nil && form.Identity != h.session.Identity {
		err = extension.ErrNoSession
	}
	return form, reply, err
}

// settingsPageOf words a settings form part by part, with what else belongs to the account.
func (p *Pages) settingsPageOf(c *fiber.Ctx, h holder, form extension.Form) (settingsPage, error) {
	factors, err := p.factorsOf(c, h, form)
	if err != nil {
		return settingsPage{}, err
	}
	devices, err := p.account.Devices(c.UserContext(), p.shell.Browser(c))
	if err != nil {
		return settingsPage{}, err
	}
	general := extension.Form{Nodes: form.Nodes} // what is said of the form as a whole stands above all parts
	return settingsPage{
		holder:  h,
		profile: profileForm(h, general),
		password: newKratosForm(h.l, general, part{
			action: settingsPath + "/password", submit: h.l.Say("Save the new password"), shows: inGroup(string(extension.MethodPassword)),
		}).ours(h.token),
		factors: factors,
		social:  p.socialPresses(h.l, form, linkNode, unlinkNode),
		devices: devicesOf(h.l, devices),
		said:    saidOf(h.reader, form.Messages),
	}, nil
}

// saidOf is what Kratos says about the settings as a whole: its errors, or that a social sign-in was linked.
func saidOf(reader reader, messages []extension.Message) *notice {
	for _, message := range messages {
		if message.Error {
			return &notice{kind: web.NoticeError, title: wording(reader.l, message, "")}
		}
	}
	for _, message := range messages {
		if message.ID == kratosSaved {
			return &notice{kind: web.NoticeSuccess, title: wording(reader.l, message, "")}
		}
	}
	return nil
}

// setPassword sets a new password. Kratos ends every other session with it.
func (p *Pages) setPassword(c *fiber.Ctx) error {
	h, entered, err := p.change(c)
	if err != nil || !entered {
		return err
	}
	form, reply, err := p.settingsForm(c, h, "")
	if err == nil {
		password := web.Posted(c, "password")
		if sentence := extension.PasswordRefusal(password); sentence != "" {
			return p.refusePassword(c, h, form, sentence)
		}
		_, reply, err = p.account.SubmitPassword(c.UserContext(), p.shell.Browser(c).With(reply), form, password)
		p.shell.Relay(c, reply)
	}
	return p.changed(c, h, err, h.l.Say("Your new password is saved. Every other browser was signed out."))
}

// refusePassword shows the account again with what is wrong with a new password.
func (p *Pages) refusePassword(c *fiber.Ctx, h holder, form extension.Form, sentence string) error {
	page, err := p.settingsPageOf(c, h, form)
	if err != nil {
		return err
	}
	page.password = page.password.wrong(web.Said(h.l, []extension.FieldError{{Field: "password", Message: sentence}}))
	return p.shell.Render(c, fiber.StatusUnprocessableEntity, p.settingsPage(page))
}

// changed answers a press: word of it on the account, or the account again with what Kratos says against it.
func (p *Pages) changed(c *fiber.Ctx, h holder, err error, word string) error {
	if err != nil {
		return p.notChanged(c, h, err)
	}
	return p.backToSettings(c, web.Flash{Kind: web.NoticeSuccess, Text: word})
}

// notChanged answers what Kratos or its guard has against a change.
func (p *Pages) notChanged(c *fiber.Ctx, h holder, err error) error {
	if refused, ok := errors.AsType[*extension.RefusedError](err); ok {
		if unconfirmed(refused.Form) {
			return p.confirmFirst(c)
		}
		page, lost := p.settingsPageOf(c, h, refused.Form)
		if lost != nil {
			return lost
		}
		return p.shell.Render(c, fiber.StatusUnprocessableEntity, p.settingsPage(page))
	}
	if invalid, ok := errors.AsType[*extension.InvalidError](err); ok { // about no field of the page: not yet
		return p.backToSettings(c, web.Flash{Kind: web.NoticeWarning, Text: web.ErrorAt(web.Said(h.l, invalid.Fields), "")})
	}
	switch {
	case errors.Is(err, extension.ErrStaleSession):
		return p.signInFirst(c)
	case errors.Is(err, extension.ErrForbidden): // the guard before the settings: the factor was shown to another session
		return p.confirmFirst(c)
	case errors.Is(err, extension.ErrFlowExpired):
		return p.backToSettings(c, web.Flash{
			Kind: web.NoticeWarning, Text: h.l.Say("The page was open for too long, so nothing was changed. Try again."),
		})
	case errors.Is(err, extension.ErrConflict):
		return p.backToSettings(c, web.Flash{
			Kind: web.NoticeWarning, Text: h.l.Say("Something has changed meanwhile. Look at what stands here now."),
		})
	}
	return err
}

// unconfirmed tells whether our guard wants the second factor to be shown in this session first.
func unconfirmed(form extension.Form) bool {
	return slices.ContainsFunc(form.Errors(), func(fault extension.FieldMessage) bool { return fault.ID == gate.ObjectionFactor })
}

// setSocial links a social sign-in to the account, or takes it away.
func (p *Pages) setSocial(c *fiber.Ctx) error {
	h, entered, err := p.change(c)
	if err != nil || !entered {
		return err
	}
	form, reply, err := p.settingsForm(c, h, "")
	if err != nil {
		return p.notChanged(c, h, err)
	}
	browser := p.shell.Browser(c).With(reply)
	if provider := web.Posted(c, linkNode); provider != "" {
		location, reply, err := p.account.LinkProvider(c.UserContext(), browser, form, provider)
		p.shell.Relay(c, reply)
		if err != nil {
			return p.notChanged(c, h, err)
		}
		return p.leave(c, location)
	}
	_, reply, err = p.account.UnlinkProvider(c.UserContext(), browser, form, web.Posted(c, unlinkNode))
	p.shell.Relay(c, reply)
	return p.changed(c, h, err, h.l.Say("The link is taken away. The account at the other side is as it was."))
}
