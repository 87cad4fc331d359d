package flows

import (
	"errors"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// isDetail tells which nodes of the profile are the person's to change or to see. The accepted terms are traits too.
func isDetail(node extension.Node) bool {
	if node.Group != string(extension.MethodProfile) {
		return false
	}
	switch node.Name {
	case emailNode, firstNameNode, lastNameNode, mobileNode, "method":
		return true
	}
	return false
}

// profileForm is the part of the settings with the person's details. Whoever was never invited reads nothing of it.
func profileForm(h holder, form extension.Form) kratosForm {
	profile := newKratosForm(h.l, form, part{action: settingsPath + "/profile", submit: h.l.Say("Save your details"), shows: isDetail})
	if !h.member() {
		profile = profile.hinted(emailNode, h.l.Say("Your email address cannot be changed here."))
	}
	return profile.ours(h.token)
}

// setProfile saves the names and the mobile. All other traits go along as Kratos holds them now, the address among them.
func (p *Pages) setProfile(c *fiber.Ctx) error {
	h, entered, err := p.change(c)
	if err != nil || !entered {
		return err
	}
	form, reply, err := p.settingsForm(c, h, "")
	if err != nil {
		return p.notChanged(c, h, err)
	}
	typed := extension.Traits{
		FirstName: extension.TidyName(web.Posted(c, firstNameNode)), LastName: extension.TidyName(web.Posted(c, lastNameNode)),
		Mobile: strings.TrimSpace(web.Posted(c, mobileNode)),
	}
	traits := form.Traits
	traits.FirstName, traits.LastName = typed.FirstName, typed.LastName
	faults := append(nameFaults(h, form.Traits, typed), emailFaults(form.Traits, web.Posted(c, emailNode))...)
	traits.Mobile, err = p.mobileOf(h, typed.Mobile)
	if invalid, ok := errors.AsType[*extension.InvalidError](err); ok {
		faults = append(faults, at(mobileNode, invalid.Fields)...)
	} else if err != nil {
		return err
	}
	if len(faults) > 0 {
		return p.refuseProfile(c, h, form, typed, web.Said(h.l, faults))
	}
	_, reply, err = p.account.SubmitProfile(c.UserContext(), p.shell.Browser(c).With(reply), form, traits)
	p.shell.Relay(c, reply)
	if errors.Is(err, extension.ErrStaleSession) {
		if err := p.keep(c, keptProfile(), h.session.Email, typed); err != nil {
			return err
		}
		return p.signInFirst(c)
	}
	if refused, ok := errors.AsType[*extension.RefusedError](err); ok && !unconfirmed(refused.Form) {
		form, faults := takenMobile(h, refused.Form)
		return p.refuseProfile(c, h, form, typed, faults)
	}
	if err == nil && traits.Mobile != form.Traits.Mobile && slices.Contains(h.place.User.Factors, extension.FactorSMS) {
		if err := p.onboarding.Observe(c.UserContext(), h.session); err != nil {
			return err
		}
		return p.backToSettings(c, web.Flash{
			Kind: web.NoticeWarning, Text: h.l.Say("Your details are saved. Codes went to your old number before: confirm below that they reach you at the new one."),
		})
	}
	return p.changed(c, h, err, h.l.Say("Your details are saved."))
}

// nameFaults holds the names of an organisation's members to the rules of registration, as our guard does, so that all
// that is wrong is said at once. One that stays as it is may be of another time, unless there is none.
func nameFaults(h holder, before, typed extension.Traits) []extension.FieldError {
	if !h.member() {
		return nil
	}
	var faults []extension.FieldError
	for _, name := range []struct{ field, what, before, typed string }{
		{firstNameNode, "first name", before.FirstName, typed.FirstName},
		{lastNameNode, "last name", before.LastName, typed.LastName},
	} {
		if name.typed == name.before && name.typed != "" {
			continue
		}
		if sentence := extension.NameRefusal(name.typed, name.what); sentence != "" {
			faults = append(faults, extension.FieldError{Field: name.field, Message: sentence})
		}
	}
	return faults
}

// emailFaults says of another address than the account's that it is not taken. The field is read-only, so one comes only
// from who changes the page.
func emailFaults(before extension.Traits, posted string) []extension.FieldError {
	if posted = strings.TrimSpace(posted); posted == "" || strings.EqualFold(posted, before.Email) {
		return nil
	}
	return []extension.FieldError{{Field: emailNode, Message: "Your email address cannot be changed here."}}
}

// mobileOf reads a typed number, which an organisation needs of its members and nobody else does. What is wrong with it is
// an InvalidError.
func (p *Pages) mobileOf(h holder, typed string) (string, error) {
	switch {
	case typed != "":
		return p.mobiles(typed, h.place.Organisation.Region)
	case h.member():
		return "", extension.Invalid(mobileNode, "Enter your mobile number.")
	}
	return "", nil
}

// takenMobile moves what Kratos says of the details as a whole, that somebody else has one of them, to the mobile: it is the
// only one of those that can be typed here.
func takenMobile(h holder, form extension.Form) (extension.Form, []extension.FieldError) {
	place := slices.IndexFunc(form.Messages, func(message extension.Message) bool { return message.ID == kratosTaken })
	if place < 0 {
		return form, nil
	}
	fault := extension.FieldError{Field: mobileNode, Message: wording(h.l, form.Messages[place], mobileNode)}
	form.Messages = slices.Delete(slices.Clone(form.Messages), place, place+1)
	return form, []extension.FieldError{fault}
}

// at moves sentences to the field of the page that they are about.
func at(field string, faults []extension.FieldError) []extension.FieldError {
	for i := range faults {
		faults[i].Field = field
	}
	return faults
}

// refuseProfile shows the account again, with the details as they were typed and what is wrong with them.
func (p *Pages) refuseProfile(c *fiber.Ctx, h holder, form extension.Form, typed extension.Traits, faults []extension.FieldError) error {
	page, err := p.settingsPageOf(c, h, form)
	if err != nil {
		return err
	}
	page.profile = page.profile.with(map[string]string{
		firstNameNode: typed.FirstName, lastNameNode: typed.LastName, mobileNode: typed.Mobile,
	}).wrong(faults)
	return p.shell.Render(c, fiber.StatusUnprocessableEntity, p.settingsPage(page))
}
