package roster_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/roster"
)

func factors(kinds ...extension.Factor) []extension.Factor { return kinds }

func TestRequiringASecondFactorAsksThoseWhoHaveNoneThatIsAllowed(t *testing.T) {
	t.Parallel()
	o := open(t)
	wanted := roster.Security{TwoFactor: extension.TwoFactorRequired, Ways: factors(extension.FactorTOTP), Language: "en"}
	count := func(want int) {
		t.Helper()
		if got, err := o.Affected(t.Context(), o.admin, wanted); err != nil || got != want {
			t.Errorf("%d are asked, %v, want %d", got, err, want)
		}
	}
	count(1) // Anna: Emil is asked on his way in anyway
	anna := o.user(t, "anna@example.com")
	if err := o.db.SetFactors(t.Context(), anna.Identity, factors(extension.FactorTOTP), o.now); err != nil {
		t.Fatal(err)
	}
	count(0)
	wanted.Ways = factors(extension.FactorSMS)
	count(1)
	if err := o.db.SetFactors(t.Context(), anna.Identity, factors(extension.FactorWebAuthn), o.now); err != nil {
		t.Fatal(err)
	}
	count(0) // a security key always counts
	wanted.TwoFactor, wanted.Ways = extension.TwoFactorOff, factors(extension.FactorEmail)
	count(0)
	if _, err := o.Affected(t.Context(), o.inviter(), wanted); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("an inviter: %v", err)
	}
}

func TestSecurityIsChangedOnceAndNeverOverSomebodyElse(t *testing.T) {
	t.Parallel()
	o := open(t)
	held := func() roster.Security {
		t.Helper()
		organisation, err := o.db.Organisation(t.Context(), o.admin.Organisation)
		if err != nil {
			t.Fatal(err)
		}
		return roster.SecurityOf(organisation)
	}
	seen := held()
	wanted := roster.Security{
		TwoFactor: extension.TwoFactorRequired, Ways: factors(extension.FactorEmail, extension.FactorTOTP, extension.FactorTOTP), Language: "sv", Region: "SE",
	}
	for range 2 { // pressed twice
		if err := o.ChangeSecurity(t.Context(), o.admin, seen, wanted); err != nil {
			t.Fatal(err)
		}
	}
	ordered := wanted
	ordered.Ways = factors(extension.FactorTOTP, extension.FactorEmail)
	if diff := cmp.Diff(ordered, held()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	other := wanted
	other.Region = "DE"
	if err := o.ChangeSecurity(t.Context(), o.admin, seen, other); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("over somebody else's change: %v", err)
	}
	if err := o.ChangeSecurity(t.Context(), o.inviter(), held(), other); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("an inviter: %v", err)
	}
	if diff := cmp.Diff(ordered, held()); diff != "" {
		t.Errorf("after refusals (-want +got):\n%s", diff)
	}
}

func TestSecurityThatCannotBeIsRefusedAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	for name, c := range map[string]struct {
		wanted roster.Security
		fields []string
	}{
		"nothing":         {roster.Security{}, []string{"two-factor", "ways", "language"}},
		"an unknown way":  {roster.Security{TwoFactor: extension.TwoFactorOff, Ways: factors("carrier pigeon"), Language: "en"}, []string{"ways"}},
		"a key as a way":  {roster.Security{TwoFactor: extension.TwoFactorOff, Ways: factors(extension.FactorWebAuthn), Language: "en"}, []string{"ways"}},
		"a whole country": {roster.Security{TwoFactor: "on", Ways: extension.Ways(), Language: "EN us", Region: "Sweden"}, []string{"two-factor", "language", "region"}},
	} {
		err := o.ChangeSecurity(t.Context(), o.admin, roster.Security{}, c.wanted)
		refused, ok := errors.AsType[*extension.InvalidError](err)
		if !ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var fields []string
		for _, f := range refused.Fields {
			fields = append(fields, f.Field)
		}
		if diff := cmp.Diff(c.fields, fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOnlyWhatAsksForAnotherFactorNeedsAskingBack(t *testing.T) {
	t.Parallel()
	off := roster.Security{TwoFactor: extension.TwoFactorOff, Ways: extension.Ways(), Language: "en"}
	required, fewer, swedish := off, off, off
	required.TwoFactor, fewer.TwoFactor, swedish.TwoFactor = extension.TwoFactorRequired, extension.TwoFactorRequired, extension.TwoFactorRequired
	fewer.Ways, swedish.Language = factors(extension.FactorTOTP), "sv"
	for name, c := range map[string]struct {
		before, after roster.Security
		asks          bool
	}{
		"turned on":        {off, required, true},
		"by other ways":    {required, fewer, true},
		"turned off":       {required, off, false},
		"another language": {required, swedish, false},
	} {
		if got := c.after.Asks(c.before); got != c.asks {
			t.Errorf("%s asks: %v", name, got)
		}
	}
}
