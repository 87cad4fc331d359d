package flows_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

func TestAnAppIsAddedWithItsPictureAndItsKey(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := atHome(t, version)
			got := s.get(t, "/settings/totp", signedIn(asInvitee))
			got.isStatus(t, http.StatusOK)
			got.shows(t, `src="data:image/png;base64,`, `data-copy="totp-secret"`, `</span><wbr><span>`, `autocomplete="one-time-code"`, `name="flow" value="the-flow"`,
				`action="/settings/totp"`, "Scan this code with the app")
			got.hides(t, "kratos-csrf", "traits.")
			if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "img-src 'self' data:") {
				t.Errorf("the picture is not allowed: %s", policy)
			}
			s.post(t, "/settings/totp", s.signed(asInvitee, "flow", "the-flow", "code", "123 456"), signedIn(asInvitee)).redirects(t, "/settings")
			if diff := cmp.Diff([]string{"the-flow 123456"}, s.onboarding.enrolled); diff != "" {
				t.Errorf("the verb got something else (-want +got):\n%s", diff)
			}
			s.post(t, "/settings/totp", s.signed(asInvitee, "flow", "the-flow"), signedIn(asInvitee)).shows(t, "Type the code.")

			s.onboarding.form = captured(t, version, "settings-totp-wrong") // Kratos goes on saying what it has refused
			s.onboarding.form.ID = "the-flow"
			s.onboarding.codeErr = &extension.RefusedError{Form: s.onboarding.form}
			got = s.post(t, "/settings/totp", s.signed(asInvitee, "flow", "the-flow", "code", "000000"), signedIn(asInvitee))
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, `src="data:image/png;base64,`)
			got.hides(t, "000000")
			if said := strings.Count(got.body, `href="#field-code"`); said != 1 {
				t.Errorf("a wrong code is told in %d sentences", said)
			}
			if flow := s.onboarding.enrolments[len(s.onboarding.enrolments)-1]; flow != "the-flow" {
				t.Errorf("the secret changed: flow %q", flow)
			}

			s.onboarding.codeErr = extension.ErrFlowExpired
			got = s.post(t, "/settings/totp", s.signed(asInvitee, "flow", "the-flow", "code", "123456"), signedIn(asInvitee))
			got.isStatus(t, http.StatusGone)
			got.shows(t, "scan this new QR code")
		})
	}
}

func TestAnAppIsTakenAwayAndOneIsEnough(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	form := captured(t, "v26", "settings")
	form.Nodes = slices.DeleteFunc(form.Nodes, func(node extension.Node) bool { return node.Group == "totp" })
	form.Nodes = append(form.Nodes, extension.Node{
		Group: "totp", Kind: "input", Type: "submit", Name: "totp_unlink", Value: "true", Label: "Unlink TOTP Authenticator App",
	})
	s.account.settings = form
	s.onboarding.form = s.account.settings
	s.onboarding.place.Organisation.TwoFactor = extension.TwoFactorRequired
	s.onboarding.place.User.Factors = []extension.Factor{extension.FactorTOTP}
	s.onboarding.place.Proofs = []extension.Factor{extension.FactorTOTP}
	got := s.get(t, "/settings", signedIn(asInvitee))
	got.shows(t, "Authenticator app", "Take away", `name="totp_unlink"`, "demands a second factor", "You have no recovery codes", "Make recovery codes", `href="#own-codes"`)
	got.hides(t, "Add an authenticator app")
	s.get(t, "/settings/totp", signedIn(asInvitee)).redirects(t, "/settings")
	s.post(t, "/settings/totp", s.signed(asInvitee, "totp_unlink", "true"), signedIn(asInvitee)).redirects(t, "/settings")
	if diff := cmp.Diff([]string{"unlink totp"}, s.account.calls); diff != "" {
		t.Errorf("Kratos was asked (-want +got):\n%s", diff)
	}
}

func TestWhoeverKeepsNoRecoveryCodesIsReminded(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		for name, c := range map[string]struct {
			factors  []extension.Factor
			node     string
			reminded bool
		}{
			"a factor and no codes": {[]extension.Factor{extension.FactorSMS}, "lookup_secret_regenerate", true},
			"a factor and codes":    {[]extension.Factor{extension.FactorSMS}, "lookup_secret_reveal", false},
			"no factor":             {nil, "lookup_secret_regenerate", false},
		} {
			t.Run(version+", "+name, func(t *testing.T) {
				t.Parallel()
				s := atHome(t, version)
				form := s.account.settings
				form.Nodes = slices.DeleteFunc(slices.Clone(form.Nodes), func(node extension.Node) bool { return node.Group == "lookup_secret" })
				form.Nodes = append(form.Nodes, extension.Node{Group: "lookup_secret", Kind: "input", Type: "submit", Name: c.node, Value: "true"})
				s.account.settings, s.onboarding.form = form, form
				s.onboarding.place.User.Factors, s.onboarding.place.Proofs = c.factors, c.factors
				got := s.get(t, "/settings", signedIn(asInvitee))
				got.isStatus(t, http.StatusOK)
				reminder := []string{"You have no recovery codes", `href="#own-codes"`}
				if c.reminded {
					got.shows(t, append(reminder, `id="own-codes"`, "Make new recovery codes")...)
				} else {
					got.hides(t, reminder...)
				}
				s.get(t, "/settings?recovered=1", signedIn(asInvitee)).hides(t, reminder...)
			})
		}
	}
}

func TestCodesByMessageAreAddedByTypingOne(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	got := s.post(t, "/settings/code", s.signed(asInvitee, "way", "sms"), signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Add codes by text message", "0123", `name="sent" value="sending-of-sms"`, `autocomplete="one-time-code"`, "Send another code")
	if diff := cmp.Diff([]extension.Factor{extension.FactorSMS}, s.onboarding.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	s.post(t, "/settings/code", s.signed(asInvitee, "way", "sms", "sent", "sending-of-sms", "code", "12 34 56"), signedIn(asInvitee)).redirects(t, "/settings")
	want := []onboard.Confirmation{{Way: extension.FactorSMS, Sent: "sending-of-sms", Code: "123456"}}
	if diff := cmp.Diff(want, s.onboarding.confirmed); diff != "" {
		t.Errorf("confirmed (-want +got):\n%s", diff)
	}

	s.onboarding.codeErr = extension.Invalid("code", "This code is not right.")
	got = s.post(t, "/settings/code", s.signed(asInvitee, "way", "sms", "sent", "sending-of-sms", "code", "000000"), signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "This code is not right.", `id="field-code-error"`)
	s.post(t, "/settings/code", s.signed(asInvitee, "way", "sms", "sent", "sending-of-sms"), signedIn(asInvitee)).shows(t, "Enter the code.")

	s.onboarding.sendErr = &extension.CooldownError{Until: now().Add(40 * time.Second)}
	got = s.post(t, "/settings/code", s.signed(asInvitee, "way", "email"), signedIn(asInvitee))
	got.isStatus(t, http.StatusTooManyRequests)
	got.shows(t, "Another code cannot be sent yet", "Add codes by email")

	for _, way := range []string{"totp", "webauthn", "lookup_secret", "", "pigeon"} {
		s.post(t, "/settings/code", s.signed(asInvitee, "way", way), signedIn(asInvitee)).redirects(t, "/settings")
	}
}

func TestRecoveryCodesAreShownOnceAndCountOnceKept(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := atHome(t, version)
			s.account.settings = captured(t, version, "settings-with-codes")
			s.onboarding.place.User.Factors = []extension.Factor{extension.FactorEmail}
			s.onboarding.place.Proofs = []extension.Factor{extension.FactorEmail}
			s.get(t, "/settings", signedIn(asInvitee)).shows(t, "You have recovery codes.", "Make new recovery codes", "Email", "b••@northwind.example")

			got := s.post(t, "/settings/codes", s.signed(asInvitee, "before", "yes"), signedIn(asInvitee))
			got.isStatus(t, http.StatusOK)
			got.shows(t, "a1b2c3d4", "e5f6g7h8", "Until then, your older codes do.", `name="keep" value="codes-flow"`, "data-print", `data-copy="recovery-codes"`,
				`download="recovery-codes.txt"`, "a1b2c3d4%0D%0Ae5f6g7h8%0D%0A", "They are shown this one time.")
			if got.header.Get("Cache-Control") != "no-store" {
				t.Error("the codes may be kept by the browser")
			}
			s.post(t, "/settings/codes", s.signed(asInvitee, "keep", "codes-flow"), signedIn(asInvitee)).redirects(t, "/settings")
			if diff := cmp.Diff([]string{"codes-flow"}, s.onboarding.keptCodes); diff != "" || s.onboarding.made != 1 {
				t.Errorf("made %d, kept (-want +got):\n%s", s.onboarding.made, diff)
			}

			s.onboarding.saveErr = extension.ErrFlowExpired
			got = s.post(t, "/settings/codes", s.signed(asInvitee, "keep", "codes-flow"), signedIn(asInvitee))
			got.isStatus(t, http.StatusGone)
			got.shows(t, "Those that you saw before do not work")
		})
	}
}
