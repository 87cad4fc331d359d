package main

import (
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/locale"
)

func (w *words) keepsOldCodes(t *testing.T) {
	w.seen.t = t
	const address = "codes@example.com"
	w.asksForFactor(t, extension.FactorTOTP)
	before := w.secured(t, address)
	h, asked := before.comesBack(t)
	h.press(t, asked, "Confirm", "code", h.app.code(t)).says(t, 200, "You’re in")
	w.asksForNoFactor(t)
	ways := h.press(t, h.open(t, w.invitedTo(t, w.strict, address)), "Accept")
	w.rows(t, `UPDATE settings_openings SET opened_at = opened_at - interval '16 minutes'`) // nobody has been there just now
	typing, code := h.asks(t, ways, byText, h.mobile)
	terms := h.keeps(t, h.press(t, typing, "Confirm", "code", code)) // those from before do not stand in for what is relied on now
	terms.says(t, 200, "Rules of lighthouse")
	h.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in")

	again, asked := h.comesBack(t)
	recovering := again.press(t, asked, "Use a recovery code")
	recovering = again.press(t, recovering, "Confirm", "code", before.codes[0])
	recovering.says(t, 422, "none of your recovery codes")
	again.press(t, recovering, "Confirm", "code", h.codes[0]).says(t, 200, "You’re in")
	held := again.open(t, "/secure/codes")
	held.says(t, 200, "You have recovery codes already", "stand in for it too")
	w.seen.hang("recovery codes from before", "You have recovery codes already", held)
	anew := again.press(t, held, "Make new recovery codes")
	anew.says(t, 200, "Keep your recovery codes", "Until then, your older codes do.")
	w.seen.hang("new recovery codes beside older ones", "Keep your recovery codes", anew)
	again.press(t, anew, "Go on").says(t, 422, "Tick the box once you have kept the codes.", "Until then, your older codes do.")
	again.press(t, anew, "Go on with your older codes").says(t, 200, "You’re in")
}

// offersWaysThatCount is about a member of an organisation that accepts apps alone, and of none that requires anything.
func (w *words) offersWaysThatCount(t *testing.T) {
	v := w.member(t, w.ada, "ways@example.com")
	v.open(t, "/settings").says(t, 200, "Add an authenticator app", "Add codes by text message", "Add codes by email")

	w.asksForFactor(t, extension.FactorTOTP)
	defer w.asksForNoFactor(t)
	h := w.secured(t, "app@example.com")
	settings := h.open(t, "/settings")
	settings.says(t, 200, "Take away")
	settings.lacks(t, "Add codes by text message", "Add codes by email")
	w.invitedTo(t, w.strict, h.address) // not accepted: its demands are none of theirs
	h.open(t, "/settings").lacks(t, "Add codes by text message", "Add codes by email")
}

func (w *words) saysWhoResets(t *testing.T) {
	w.seen.t = t
	user := w.user(t, "codes@example.com")
	w.ada.open(t, "/next") // which administers one organisation of two
	path := "/o/harbour/users/" + string(user.ID)
	person := w.ada.open(t, path)
	person.says(t, 200, "Reset second factor")
	person.lacks(t, "lighthouse", "another organisation")
	w.seen.hang("person of two organisations", "Robin", person)
	asked := w.ada.open(t, path+"/second-factor/reset")
	asked.says(t, 200, "Only the operator can reset this second factor", "paperplane user reset-factor")
	asked.lacks(t, "lighthouse")
	w.seen.hang("reset of a person of two organisations", "Only the operator", asked)
	w.act(t, w.ada, string(user.ID), "second-factor/reset").says(t, 409, "Nothing was changed.")
}

func (w *words) forgetsForeignLanguage(t *testing.T) {
	w.seen.t = t
	v := w.member(t, w.ada, "host@example.com")
	w.speaks(t, "fr")
	defer w.speaks(t, "en")
	link := w.invitedLink(t, "guest@example.com")
	foreign := v.open(t, link)
	foreign.says(t, 200, locale.French.Say("You are signed in as %s", "host@example.com"))
	w.seen.hang("somebody else's invitation", "", foreign)
	v.open(t, "/settings").says(t, 200, "Your account")
	w.visitor(t).open(t, link).says(t, 200, locale.French.Say("Start"))

	form := v.press(t, foreign, locale.French.Say("Sign out and continue as %s", "guest@example.com"))
	form.says(t, 200, locale.French.Say("First name"))
	v.open(t, "/settings").says(t, 200, locale.French.Say("First name"))
}

func (w *words) asksWhereThereIsAField(t *testing.T) {
	w.seen.t = t
	w.asksForFactor(t, extension.Ways()...)
	defer w.asksForNoFactor(t)
	h, ways := w.holder(t, "field@example.com")
	typing, _ := h.asks(t, ways, byText, h.mobile)
	h.press(t, typing, "Send another code").says(t, 429, "Another code cannot be sent yet", "If you have a code, type it.")
	other := w.visitor(t)
	soon := other.press(t, other.signIn(t, h.address, goodPassword), byText)
	soon.says(t, 429, "Another code cannot be sent yet", "Wait, or choose another way.")
	soon.lacks(t, "If you have a code")
	w.seen.hang("too soon, without a field", "Set up a second factor", soon)
}

func (w *words) refusesInWords(t *testing.T) {
	w.seen.t = t
	const spaces = "This password is nothing but spaces, so others would guess it. Choose another one."
	blank := strings.Repeat(" ", 13)
	w.invitesCarer(t, "blank@example.com")
	v := w.visitor(t)
	form := v.starts(t, w.linkTo(t, "blank@example.com"))
	refused := v.press(t, form, "Register", details(w.mobile(), "password", blank)...)
	refused.says(t, 422, spaces)
	refused.faultsAre(t, "password")
	w.seen.hang("register with a password of spaces", "Register", refused)

	v.press(t, v.registers(t, refused), "I accept the terms and conditions").says(t, 200, "You’re in")
	kept := v.press(t, v.open(t, "/settings"), "Save the new password", "password", blank)
	kept.says(t, 422, spaces)
	w.seen.hang("settings with a password of spaces", "Your account", kept)
	w.visitor(t).signIn(t, "blank@example.com", goodPassword).says(t, 200, "You’re in")

	planted := v.press(t, v.open(t, "/settings"), "Save your details", "traits.email", "else@example.com", "traits.name.first", "Robina")
	planted.says(t, 422, "Your email address cannot be changed here.")
	if planted.value(t, "traits.email") != "blank@example.com" || w.user(t, "blank@example.com").FirstName != "Robin" {
		t.Errorf("something was saved: %s", planted.text())
	}
	w.seen.hang("settings with another address", "Your account", planted)
}

func (w *words) warnsOfThieves(t *testing.T) {
	w.seen.t = t
	w.asksForFactor(t, extension.FactorTOTP)
	defer w.asksForNoFactor(t)
	h, ways := w.holder(t, "thief@example.com")
	h.arrives(t, h.press(t, h.setsUpApp(t, ways), "Go on without recovery codes"))
	thief, asked := h.comesBack(t)
	for range extension.GuessesPerWindow - 1 {
		thief.press(t, asked, "Confirm", "code", wrongFor(h.app.code(t)))
	}
	last := thief.press(t, asked, "Confirm", "code", wrongFor(h.app.code(t)))
	const warning = "Then somebody may know your password: choose a new one in your account as soon as you are in again."
	last.says(t, http.StatusTooManyRequests, "Too many wrong codes", warning)
	w.seen.hang("every way is shut", "Too many wrong codes", last)
	w.rows(t, `UPDATE code_failures SET in_a_row = 100`)
	spent := thief.open(t, "/confirm")
	spent.says(t, 200, "Too many wrong codes in a row", warning)
	w.seen.hang("every way is spent", "Too many wrong codes", spent)
}
