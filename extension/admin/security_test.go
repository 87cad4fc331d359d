package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/roster"
)

const securityPath = "/o/elsewhere/settings/security"

// securityForm requires a second factor, by an app or by text messages.
func securityForm(pairs ...string) url.Values {
	form := url.Values{
		"seen": {"off|totp,sms,email|en|"}, "two-factor": {"required"}, "way-totp": {"yes"}, "way-sms": {"yes"}, "language": {"sv"}, "region": {" se"},
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestAdministratorsReadWhatEachWayIsWorth(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.affected = 1200
	if link := s.Get(t, "/o/elsewhere/users").One(t, ".head-actions a[href="+securityPath+"]"); link.Text() != "Security" {
		t.Errorf("the link says %q", link.Text())
	}
	got := s.Get(t, securityPath)
	for _, words := range []string{
		"Somebody who talks the phone company into moving the number to another SIM card (a SIM swap) gets the codes.",
		"NIST SP 800-63B-4 (§3.1.3.1) says that email SHALL NOT be used for this.",
		"1,200 Active users have not set up any of these ways.",
	} {
		if !strings.Contains(got.Text(), words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	if got.One(t, "input[name=seen]").Attr("value") != "off|totp,sms,email|en|" || len(got.All("input[type=checkbox]")) != 3 {
		t.Errorf("the form is %s", got.Body)
	}
	s.entry.Organisation.TwoFactor, s.entry.Organisation.Ways = extension.TwoFactorRequired, []extension.Factor{extension.FactorSMS}
	if got := s.Get(t, securityPath); !strings.Contains(got.Text(), "Among these, only the authenticator app is one.") {
		t.Errorf("of text messages alone the page says %s", got.Text())
	}
	s.entry.Organisation.Ways, s.affected = []extension.Factor{extension.FactorEmail}, 0
	if got := s.Get(t, securityPath).Text(); !strings.Contains(got, "Email alone protects little more than the password") || !strings.Contains(got, "Every Active user has set up one of these ways.") {
		t.Errorf("of email alone the page says %s", got)
	}
}

func TestRequiringASecondFactorIsConfirmedWhenPeopleAreAsked(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.affected = 12
	asked := s.press(t, securityPath, securityForm())
	if asked.Status != http.StatusOK || len(s.asked) != 0 {
		t.Fatalf("%d, asked %q", asked.Status, s.asked)
	}
	for _, words := range []string{"12 Active users have not set up any of the allowed ways yet: authenticator app or text message.", "You are one of them", "Nobody is signed out."} {
		if !strings.Contains(asked.Text(), words) {
			t.Errorf("the page does not say %q: %s", words, asked.Text())
		}
	}
	form := url.Values{}
	for _, field := range asked.All("main form input") {
		form.Set(field.Attr("name"), field.Attr("value"))
	}
	got := s.press(t, asked.One(t, "main form").Attr("action"), form)
	if got.Status != http.StatusSeeOther || got.Location() != securityPath {
		t.Fatalf("%d to %q: %s", got.Status, got.Location(), got.Text())
	}
	want := roster.Security{
		TwoFactor: extension.TwoFactorRequired, Ways: []extension.Factor{extension.FactorTOTP, extension.FactorSMS}, Language: "sv", Region: "SE",
	}
	if diff := cmp.Diff(want, s.secure); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.Get(t, securityPath); !strings.Contains(got.Text(), "The security settings are saved.") {
		t.Error("nothing says that they are saved")
	}

	s.entry.User.Factors = []extension.Factor{extension.FactorSMS}
	if asked := s.press(t, securityPath, securityForm()); strings.Contains(asked.Text(), "You are one of them") {
		t.Error("somebody who has an allowed factor is told that they are asked")
	}
}

func TestWhatAsksNobodyIsSavedAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if got := s.press(t, securityPath, securityForm()); got.Status != http.StatusSeeOther {
		t.Errorf("with nobody to ask: %d", got.Status)
	}
	s.affected = 12
	if got := s.press(t, securityPath, securityForm("two-factor", "off")); got.Status != http.StatusSeeOther {
		t.Errorf("while it is off: %d", got.Status)
	}
	s.entry.Organisation.TwoFactor, s.entry.Organisation.Ways = extension.TwoFactorRequired, []extension.Factor{extension.FactorTOTP, extension.FactorSMS}
	if got := s.press(t, securityPath, securityForm("seen", "required|totp,sms|en|")); got.Status != http.StatusSeeOther {
		t.Errorf("with another language alone: %d", got.Status)
	}
	if len(s.asked) != 3 {
		t.Errorf("asked %q", s.asked)
	}
}

func TestFaultsAndOthersChangesInTheSecuritySettingsLoseNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	got := s.press(t, securityPath, url.Values{"seen": {"off|totp,sms,email|en|"}, "region": {"Sweden"}, "language": {"xx"}})
	if got.Status != http.StatusUnprocessableEntity || len(s.asked) != 0 || got.One(t, "input[name=region]").Attr("value") != "SWEDEN" {
		t.Errorf("%d, asked %q: %s", got.Status, s.asked, got.Text())
	}
	for _, field := range []string{"two-factor", "ways", "region"} {
		if !got.Has("[role=alert] a[href=#field-"+field+"]") || !got.Has("#field-"+field) {
			t.Errorf("nothing leads to %s", field)
		}
	}
	for _, seen := range []string{"required|totp|en|", "nonsense", ""} {
		got := s.press(t, securityPath, securityForm("seen", seen))
		if got.Status != http.StatusConflict || !strings.Contains(got.Text(), "They are now: two-factor authentication off, allowed: authenticator app, text message, email, language English, no country.") {
			t.Errorf("seen %q: %d %s", seen, got.Status, got.Text())
		}
		if got.One(t, "input[name=seen]").Attr("value") != "off|totp,sms,email|en|" || got.One(t, "input[name=region]").Attr("value") != "SE" {
			t.Errorf("seen %q: saving again does not put what was typed in the place of what is so now", seen)
		}
	}
}
