package flows_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestRecoveryAsksForTheAddress(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.recovery = captured(t, version, "recovery")
			got := s.get(t, "/recovery")
			got.isStatus(t, http.StatusOK)
			got.shows(t, "Forgot your password?", `name="email"`, `autocomplete="username"`, `type="email"`, "Send me a code", `href="/login"`,
				`name="flow" value="the-flow"`, `name="csrf_token" value="kratos-csrf"`)
			got.hides(t, "Send another code")
			if len(got.cookies) != 1 {
				t.Errorf("got the cookies %v, want Kratos'", got.cookies)
			}
		})
	}
}

func TestEveryAddressIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.recovery = captured(t, version, "recovery-sent")
			form := url.Values{"flow": {"the-flow"}, "csrf_token": {"kratos-csrf"}, "method": {"code"}, "email": {" bob@northwind.example "}}
			got := s.post(t, "/recovery", form)
			got.redirects(t, "/recovery?flow=the-flow")
			if s.account.values["email"] != "bob@northwind.example" {
				t.Errorf("Kratos got %v", s.account.values)
			}
			page := s.get(t, got.location())
			page.shows(t, "Look into your mailbox", "If an account belongs to the address", "your invitation is sent again", "less than an hour ago", "spam folder", `autocomplete="one-time-code"`,
				`inputmode="numeric"`, "Send another code", "No more than five codes an hour", "Use another email address")
			page.hides(t, "has been sent to the email address you provided")
			if n := strings.Count(page.body, "button-primary"); n != 1 {
				t.Errorf("the page has %d primary buttons, want 1", n)
			}
		})
	}
}

func TestARightCodeLeadsToANewPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	got := s.post(t, "/recovery", url.Values{"flow": {"the-flow"}, "csrf_token": {"kratos-csrf"}, "method": {"code"}, "code": {" 123 456 "}})
	got.redirects(t, "/settings?recovered=1")
	want := map[string]string{"csrf_token": "kratos-csrf", "method": "code", "code": "123456"}
	if diff := cmp.Diff(want, s.account.values); diff != "" {
		t.Errorf("Kratos got (-want +got):\n%s", diff)
	}
	if len(got.cookies) != 1 || got.cookies[0].Name != sessionCookie {
		t.Errorf("got the cookies %v", got.cookies)
	}

	s.onboarding.standing(extension.StepIn)
	s.account.settings, s.account.devices = captured(t, "v26", "settings"), browsers()
	page := s.get(t, got.location(), signedIn(asInvitee))
	page.shows(t, "Choose a new password", `autocomplete="new-password"`)
	if strings.Index(page.body, `id="password"`) > strings.Index(page.body, `id="details"`) {
		t.Error("the password does not come first")
	}
}

func TestAWrongRecoveryCodeCanBeTypedAgain(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.recoverErr = &extension.RefusedError{Form: captured(t, version, "recovery-wrong")}
			got := s.post(t, "/recovery", url.Values{"flow": {"the-flow"}, "method": {"code"}, "code": {"000000"}})
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "This code is not right", `name="code"`, `name="email" value="bob@northwind.example"`)

			s.account.recoverErr = &extension.RefusedError{Form: captured(t, version, "recovery-invalid")}
			got = s.post(t, "/recovery", url.Values{"flow": {"the-flow"}, "method": {"code"}, "email": {"nobody"}})
			got.shows(t, "This is no email address.", `href="#field-email"`)
			got.hides(t, "is not valid")
		})
	}
}

func TestAnotherCodeIsAskedForWithoutTheHalfTypedOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.recovery = captured(t, "v26", "recovery-sent")
	s.post(t, "/recovery", url.Values{"flow": {"the-flow"}, "method": {"code"}, "code": {"12"}, "email": {"bob@northwind.example"}})
	if _, ok := s.account.values["code"]; ok || s.account.values["email"] == "" {
		t.Errorf("Kratos got %v", s.account.values)
	}
}

func TestRecoveryThatRanOutOrFailsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	code := url.Values{"flow": {"the-flow"}, "csrf_token": {"kratos-csrf"}, "method": {"code"}, "code": {"000000"}}
	for name, c := range map[string]struct {
		err    error
		status int
		texts  []string
	}{
		"too many wrong codes": {extension.ErrFlowExpired, http.StatusGone, []string{"does not work any more", "Enter your email address", `name="email"`}},
		"switched off":         {extension.ErrDisabled, http.StatusForbidden, []string{"newest invitation email", `href="/login"`}},
		"Kratos is down":       {&extension.TroubleError{Sentence: "It does not answer."}, http.StatusServiceUnavailable, []string{"It does not answer.", `name="code"`, "kratos-csrf"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.recovery, s.account.recoverErr = captured(t, "v26", "recovery"), c.err
			got := s.post(t, "/recovery", code, kratosCookie)
			got.isStatus(t, c.status)
			got.shows(t, c.texts...)
			got.hides(t, "000000")
		})
	}
	s := newSite(t, plainURL)
	s.account.recovery, s.account.verification, s.account.recoverErr = captured(t, "v26", "recovery"), captured(t, "v26", "verification"), extension.ErrFlowExpired
	s.account.verifyErr = extension.ErrFlowExpired
	s.post(t, "/recovery", code).shows(t, "Your browser keeps no cookies", `name="email"`)
	s.post(t, "/verification", code).shows(t, "Your browser keeps no cookies", `name="email"`)
	s.account.expired = "old"
	s.get(t, "/recovery?flow=old").isStatus(t, http.StatusGone)
	s.account.formErr = extension.ErrConflict
	s.get(t, "/recovery", signedIn(asInvitee)).redirects(t, "/settings")
}

func TestAnAddressIsConfirmedByACode(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.verification = captured(t, version, "verification")
			s.get(t, "/verification").shows(t, "Confirm your email address", `name="email"`, "Send me a code")

			s.account.verification = captured(t, version, "verification-sent")
			s.post(t, "/verification", url.Values{"flow": {"the-flow"}, "method": {"code"}, "email": {"new@northwind.example"}}).
				redirects(t, "/verification?flow=the-flow")
			s.get(t, "/verification?flow=the-flow").shows(t, "Look into your mailbox", `autocomplete="one-time-code"`, "Send another code")

			s.account.verifyErr = &extension.RefusedError{Form: captured(t, version, "verification-wrong")}
			got := s.post(t, "/verification", url.Values{"flow": {"the-flow"}, "method": {"code"}, "code": {"000000"}})
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "This code is not right")

			s.account.verifyErr = extension.ErrFlowExpired
			s.post(t, "/verification", url.Values{"flow": {"the-flow"}, "code": {"000000"}}).isStatus(t, http.StatusGone)
			s.account.verifyErr = &extension.TroubleError{Sentence: "It does not answer."}
			s.post(t, "/verification", url.Values{"flow": {"the-flow"}, "code": {"000000"}}).isStatus(t, http.StatusServiceUnavailable)

			s.account.verifyErr = nil
			got = s.post(t, "/verification", url.Values{"flow": {"the-flow"}, "method": {"code"}, "code": {"123456"}})
			got.redirects(t, "/verification?done=1")
			s.get(t, got.location()).shows(t, "Your email address is confirmed", `href="/next"`)
		})
	}
}
