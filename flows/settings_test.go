package flows_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/flows"
)

// atHome is a site whose invitee has arrived, with the settings that a Kratos of this version shows.
func atHome(t *testing.T, version string) *site {
	t.Helper()
	s := newSiteWith(t, plainURL, func(o *flows.Options) {
		withProvider(o)
		o.Mobiles = func(number, region string) (string, error) {
			if strings.HasPrefix(number, "0") && region == "SE" {
				return "+46" + number[1:], nil
			}
			if !strings.HasPrefix(number, "+") {
				return "", extension.Invalid("mobile", "Write the number with + and the country code.")
			}
			return strings.ReplaceAll(number, " ", ""), nil
		}
	})
	s.onboarding.standing(extension.StepIn)
	s.onboarding.place.User.FirstName, s.onboarding.place.User.LastName = "Bob", "Builder"
	s.account.settings, s.account.devices = captured(t, version, "settings"), browsers()
	s.onboarding.form = s.account.settings
	return s
}

func TestTheAccountShowsEveryPart(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := atHome(t, version)
			got := s.get(t, "/settings", signedIn(asInvitee))
			got.isStatus(t, http.StatusOK)
			got.shows(t, "Your account",
				`name="traits.name.first"`, `value="Bob"`, `autocomplete="given-name"`, `autocomplete="family-name"`, `value="+46701740605"`, `autocomplete="tel"`, `type="tel"`,
				`name="traits.email"`, "readonly", "cannot be changed here", `autocomplete="new-password"`,
				"Add an authenticator app", "Add codes by text message", "Add codes by email",
				"Link Example &amp; Co", "Firefox on Linux", "Safari on iPhone", "An unknown browser", "This browser", "Sign out everywhere else", "192.0.2.7")
			got.hides(t, "traits.terms", "kratos-csrf", "data:image", "JBSW", "<b>curl", "button-primary", "Make new recovery codes")
		})
	}
}

func TestWhoHasNotArrivedIsSentToTheStepThatIsDue(t *testing.T) {
	t.Parallel()
	for _, step := range []extension.Step{extension.StepRegister, extension.StepStart, extension.StepPaused, extension.StepExpired} {
		s := atHome(t, "v26")
		s.onboarding.standing(step)
		s.get(t, "/settings", signedIn(asInvitee)).redirects(t, "/next")
		s.post(t, "/settings/password", s.signed(asInvitee, "password", "correct horse"), signedIn(asInvitee)).redirects(t, "/next")
		if len(s.account.calls) > 0 {
			t.Errorf("at %s Kratos was asked: %v", step, s.account.calls)
		}
	}
	s := atHome(t, "v26")
	s.get(t, "/settings").redirects(t, "/login?return_to=%2Fsettings")
}

func TestAProvenFactorIsShownBeforeAnythingCanBeChanged(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	s.onboarding.place.User.Factors = []extension.Factor{extension.FactorSMS}
	s.onboarding.place.Asking = s.onboarding.place.Organisation
	got := s.get(t, "/settings?recovered=1", signedIn(asInvitee))
	got.redirects(t, "/confirm")
	for _, path := range []string{"/profile", "/password", "/totp", "/codes", "/code", "/social", "/sessions"} {
		s.post(t, "/settings"+path, s.signed(asInvitee, "way", "email"), signedIn(asInvitee)).redirects(t, "/confirm")
	}
	if len(s.account.calls)+len(s.account.ended)+len(s.onboarding.sent)+s.onboarding.made > 0 {
		t.Fatal("something was changed")
	}

	cookie := got.cookies[len(got.cookies)-1]
	wanted := cookie.Name + "=" + cookie.Value
	s.onboarding.ways = []onboard.Way{{Kind: extension.FactorSMS, Masked: "••• 605", Proven: true}}
	s.get(t, "/confirm", signedIn(asInvitee), wanted).isStatus(t, http.StatusOK)
	got = s.post(t, "/confirm/send", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee), wanted)
	sent := got.cookies[len(got.cookies)-1]
	got = s.post(t, "/confirm/code", s.signed(asInvitee, "way", "sms", "code", "123456"), signedIn(asInvitee), wanted, sent.Name+"="+sent.Value)
	got.redirects(t, "/settings?recovered=1")
	got = s.get(t, "/settings", signedIn(asInvitee), wanted) // looked at before the factor was shown
	if cookie = got.cookies[len(got.cookies)-1]; cookie.Name+"="+cookie.Value != wanted {
		t.Error("that a new password is to be chosen is forgotten")
	}

	s.onboarding.place.Asking = extension.Organisation{}
	s.get(t, "/settings", signedIn(asInvitee)).isStatus(t, http.StatusOK)
}

func TestAConfirmationLeadsBackToTheAccountAlone(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	s.onboarding.place.User.Factors = []extension.Factor{extension.FactorTOTP}
	s.onboarding.place.Asking = s.onboarding.place.Organisation
	for _, path := range []string{"//evil.example", "https://evil.example/settings", "/o/northwind/users", "/settings\n//evil.example", "", "/join/", "/join/../o/northwind/users", "/join//evil.example"} {
		planted := "pp_confirm_for=" + base64.RawURLEncoding.EncodeToString([]byte(path))
		s.get(t, "/confirm", signedIn(asInvitee), planted).redirects(t, "/next")
	}
}

func TestDetailsAreSavedWithEverythingThatDoesNotChange(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := atHome(t, version)
			s.onboarding.place.Organisation.Region = "SE"
			got := s.post(t, "/settings/profile", s.signed(asInvitee,
				"traits.name.first", " Bobby ", "traits.name.last", "Baker", "traits.phone", "0701740606", "traits.email", s.account.settings.Traits.Email,
			), signedIn(asInvitee))
			got.redirects(t, "/settings")
			want := s.account.settings.Traits
			want.FirstName, want.LastName, want.Mobile = "Bobby", "Baker", "+46701740606"
			if diff := cmp.Diff(want, s.account.traits); diff != "" {
				t.Errorf("Kratos got (-want +got):\n%s", diff)
			}
			notice := got.cookies[len(got.cookies)-1]
			s.get(t, "/settings", signedIn(asInvitee), notice.Name+"="+notice.Value).shows(t, "Your details are saved.")
		})
	}
}

func TestAnotherAddressThanTheAccountsIsRefusedInWords(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	got := s.post(t, "/settings/profile", s.signed(asInvitee, "traits.name.first", "Bobby", "traits.name.last", "Baker",
		"traits.phone", "+46701740606", "traits.email", "evil@evil.example"), signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "Your email address cannot be changed here.", `href="#field-traits.email"`, `value="Bobby"`)
	got.hides(t, "evil@evil.example")
	if s.account.traits.Email != "" {
		t.Errorf("Kratos got %+v", s.account.traits)
	}
}

func TestAPasswordOfSpacesIsRefusedInWords(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	got := s.post(t, "/settings/password", s.signed(asInvitee, "password", strings.Repeat(" ", 13)), signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "This password is nothing but spaces, so others would guess it. Choose another one.", `id="field-password-error"`)
}

func TestDetailsThatAreWrongComeBackAsTheyWereTyped(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := atHome(t, version)
			got := s.post(t, "/settings/profile", s.signed(asInvitee, "traits.name.first", "Bobby", "traits.phone", "abc"), signedIn(asInvitee))
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "Enter your last name.", `value="Bobby"`, `value="abc"`, `href="#field-traits.name.last"`)

			got = s.post(t, "/settings/profile", s.signed(asInvitee,
				"traits.name.first", "Bobby", "traits.name.last", "Baker", "traits.phone", "abc"), signedIn(asInvitee))
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "Write the number with +", `id="field-traits.phone-error"`, `value="Bobby"`)

			s.account.changeErr = &extension.RefusedError{Form: captured(t, version, "settings-phone-wrong")}
			got = s.post(t, "/settings/profile", s.signed(asInvitee,
				"traits.name.first", "Bobby", "traits.name.last", "Baker", "traits.phone", "+46 1"), signedIn(asInvitee))
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "This is no mobile number.")
			got.hides(t, "is not valid", "valid phone number")

			form := captured(t, version, "settings")
			form.Messages = []extension.Message{{ID: 4000007, Text: "exists already", Error: true}}
			s.account.changeErr = &extension.RefusedError{Form: form}
			s.post(t, "/settings/profile", s.signed(asInvitee,
				"traits.name.first", "Bobby", "traits.name.last", "Baker", "traits.phone", "+46701740606"), signedIn(asInvitee)).
				shows(t, "This number belongs to another account.", "ask your administrator to free it")
		})
	}
}

func TestASessionThatIsTooOldSignsInAgainAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	s.account.changeErr = extension.ErrStaleSession
	got := s.post(t, "/settings/profile", s.signed(asInvitee,
		"traits.name.first", "Bobby", "traits.name.last", "Baker", "traits.phone", "+46701740606"), signedIn(asInvitee))
	got.redirects(t, "/login?refresh=yes&return_to=%2Fsettings")
	kept := got.cookies[len(got.cookies)-1]
	if kept.Path != "/settings" || !kept.HttpOnly || strings.Contains(kept.Value, "Bobby") {
		t.Errorf("wrong cookie: %s", kept.Raw)
	}

	s.account.form = captured(t, "v26", "login-refresh")
	page := s.get(t, got.location(), signedIn(asInvitee))
	page.shows(t, "Sign in again", "To be sure that it is you, sign in once more", `name="refresh" value="yes"`, `name="return_to" value="/settings"`,
		`type="hidden" name="identifier" value="bob@northwind.example"`, `autocomplete="current-password"`)
	page.hides(t, "Forgot your password?", "Confirm that it is you") // which is said above, in our words
	form := credentials()
	form.Set("return_to", "/settings")
	form.Set("refresh", "yes")
	s.post(t, "/login", form, signedIn(asInvitee)).redirects(t, "/settings")
	if diff := cmp.Diff([]string{"profile", "refresh"}, s.account.calls); diff != "" || s.account.submitted["refresh"] != "" {
		t.Errorf("Kratos was asked (-want +got):\n%s, submitted %v", diff, s.account.submitted)
	}

	shown := s.get(t, "/settings", signedIn(asInvitee), kept.Name+"="+kept.Value)
	shown.shows(t, "What you typed is still here.", `value="Bobby"`, `value="+46701740606"`)
	if last := shown.cookies[len(shown.cookies)-1]; last.Name != kept.Name || last.MaxAge >= 0 {
		t.Errorf("the cookie stays: %s", last.Raw)
	}
	s.account.settings.Identity = strangerID
	s.get(t, "/settings", signedIn(asStranger), kept.Name+"="+kept.Value).hides(t, "Bobby")

	s.account.settings.Identity = inviteeID
	s.post(t, "/settings/password", s.signed(asInvitee, "password", "x"), signedIn(asInvitee)).redirects(t, "/login?refresh=yes&return_to=%2Fsettings")
}

func TestANewPasswordIsSavedOrRefusedAtItsField(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := atHome(t, version)
			s.post(t, "/settings/password", s.signed(asInvitee, "password", "correct horse battery"), signedIn(asInvitee)).redirects(t, "/settings")
			if s.account.typed != "correct horse battery" {
				t.Errorf("Kratos got %q", s.account.typed)
			}
			s.account.changeErr = &extension.RefusedError{Form: captured(t, version, "settings-password-short")}
			got := s.post(t, "/settings/password", s.signed(asInvitee, "password", "short"), signedIn(asInvitee))
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "This password is too short.", `href="#field-password"`, `value="Bob"`)
			got.hides(t, `value="short"`, "but got 5")
		})
	}
}

func TestWhatOurGuardSaysIsSaidAndAFactorIsShownFirst(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	form := captured(t, "v26", "settings")
	form.Messages = []extension.Message{{ID: gate.ObjectionPaused, Text: "Your access is paused.", Error: true}}
	s.account.changeErr = &extension.RefusedError{Form: form}
	s.post(t, "/settings/password", s.signed(asInvitee, "password", "x"), signedIn(asInvitee)).shows(t, "Your access is paused.")

	form.Messages[0].ID = gate.ObjectionFactor
	s.account.changeErr = &extension.RefusedError{Form: form}
	s.post(t, "/settings/password", s.signed(asInvitee, "password", "x"), signedIn(asInvitee)).redirects(t, "/confirm")
	s.account.settingsErr = extension.ErrForbidden
	s.get(t, "/settings", signedIn(asInvitee)).redirects(t, "/confirm")
}

func TestEveryChangeOfTheAccountNeedsTheSessionsToken(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	for _, path := range []string{"/profile", "/password", "/totp", "/codes", "/code", "/social", "/sessions"} {
		s.post(t, "/settings"+path, s.signed(asStranger, "way", "sms", "others", "yes", "totp_unlink", "true"), signedIn(asInvitee)).redirects(t, "/settings")
		s.get(t, "/settings"+path, signedIn(asInvitee))
	}
	if len(s.account.calls)+len(s.account.ended)+len(s.onboarding.sent)+s.onboarding.made > 0 {
		t.Errorf("something was changed: %v", s.account.calls)
	}
}

func TestASocialSignInIsLinkedAndTakenAway(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	s.account.location = "https://accounts.example/authorize?state=1"
	s.post(t, "/settings/social", s.signed(asInvitee, "link", "example"), signedIn(asInvitee)).shows(t, "accounts.example")
	s.post(t, "/settings/social", s.signed(asInvitee, "unlink", "example"), signedIn(asInvitee)).redirects(t, "/settings")
	if diff := cmp.Diff([]string{"link example", "unlink example"}, s.account.calls); diff != "" {
		t.Errorf("Kratos was asked (-want +got):\n%s", diff)
	}
	s.account.settings = captured(t, "v26", "settings-saved")
	s.get(t, "/settings?flow=the-flow", signedIn(asInvitee)).shows(t, "Your changes are saved.")
	s.account.expired = "old"
	s.get(t, "/settings?flow=old", signedIn(asInvitee)).isStatus(t, http.StatusOK)
}

func TestSessionsAreEndedOneByOneOrAllButThisOne(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	phone := string(browsers()[1].Session)
	s.post(t, "/settings/sessions", s.signed(asInvitee, "session", phone), signedIn(asInvitee)).redirects(t, "/settings")
	s.post(t, "/settings/sessions", s.signed(asInvitee, "others", "yes"), signedIn(asInvitee)).redirects(t, "/settings")
	if len(s.account.ended) != 1 || string(s.account.ended[0]) != phone || len(s.account.calls) != 1 {
		t.Errorf("ended %v and %v", s.account.ended, s.account.calls)
	}
}

func TestSomebodyWithoutAnOrganisationHasAnAccountToo(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	s.onboarding.place, s.onboarding.nextErr = onboard.Place{}, extension.ErrNotFound
	got := s.get(t, "/settings", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Your details", "Where you are signed in")
	got.hides(t, "Second factor", "Access management")
}
