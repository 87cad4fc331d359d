package onboard_test

import (
	"slices"
	"testing"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

func TestAHookWitnessesWhatItTellsOf(t *testing.T) {
	t.Parallel()
	const sms, email = "+46701740605", address
	for name, c := range map[string]struct {
		method string
		codes  []string
		want   []extension.Factor
	}{
		"app":               {"totp", nil, []extension.Factor{extension.FactorTOTP}},
		"key":               {"webauthn", nil, []extension.Factor{extension.FactorWebAuthn}},
		"text message":      {"code", []string{sms}, []extension.Factor{extension.FactorSMS}},
		"e-mail":            {"code", []string{email}, []extension.Factor{extension.FactorEmail}},
		"either":            {"code", []string{sms, email}, nil},
		"one of two phones": {"code", []string{sms, sms}, nil},
		"nobody knows":      {"code", nil, nil},
		"a password":        {"password", nil, nil},
		"a code on paper":   {"lookup_secret", nil, nil}, // stands in for a factor, and there is none
	} {
		s := secured(t)
		w := onboard.Witnessed{Identity: s.kratos.identity.ID, Session: s.session().ID, Method: c.method, Codes: c.codes}
		if err := s.Witness(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		proofs, err := s.db.Proofs(t.Context(), s.session().ID)
		if err != nil || !slices.Equal(proofs, c.want) {
			t.Errorf("%s: %v, %v", name, proofs, err)
		}
	}
	s := setup(t)
	stranger := onboard.Witnessed{Identity: extension.NewID[extension.IdentityID](), Session: s.session().ID, Method: "totp"}
	if err := s.Witness(t.Context(), stranger); err != nil {
		t.Errorf("a stranger: %v", err)
	}
}
