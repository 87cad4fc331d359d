package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// soonAgain forgets that codes were sent, as if the pause had passed.
func (s *testStack) soonAgain(t testing.TB) {
	t.Helper()
	s.rows(t, `DELETE FROM code_sends`)
}

// addsApp sets up an authenticator app on the account's page.
func (v *visitor) addsApp(t *testing.T) authenticator {
	t.Helper()
	setUp := v.press(t, v.theSettings(t), "Add an authenticator app")
	setUp.says(t, 200, "Scan this code with the app")
	app := authenticator{secret: secretOn(setUp)}
	v.stack.log.mustNotHold(app.secret)
	wrong := v.press(t, setUp, "Confirm", "code", "000000")
	wrong.says(t, 422, "This code is not right")
	if same := secretOn(wrong); same != app.secret {
		t.Error("a wrong code changes the secret that the app has")
	}
	code := app.code(t)
	v.press(t, wrong, "Confirm", "code", code[:3]+" "+code[3:]).says(t, 200, "Take away Authenticator app")
	return app
}

// keepsCodes makes new recovery codes on the account's page and keeps them.
func (v *visitor) keepsCodes(t *testing.T) []string {
	t.Helper()
	shown := v.press(t, v.theSettings(t), "Make new recovery codes")
	shown.says(t, 200, "Your new recovery codes")
	codes := shownCodes(t, shown)
	v.stack.neverLogged(t, codes...)
	v.press(t, shown, "I have kept them").says(t, 200, "Your new recovery codes work from now on.")
	return codes
}

// confirmsOnPaper shows a recovery code at the door.
func (v *visitor) confirmsOnPaper(t *testing.T, code string) page {
	t.Helper()
	return v.press(t, v.open(t, "/confirm/code?way=lookup_secret"), "Confirm", "code", code)
}

func (s *testStack) changesFactors(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "factors@example.com"
	v := s.member(t, ada, address)
	v.theSettings(t).says(t, 200, "You have not set one up yet.")
	v.theSettings(t).lacks(t, "Make new recovery codes", "recovery codes")
	app := v.addsApp(t)
	v.theSettings(t).says(t, 200, "You have no recovery codes", "Make recovery codes")
	old := v.keepsCodes(t)
	v.theSettings(t).lacks(t, "You have no recovery codes")

	// Codes that are shown and not kept leave the old ones as they are.
	cancelled := v.press(t, v.theSettings(t), "Make new recovery codes")
	cancelled.says(t, 200, "Until then, your older codes do.")
	if diff := cmp.Diff(old, shownCodes(t, cancelled)); diff == "" {
		t.Error("the new codes are the old ones")
	}
	s.neverLogged(t, shownCodes(t, cancelled)...)
	paper := s.visitor(t)
	paper.signIn(t, address, goodPassword)
	paper.open(t, "/settings").says(t, 200, "Confirm that it is you")
	paper.confirmsOnPaper(t, shownCodes(t, cancelled)[0]).says(t, 422, "This is none of your recovery codes.")
	paper.confirmsOnPaper(t, strings.ToUpper(old[0][:4])+"-"+old[0][4:]).says(t, 200, "Your account")

	fresh := v.keepsCodes(t)
	thief := s.visitor(t)
	thief.signIn(t, address, goodPassword)
	thief.open(t, "/settings").says(t, 200, "Confirm that it is you")
	thief.confirmsOnPaper(t, old[1]).says(t, 422, "This is none of your recovery codes.")
	for _, path := range []string{"/settings/totp", "/settings/codes", "/settings/code", "/settings/password", "/settings/profile", "/settings/sessions"} {
		thief.open(t, path).says(t, 200, "Confirm that it is you")
	}
	thief.confirmsOnPaper(t, fresh[0]).says(t, 200, "Your account")
	thief.press(t, thief.open(t, "/settings"), "Sign out everywhere else")
	if v.whoami(t) != http.StatusUnauthorized {
		t.Error("a confirmed session could not end the others")
	}

	s.addsCodeWays(t, thief, address)
	s.takesAppAway(t, thief, address, app)
	v.addressesLack(t, slices.Concat(old, fresh, []string{app.secret})...)
	thief.addressesLack(t, slices.Concat(old, fresh)...)
}

// addsCodeWays adds codes by text message and by e-mail to an account that has an app.
func (s *testStack) addsCodeWays(t *testing.T, v *visitor, address string) {
	t.Helper()
	mobile := s.user(t, address).Mobile
	for _, way := range []struct{ button, to string }{{"Add codes by text message", mobile}, {"Add codes by email", address}} {
		before := len(s.besidesNews(way.to))
		asked := v.press(t, v.theSettings(t), way.button)
		asked.says(t, 200, "We have sent a code to", "Type it here to show that codes reach you.")
		asked.says(t, 200, "•••")
		code := s.nthCode(t, way.to, before+1)
		v.press(t, asked, "Confirm the code", "code", "").says(t, 422, "Enter the code.")
		v.press(t, asked, "Send another code").says(t, 429, "Another code cannot be sent yet")
		v.press(t, asked, "Confirm the code", "code", code).says(t, 200, "Codes can go there from now on.")
		v.addressesLack(t, code)
	}
	account := v.theSettings(t)
	account.lacks(t, "Add codes by")
	if n := len(s.user(t, address).Factors); n != 3 {
		t.Errorf("there are %d factors, want 3", n)
	}
	s.soonAgain(t)
}

// takesAppAway takes the app of somebody away who has other ways; the old app then shows nothing that counts.
func (s *testStack) takesAppAway(t *testing.T, v *visitor, address string, app authenticator) {
	t.Helper()
	account := v.theSettings(t)
	without := v.press(t, account, "Take away Authenticator app")
	without.says(t, 200, "Add an authenticator app", "Text message")
	v.press(t, account, "Take away Authenticator app").says(t, 200, "Your account") // twice, from the page before
	eventually(t, "the app is forgotten", func() bool { return len(s.user(t, address).Factors) == 2 })
	other := s.visitor(t)
	other.signIn(t, address, goodPassword)
	choice := other.open(t, "/settings")
	choice.says(t, 200, "Confirm that it is you", "Text message", "Email", "Recovery code")
	choice.lacks(t, "Authenticator app")
	s.appsRest(t)
	if p := other.confirmsWithForm(t, choice, "totp", app.code(t)); strings.Contains(p.text(), "Your account") {
		t.Error("an app that was taken away still confirms")
	}
	before := len(s.besidesNews(address))
	sent := other.press(t, choice, "Send a code by email")
	sent.says(t, 200, "Type the code")
	other.press(t, sent, "Confirm", "code", s.nthCode(t, address, before+1)).says(t, 200, "Your account")
}

// confirmsWithForm posts a code for a way that the page does not offer.
func (v *visitor) confirmsWithForm(t *testing.T, p page, way, code string) page {
	t.Helper()
	return v.do(t, v.submission(t, p, form{
		method: http.MethodPost, action: p.resolve(t, "/confirm/code"), fields: []string{"csrf", p.value(t, "csrf"), "way", way, "code", code},
	}))
}

// protectsMobile changes the number of somebody whose factor it is: only a confirmed session may.
func (s *testStack) protectsMobile(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "mobile@example.com"
	v := s.member(t, ada, address)
	mobile := s.user(t, address).Mobile
	early := s.visitor(t) // has the form open from before there was a factor
	early.signIn(t, address, goodPassword)
	form := early.theSettings(t)
	asked := v.press(t, v.theSettings(t), "Add codes by text message")
	v.press(t, asked, "Confirm the code", "code", s.nthCode(t, mobile, 1)).says(t, 200, "Codes can go there from now on.")
	if early.whoami(t) == http.StatusOK {
		t.Error("a session from before the first factor lives on")
	}
	early.press(t, form, "Save your details", "traits.phone", s.mobile()).says(t, 200, "Sign in")
	early.signIn(t, address, goodPassword)
	early.do(t, early.submission(t, form, form.formWith(t, "Save your details", "traits.phone", s.mobile()))).says(t, 200, "Confirm that it is you")
	if now := s.user(t, address).Mobile; now != mobile {
		t.Errorf("the password alone changed the mobile to %s", now)
	}

	s.movesTo(t, v, address, s.mobile())
}

// movesTo changes the number of somebody whose only factor it is. The account is not there for whoever has the password
// meanwhile: the session that made the change sets the new one up, and another one cannot.
func (s *testStack) movesTo(t *testing.T, v *visitor, address, number string) {
	t.Helper()
	s.soonAgain(t)
	moved := v.press(t, v.theSettings(t), "Save your details", "traits.phone", number)
	moved.says(t, 200, "Your details are saved.", "confirm below that they reach you at the new one", "Codes went elsewhere before.")
	s.observes(t, address)
	thief := s.visitor(t)
	thief.signIn(t, address, goodPassword)
	thief.opensNoSettings(t)
	for _, path := range []string{"/settings", "/settings/totp"} {
		if got := thief.open(t, path); got.path() != "/confirm" {
			t.Errorf("with the password alone, %s leads to %s", path, got.path())
		}
	}
	thief.open(t, "/confirm").lacks(t, byText)
	asked := v.press(t, moved, "Send a code there")
	v.press(t, asked, "Confirm the code", "code", s.nthCode(t, number, 1)).says(t, 200, "Codes can go there from now on.")
	v.theSettings(t).lacks(t, "Codes went elsewhere before.")
	if factors := s.factors(t, address); factors != "sms" {
		t.Errorf("the factors are %q", factors)
	}
	thief.open(t, "/settings").says(t, 200, byText)
}

// observes waits until what Kratos holds of a person was looked at once more.
func (s *testStack) observes(t *testing.T, address string) {
	t.Helper()
	number, _ := s.identity(t, s.user(t, address).Identity)["traits"].(object)["phone"].(string)
	eventually(t, "the number is known", func() bool { return s.user(t, address).Mobile == number })
}
