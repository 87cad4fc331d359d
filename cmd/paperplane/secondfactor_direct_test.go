package main

import (
	"net/http"
	"slices"
	"testing"

	"paperplane/extension"
	"paperplane/extension/gate"
)

// TestSecondStepsAtKratosItself has somebody with the password go to Kratos, which counts no wrong codes. What is shown there
// counts only where the operator says so, and it helps nobody who takes it to our pages.
func TestSecondStepsAtKratosItself(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		s.asksForFactor(t, extension.Ways()...)
		inTurn(t,
			story{"a code of the app, found at Kratos, works nowhere", func(t *testing.T) { s.findsAppCode(t) }},
			story{"a code that was sent, and a recovery code", func(t *testing.T) { s.showsThemToKratos(t) }},
			story{"a right code after a wrong one, on our pages", func(t *testing.T) { s.mistypes(t) }},
			story{"a right code in another browser of theirs, or by another way", func(t *testing.T) { s.carriesCodesAway(t) }},
		)
	})
}

// isPastPages fails the test unless Kratos refused a right code because it was shown to it.
func (v *visitor) isPastPages(t *testing.T, fields object) {
	t.Helper()
	status, errors := v.confirmsNow(t, fields)
	if status != http.StatusBadRequest || !slices.Contains(errors, gate.ObjectionPastPages) {
		t.Errorf("a right %s shown to Kratos is answered with %d, %v", fields["method"], status, errors)
	}
	if proofs := v.proofs(t); proofs != "" {
		t.Errorf("the session has shown %q", proofs)
	}
}

func (s *testStack) findsAppCode(t *testing.T) {
	t.Helper()
	owner := s.secured(t, "found@example.com")
	thief, asked := owner.comesBack(t)
	now, next := owner.app.twoCodes(t)
	thief.isPastPages(t, object{"method": "totp", "totp_code": now})
	for _, code := range []string{now, next} {
		asked = thief.press(t, asked, "Confirm", "code", code)
		asked.says(t, 422, "A code of this authenticator app was used a moment ago")
	}
	thief.staysOut(t)
	s.appsRest(t)
	thief.press(t, asked, "Confirm", "code", owner.app.code(t)).says(t, 200, "Your account")
}

func (s *testStack) showsThemToKratos(t *testing.T) {
	t.Helper()
	owner := s.texting(t, "direct@example.com")
	thief, _ := owner.comesBack(t)
	step := thief.secondStep(t, "&via=phone")
	code := step.sends(t, owner.mobile, s.queued(t, owner.mobile))
	if step.submitStep(t, object{"method": "code", "code": code}) {
		t.Error("a code shown to Kratos is taken")
	}
	thief.staysOut(t)
	owner, _ = owner.comesBack(t)
	owner.isPastPages(t, object{"method": "lookup_secret", "lookup_secret": owner.codes[0]})
	owner.staysOut(t)
	paper := owner.press(t, owner.open(t, "/confirm"), "Use a recovery code")
	refused := owner.press(t, paper, "Confirm", "code", owner.codes[0]) // Kratos counts it as used all the same
	refused.says(t, 422, "This recovery code was used before")
	owner.press(t, refused, "Confirm", "code", owner.codes[1]).says(t, 200, "Your account")
}

// mistypes has somebody type a wrong code before the right one, which Kratos by itself could not tell the way of.
func (s *testStack) mistypes(t *testing.T) {
	t.Helper()
	owner := s.texting(t, "typo@example.com")
	again, ways := owner.comesBack(t)
	typing, code := again.asks(t, ways, byText, owner.mobile)
	refused := again.press(t, typing, "Confirm", "code", wrongFor(code))
	refused.says(t, 422, "This code is not right", "Type the newest one that you were sent")
	again.press(t, refused, "Confirm", "code", code).says(t, 200, "You’re in")
	if proofs := again.proofs(t); proofs != "sms" {
		t.Errorf("the session has shown %q", proofs)
	}
	s.rests(t, extension.CodePause)
}

// carriesCodesAway types a code that was sent to one browser in another one, and passes it for another way's.
func (s *testStack) carriesCodesAway(t *testing.T) {
	t.Helper()
	owner := s.texting(t, "carried@example.com")
	here, ways := owner.comesBack(t)
	typing, code := here.asks(t, ways, byText, owner.mobile)
	there, _ := owner.comesBack(t)
	s.rests(t, extension.CodePause)
	sent := cookieOf(t, here.visitor, "/confirm", "pp_code_sms")
	for _, name := range []string{"pp_code_sms", "pp_code_email"} {
		there.client.Jar.SetCookies(there.visitor.address(t, "/confirm"), []*http.Cookie{{Name: name, Value: sent, Path: "/confirm"}})
	}
	there.open(t, "/confirm/code?way=email").lacks(t, "Type the code") // no way of theirs
	there.press(t, there.open(t, "/confirm/code?way=sms"), "Confirm", "code", code).says(t, 410, "This code does not work any more")
	if proofs := there.proofs(t); proofs != "" {
		t.Errorf("the other browser has shown %q", proofs)
	}
	here.press(t, typing, "Confirm", "code", code).says(t, 200, "You’re in")
}

// cookieOf reads one of our cookies as a browser would send it to a page.
func cookieOf(t *testing.T, v *visitor, path, name string) string {
	t.Helper()
	for _, cookie := range v.client.Jar.Cookies(v.address(t, path)) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	t.Fatalf("the browser has no cookie %s for %s", name, path)
	return ""
}
