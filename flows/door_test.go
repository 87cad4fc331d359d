package flows_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// doors are the two places at which a code is typed.
func doors() map[string]extension.Step {
	return map[string]extension.Step{"/secure": extension.StepSecure, "/confirm": extension.StepConfirm}
}

// at is a site with somebody at a step.
func at(t *testing.T, step extension.Step) *site {
	t.Helper()
	s := newSite(t, plainURL)
	s.onboarding.standing(step)
	return s
}

// sentTo is the Cookie header's part of a browser to which a code was sent.
func sentTo(way extension.Factor) string {
	return "pp_code_" + string(way) + "=sending-of-" + string(way)
}

func TestTheWaysToSetUpAreOfferedAndNothingIsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepSecure)
	got := s.get(t, "/secure", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Set up a second factor", "Northwind Clinics asks for one.", "Authenticator app", `href="/secure/totp"`,
		"We send a code to +44 ••••• ••0123.", "Send a code by text message", "We send a code to b••@northwind.example.", "Send a code by email",
		`action="/secure/send"`, s.pages.Token(asInvitee))
	if strings.Count(got.body, "button-primary") != 1 {
		t.Error("the page has not one primary button")
	}
	if len(s.onboarding.sent) > 0 {
		t.Error("looking at the page sent a code")
	}

	s.onboarding.place.User.Facts.Activated = now()
	s.get(t, "/secure", signedIn(asInvitee)).shows(t, "Northwind Clinics asks for one from now on.")
	s.onboarding.place.User.Factors = []extension.Factor{extension.FactorEmail} // which is none of the ways any more, or reaches nobody
	s.get(t, "/secure", signedIn(asInvitee)).shows(t, "Northwind Clinics asks for one. It protects")
	s.onboarding.place.User.Factors, s.onboarding.place.Lost = nil, true
	s.get(t, "/secure", signedIn(asInvitee)).shows(t, "Your second factor was taken away: set one up again.")
	s.onboarding.ways = nil
	s.get(t, "/secure", signedIn(asInvitee)).shows(t, "None of the ways", "ask an administrator", "mailto:")
}

func TestTheCodeOfAnAppIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepConfirm)
	s.onboarding.ways = append(s.onboarding.ways, onboard.Way{Kind: extension.FactorRecovery})
	got := s.get(t, "/confirm", signedIn(asInvitee))
	got.shows(t, "Type the code that your authenticator app shows now.", `inputmode="numeric"`, `autocomplete="one-time-code"`, `action="/confirm/code"`,
		"Another way", "Send a code by text message", `href="/confirm/code?way=lookup_secret"`)
	got.hides(t, "maxlength")

	got = s.get(t, "/confirm/code?way=lookup_secret", signedIn(asInvitee))
	got.shows(t, "Use a recovery code", "It works once", `name="way" value="lookup_secret"`)
	got.hides(t, "one-time-code")
}

func TestACodeIsSentByAPressAndTypedOnAPageOfItsOwn(t *testing.T) {
	t.Parallel()
	for path, step := range doors() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := at(t, step)
			got := s.post(t, path+"/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee))
			got.redirects(t, path+"/code?way=sms")
			if got.cookie("pp_code_sms") != "sending-of-sms" {
				t.Errorf("got the cookies %v, want the flow's", got.cookies)
			}
			page := s.get(t, got.location(), signedIn(asInvitee), sentTo(extension.FactorSMS))
			page.isStatus(t, http.StatusOK)
			page.shows(t, "We have sent a code to +44 ••••• ••0123.", `autocomplete="one-time-code"`, "Send another code", "Another way")
			page.hides(t, "sending-of-sms")

			answer := s.post(t, path+"/code", s.signed(asInvitee, "way", "sms", "code", " 123-4 56\u00a0"), signedIn(asInvitee), sentTo(extension.FactorSMS))
			want := map[string]string{"/secure": "/secure/codes", "/confirm": "/next"}[path]
			answer.redirects(t, want)
			confirmed := []onboard.Confirmation{{Way: extension.FactorSMS, Sent: "sending-of-sms", Code: "123456"}}
			if diff := cmp.Diff(confirmed, s.onboarding.confirmed); diff != "" {
				t.Errorf("the verb got something else (-want +got):\n%s", diff)
			}
			if len(s.onboarding.sent) != 1 {
				t.Errorf("%d codes were sent, want 1", len(s.onboarding.sent))
			}
		})
	}
}

func TestACodeThatWasNeverSentIsNotAskedFor(t *testing.T) {
	t.Parallel()
	for path, step := range doors() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := at(t, step)
			for _, address := range []string{"/code?way=sms", "/code?way=webauthn", "/code?way=", "/code", "/send"} {
				s.get(t, path+address, signedIn(asInvitee)).redirects(t, path)
			}
			s.post(t, path+"/code", s.signed(asInvitee, "way", "email", "code", "123456"), signedIn(asInvitee)).redirects(t, path)
			for _, way := range []string{"totp", "lookup_secret", "pigeon", ""} {
				s.post(t, path+"/send", s.signed(asInvitee, "way", way), signedIn(asInvitee)).redirects(t, path)
			}
			if len(s.onboarding.sent)+len(s.onboarding.confirmed) > 0 {
				t.Error("something was sent or confirmed")
			}
		})
	}
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepSecure)
	s.get(t, "/secure/code?way=totp", signedIn(asInvitee)).redirects(t, "/secure")
}

func TestAnotherCodeTakesTime(t *testing.T) {
	t.Parallel()
	for path, step := range doors() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := at(t, step)
			s.onboarding.sendErr = &extension.CooldownError{Until: now().Add(65 * time.Second)}
			form := s.signed(asInvitee, "way", "sms")

			got := s.post(t, path+"/send", form, signedIn(asInvitee), sentTo(extension.FactorSMS))
			got.isStatus(t, http.StatusTooManyRequests)
			got.shows(t, "Another code cannot be sent yet", "If you have a code, type it.", `data-wait="65000"`, ">1:05<", `name="code"`)
			if got.header.Get("Retry-After") != "65" {
				t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
			}

			got = s.post(t, path+"/send", form, signedIn(asInvitee)) // in another browser
			got.isStatus(t, http.StatusTooManyRequests)
			got.shows(t, "choose another way", ">1:05<", "Send a code by email")

			s.onboarding.ways[1].Next = now().Add(9 * time.Second)
			s.get(t, path+"/code?way=sms", signedIn(asInvitee), sentTo(extension.FactorSMS)).shows(t, ">0:09<", `data-over="You can ask for another code now."`)
			s.onboarding.ways[1].Next = now()
			s.get(t, path+"/code?way=sms", signedIn(asInvitee), sentTo(extension.FactorSMS)).hides(t, "data-wait")
		})
	}
}

func TestAWrongCodeIsSaidAtItsField(t *testing.T) {
	t.Parallel()
	refused := func(id int64) error {
		return &extension.RefusedError{Form: extension.Form{Messages: []extension.Message{{ID: id, Text: "Kratos' own", Error: true}}}}
	}
	for name, c := range map[string]struct {
		code, text string
		err        error
	}{
		"none":                 {"", "Type the code.", nil},
		"only spaces":          {" - ", "Type the code.", nil},
		"wrong by the verb":    {"123456", "Not this one.", extension.Invalid("code", "Not this one.")},
		"wrong by Kratos":      {"123456", "This code is not right", refused(4010008)},
		"an app's by Kratos":   {"123456", "Codes change every 30 seconds", refused(4000008)},
		"refused without word": {"123456", "This code is not right. Check it", &extension.RefusedError{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for path, step := range doors() {
				t.Run(path, func(t *testing.T) {
					t.Parallel()
					s := at(t, step)
					s.onboarding.codeErr = c.err
					got := s.post(t, path+"/code", s.signed(asInvitee, "way", "sms", "code", c.code), signedIn(asInvitee), sentTo(extension.FactorSMS))
					got.isStatus(t, http.StatusUnprocessableEntity)
					got.shows(t, c.text, `href="#field-code"`, `id="field-code-error"`, `aria-invalid="true"`, "Send another code", "Another way")
					got.hides(t, "Kratos&#39; own")
				})
			}
		})
	}
}

func TestWhatKeepsACodeFromWorkingIsSaidWithAWayOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		text   string
	}{
		"too many wrong ones": {extension.ErrFlowExpired, http.StatusGone, "This code does not work any more"},
		"Kratos is down":      {&extension.TroubleError{Sentence: "The sign-in service does not answer."}, http.StatusServiceUnavailable, "Wait a moment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for path, step := range doors() {
				t.Run(path, func(t *testing.T) {
					t.Parallel()
					s := at(t, step)
					s.onboarding.codeErr, s.onboarding.sendErr = c.err, c.err
					s.onboarding.reply = extension.Reply{SetCookies: []string{sessionCookie + "=renewed-" + asInvitee + "; Path=/; HttpOnly"}}
					for _, got := range []answer{
						s.post(t, path+"/code", s.signed(asInvitee, "way", "sms", "code", "1"), signedIn(asInvitee), sentTo(extension.FactorSMS)),
						s.post(t, path+"/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee), sentTo(extension.FactorSMS)),
						s.post(t, path+"/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee)),
					} {
						got.isStatus(t, c.status)
						got.shows(t, c.text, `action="`+path+`/send"`, s.pages.Token("renewed-"+asInvitee))
					}
				})
			}
		})
	}
	for path, step := range doors() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := at(t, step)
			s.onboarding.sendErr = extension.Invalid("way", "There is no number.")
			got := s.post(t, path+"/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee))
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "No code was sent", "There is no number.")

			s.onboarding.sendErr, s.onboarding.codeErr = errors.New("broken"), errors.New("broken")
			s.post(t, path+"/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee)).isStatus(t, http.StatusInternalServerError)
			form := s.signed(asInvitee, "way", "sms", "code", "1")
			s.post(t, path+"/code", form, signedIn(asInvitee), sentTo(extension.FactorSMS)).isStatus(t, http.StatusInternalServerError)
		})
	}
}

func TestADoorThatIsDoneLeadsOn(t *testing.T) {
	t.Parallel()
	for path, step := range doors() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := at(t, step)
			s.onboarding.codeErr, s.onboarding.sendErr = &onboard.StepError{Step: extension.StepAgree}, &onboard.StepError{Step: extension.StepAgree}
			s.post(t, path+"/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee)).redirects(t, "/next")
			s.post(t, path+"/code", s.signed(asInvitee, "way", "sms", "code", "1"), signedIn(asInvitee), sentTo(extension.FactorSMS)).redirects(t, "/next")

			s.onboarding.standing(extension.StepAgree) // back button
			for _, address := range []string{"", "/code?way=sms"} {
				s.get(t, path+address, signedIn(asInvitee), sentTo(extension.FactorSMS)).redirects(t, "/next")
			}
			for _, address := range []string{"/send", "/code"} {
				s.post(t, path+address, s.signed(asInvitee, "way", "sms", "code", "1"), signedIn(asInvitee), sentTo(extension.FactorSMS)).redirects(t, "/next")
			}
			s.get(t, path).redirects(t, "/login?return_to="+url.QueryEscape(path))
		})
	}
}

func TestAnOldFormOfADoorSendsAndSavesNothing(t *testing.T) {
	t.Parallel()
	for path, step := range doors() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := at(t, step)
			for _, address := range []string{"/send", "/code"} {
				got := s.post(t, path+address, s.signed("an older session", "way", "sms", "code", "1"), signedIn(asInvitee), sentTo(extension.FactorSMS))
				got.redirects(t, path)
				s.get(t, path, signedIn(asInvitee), "pp_notice="+got.cookie("pp_notice")).shows(t, "nothing was sent or saved")
			}
			if len(s.onboarding.sent)+len(s.onboarding.confirmed) > 0 {
				t.Error("something was sent or confirmed")
			}
		})
	}
}

func TestAWayWhoseCodesAreNotLookedAtLeadsToAnother(t *testing.T) {
	t.Parallel()
	s := at(t, extension.StepConfirm)
	s.onboarding.ways = append(s.onboarding.ways, onboard.Way{Kind: extension.FactorRecovery})
	s.onboarding.ways[0].Closed = now().Add(14*time.Minute + 32*time.Second)
	for _, got := range []answer{
		s.get(t, "/confirm", signedIn(asInvitee)), s.get(t, "/confirm/code?way=totp", signedIn(asInvitee)),
		s.post(t, "/confirm/code", s.signed(asInvitee, "way", "totp", "code", ""), signedIn(asInvitee)),
	} {
		got.shows(t, "Too many wrong codes", "10 wrong codes were typed within a quarter of an hour", "Take another way, or wait.", ">14:32<",
			"Send a code by text message", `href="/confirm/code?way=lookup_secret"`)
		got.hides(t, `name="code"`, ">Confirm<")
		if strings.Count(got.body, "button-primary") != 1 {
			t.Error("the page has not one primary button")
		}
	}
	s.get(t, "/confirm/code?way=lookup_secret", signedIn(asInvitee)).shows(t, `name="code"`, ">14:32<")

	s.onboarding.ways = s.onboarding.ways[:1]
	s.get(t, "/confirm", signedIn(asInvitee)).shows(t, "Wait, then try again.")
	s.onboarding.ways[0].Closed, s.onboarding.ways[0].Spent = time.Time{}, true
	for _, path := range []string{"/confirm", "/confirm/code?way=totp"} {
		got := s.get(t, path, signedIn(asInvitee))
		got.shows(t, "Too many wrong codes in a row", "ask your administrator", "mailto:")
		got.hides(t, `name="code"`, "looked at again")
	}

	s = at(t, extension.StepConfirm)
	for i := range s.onboarding.ways {
		s.onboarding.ways[i].Spent = true
	}
	s.onboarding.ways = append(s.onboarding.ways, onboard.Way{Kind: extension.FactorRecovery})
	got := s.get(t, "/confirm", signedIn(asInvitee))
	got.shows(t, "Too many wrong codes in a row", "ask your administrator", `href="/confirm/code?way=lookup_secret"`, "Text message: too many wrong codes in a row")
	got.hides(t, "data-wait", `action="/confirm/send"`)
	s.get(t, "/confirm/code?way=lookup_secret", signedIn(asInvitee)).shows(t, `name="code"`)

	s = at(t, extension.StepSecure)
	s.onboarding.ways[0].Closed, s.onboarding.ways[1].Closed = now().Add(time.Minute), now().Add(time.Minute)
	s.get(t, "/secure", signedIn(asInvitee)).shows(t, `href="/secure/totp"`, ">1:00<", "Send a code by email")
	s.get(t, "/secure/code?way=sms", signedIn(asInvitee), sentTo(extension.FactorSMS)).shows(t, "Too many wrong codes")
	for i := range s.onboarding.ways {
		s.onboarding.ways[i].Closed, s.onboarding.ways[i].Spent = time.Time{}, true
	}
	for _, path := range []string{"/secure", "/secure/code?way=sms"} { // the app can still be set up: its secret is on the page
		got = s.get(t, path, signedIn(asInvitee), sentTo(extension.FactorSMS))
		got.shows(t, `href="/secure/totp"`, "Email: too many wrong codes in a row")
		got.hides(t, "data-wait", "Nobody can go on")
	}
	s.onboarding.ways = s.onboarding.ways[1:]
	s.get(t, "/secure", signedIn(asInvitee)).shows(t, "Nobody can go on with a code now", "mailto:")
}

func TestNoCodeIsSentByAWayThatIsShut(t *testing.T) {
	t.Parallel()
	for path, step := range doors() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := at(t, step)
			s.onboarding.sendErr = extension.Invalid("way", "Too many.")
			s.onboarding.ways[1].Closed = now().Add(time.Minute)
			got := s.post(t, path+"/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee))
			got.isStatus(t, http.StatusTooManyRequests)
			got.shows(t, "10 wrong codes were typed within a quarter of an hour", ">1:00<", "Send a code by email")
			got.hides(t, "A code was sent a short time ago")
			if got.header.Get("Retry-After") != "60" {
				t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
			}
		})
	}
}
