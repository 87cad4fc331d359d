package extension_test

import (
	"testing"
	"time"

	"paperplane/extension"
)

// TestWhatConfirmsASession says which proof is worth what to somebody with these factors, in an organisation that allows
// an app and text messages.
func TestWhatConfirmsASession(t *testing.T) {
	t.Parallel()
	const (
		totp, sms, email, key = extension.FactorTOTP, extension.FactorSMS, extension.FactorEmail, extension.FactorWebAuthn
		recovery              = extension.FactorRecovery
	)
	type factors = []extension.Factor
	for name, c := range map[string]struct {
		held, proofs      factors
		settings, entered bool
	}{
		"nothing shown":                       {factors{totp}, nil, false, false},
		"the app":                             {factors{totp}, factors{totp}, true, true},
		"a code that reached another address": {factors{totp}, factors{email}, false, false},
		"a code to a number never proven":     {factors{totp}, factors{sms}, false, false},
		"a factor that is not allowed here":   {factors{email, sms}, factors{email}, true, false},
		"a security key":                      {factors{key}, factors{key}, true, true},
		"a recovery code":                     {factors{sms}, factors{recovery}, true, true},
		"a recovery code for another's way":   {factors{email}, factors{recovery}, true, false},
		"a recovery code for nothing":         {nil, factors{recovery}, false, false},
		"one of several":                      {factors{email, totp}, factors{email, totp}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := extension.Member{Organisation: extension.Organisation{Ways: factors{totp, sms}}, User: extension.User{Factors: c.held}}
			if got := m.Confirmed(c.proofs, false); got != c.settings {
				t.Errorf("may change settings: %v", got)
			}
			if got := m.Confirmed(c.proofs, true); got != c.entered {
				t.Errorf("may enter: %v", got)
			}
		})
	}
}

func TestNewTermsLeaveTimeOnlyToThoseWhoAgreedBeforeAndAreIn(t *testing.T) {
	t.Parallel()
	then := noon().Add(-48 * time.Hour)
	in := extension.Facts{Invited: then, Started: then, Registered: then, Agreed: then, Activated: then}
	fresh, never := in, in
	fresh.Activated, never.Agreed = time.Time{}, time.Time{}
	accepted := in
	accepted.Accepted = noon()
	terms := extension.Terms{ID: "current", Published: noon().Add(-time.Hour), Grace: 2 * time.Hour}
	for name, c := range map[string]struct {
		facts extension.Facts
		at    time.Time
		want  extension.Step
		waits time.Time
	}{
		"within the grace":           {in, noon(), extension.StepIn, terms.Required()},
		"at its end":                 {in, terms.Required(), extension.StepAgree, time.Time{}},
		"on the way in":              {fresh, noon(), extension.StepAgree, time.Time{}},
		"without an earlier version": {never, noon(), extension.StepAgree, time.Time{}},
		"with the current one":       {accepted, noon(), extension.StepIn, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := extension.Member{Terms: terms, User: extension.User{FirstName: "A", LastName: "B", Mobile: "+46701740620", Facts: c.facts}}
			if got := m.Next(nil, c.at); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if got := m.MayWait(c.at); !got.Equal(c.waits) {
				t.Errorf("may wait until %s, want %s", got, c.waits)
			}
		})
	}
}

func TestWhoeverLeftTheDetailsOutGoesBackUntilActive(t *testing.T) {
	t.Parallel()
	then := noon().Add(-time.Hour)
	m := extension.Member{User: extension.User{Facts: extension.Facts{Invited: then, Started: then, Registered: then, Accepted: then}}}
	if got := m.Next(nil, noon()); got != extension.StepRegister {
		t.Errorf("half-way: %s", got)
	}
	m.User.Facts.Activated = then
	if got := m.Next(nil, noon()); got != extension.StepIn {
		t.Errorf("Active: %s", got)
	}
}

// What leads into Kratos' settings waits for every organisation that relies on a factor; entering one does not.
func TestAStepInTheSettingsWaitsForWhatAnotherOrganisationReliesOn(t *testing.T) {
	t.Parallel()
	then := noon().Add(-48 * time.Hour)
	in := extension.Facts{Invited: then, Started: then, Registered: then, Secured: then, Agreed: then, Accepted: then, Activated: then}
	asked, joining := in, in
	asked.Accepted, joining.Secured = time.Time{}, time.Time{}
	member := func(slug string, facts extension.Facts, way extension.Factor) extension.Member {
		return extension.Member{
			Organisation: extension.Organisation{Slug: slug, TwoFactor: extension.TwoFactorRequired, Ways: []extension.Factor{way}},
			User: extension.User{
				FirstName: "Robin", LastName: "Reed", Mobile: "+46701740605", Facts: facts,
				Factors: []extension.Factor{extension.FactorSMS, extension.FactorTOTP},
			},
		}
	}
	harbour := member("harbour", in, extension.FactorTOTP)
	for name, c := range map[string]struct {
		quay  extension.Member
		shown extension.Factor
		want  extension.Step
	}{
		"new terms, by quay's own way":    {member("quay", asked, extension.FactorSMS), extension.FactorSMS, extension.StepConfirm},
		"new terms, by a recovery code":   {member("quay", asked, extension.FactorSMS), extension.FactorRecovery, extension.StepAgree},
		"a set-up, by the other's way":    {member("quay", joining, extension.FactorEmail), extension.FactorTOTP, extension.StepSecure},
		"a set-up, by nothing that's due": {member("quay", joining, extension.FactorEmail), extension.FactorSMS, extension.StepConfirm},
		"in, by quay's own way":           {member("quay", in, extension.FactorSMS), extension.FactorSMS, extension.StepIn},
	} {
		members, proofs := []extension.Member{harbour, c.quay}, []extension.Factor{c.shown}
		if got := c.quay.NextAmong(members, proofs, noon()); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestRecoveryCodesWaitForSettingsThatWereOpenedWithTooLittle(t *testing.T) {
	t.Parallel()
	member := func(way extension.Factor, registered time.Time) extension.Member {
		return extension.Member{
			Organisation: extension.Organisation{TwoFactor: extension.TwoFactorRequired, Ways: []extension.Factor{way}},
			User: extension.User{
				Facts: extension.Facts{Registered: registered}, Factors: []extension.Factor{extension.FactorSMS, extension.FactorTOTP},
			},
		}
	}
	harbour, quay := member(extension.FactorTOTP, noon()), member(extension.FactorSMS, noon())
	open := func(minutes int, proofs ...extension.Factor) extension.OpenSettings {
		return extension.OpenSettings{Until: noon().Add(time.Duration(minutes) * time.Minute), Proofs: proofs}
	}
	for name, c := range map[string]struct {
		members []extension.Member
		open    []extension.OpenSettings
		want    int // minutes after noon
	}{
		"none":                     {[]extension.Member{harbour, quay}, nil, 0},
		"with both":                {[]extension.Member{harbour, quay}, []extension.OpenSettings{open(9, extension.FactorSMS, extension.FactorTOTP)}, 0},
		"with a recovery code":     {[]extension.Member{harbour, quay}, []extension.OpenSettings{open(9, extension.FactorRecovery)}, 0},
		"with one of two":          {[]extension.Member{harbour, quay}, []extension.OpenSettings{open(9, extension.FactorSMS), open(3)}, 9},
		"with the only one":        {[]extension.Member{quay}, []extension.OpenSettings{open(9, extension.FactorSMS), open(3)}, 3},
		"nobody registered there":  {[]extension.Member{member(extension.FactorTOTP, time.Time{}), quay}, []extension.OpenSettings{open(9, extension.FactorSMS)}, 0},
		"not even with a password": {[]extension.Member{quay}, []extension.OpenSettings{open(4), open(7)}, 7},
	} {
		want := time.Time{}
		if c.want > 0 {
			want = noon().Add(time.Duration(c.want) * time.Minute)
		}
		if got := extension.CodesWait(c.members, c.open); !got.Equal(want) {
			t.Errorf("%s: until %s, want %s", name, got, want)
		}
	}
}

func TestAFactorIsNewlyReliedOnWhereNoneWas(t *testing.T) {
	t.Parallel()
	quay := extension.Member{
		Organisation: extension.Organisation{TwoFactor: extension.TwoFactorRequired, Ways: []extension.Factor{extension.FactorSMS}},
		User:         extension.User{Facts: extension.Facts{Registered: noon()}, Factors: []extension.Factor{extension.FactorSMS}},
	}
	harbour := quay
	harbour.Organisation.Ways = []extension.Factor{extension.FactorTOTP}
	if extension.NewlyRelied([]extension.Member{quay}, extension.FactorTOTP) {
		t.Error("by who relies on another, and does not accept it")
	}
	if extension.NewlyRelied([]extension.Member{quay, harbour}, extension.FactorEmail) {
		t.Error("by nobody who accepts it")
	}
	if !extension.NewlyRelied([]extension.Member{quay, harbour}, extension.FactorTOTP) {
		t.Error("not by who accepts it alone")
	}
}
