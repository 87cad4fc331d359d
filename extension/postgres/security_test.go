package postgres_test

import (
	"errors"
	"slices"
	"testing"

	"paperplane/extension"
)

func TestSecurityIsChangedWithTheAuditAndNothingElseIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	wanted := extension.Organisation{
		ID: south.charter.Organisation.ID, Slug: "stolen", Name: "Stolen", TwoFactor: extension.TwoFactorRequired,
		Ways: kinds{extension.FactorSMS, extension.FactorTOTP}, Language: "sv", Region: "SE",
	}
	for range 2 {
		if err := b.db.SetSecurity(t.Context(), b.admin, wanted, noon()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.db.Organisation(t.Context(), b.charter.Organisation.ID)
	if err != nil || got.TwoFactor != wanted.TwoFactor || !slices.Equal(got.Ways, wanted.Ways) || got.Language != "sv" || got.Region != "SE" || got.Slug != "north" {
		t.Errorf("organisation %+v, %v", got, err)
	}
	if other, err := b.db.Organisation(t.Context(), south.charter.Organisation.ID); err != nil || other.TwoFactor != extension.TwoFactorOff {
		t.Errorf("another organisation %+v, %v", other, err)
	}
	details := read[[]string](t, b.db, `SELECT detail FROM audit WHERE action = 'organisation.security_changed'`)
	want := "two-factor off by email, sms, totp, language en, no region → two-factor required by sms, totp, language sv, region SE"
	if !slices.Equal(details, []string{want}) {
		t.Errorf("audit %q", details)
	}
	stranger := extension.System(extension.NewID[extension.OrganisationID](), "Nobody")
	if err := b.db.SetSecurity(t.Context(), stranger, wanted, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("of no organisation: %v", err)
	}
}

func TestActiveUsersWithoutAnAllowedFactorAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	active := func(address string, factors ...extension.Factor) extension.User {
		user := b.invited(t, address)
		b.record(t, user, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
		session := sessionID()
		for _, kind := range factors {
			b.witness(t, witnessed(user, session, kind, ""))
		}
		return user
	}
	active("none@example.com")
	active("totp@example.com", extension.FactorTOTP)
	active("email@example.com", extension.FactorEmail)
	active("key@example.com", extension.FactorWebAuthn)
	b.pause(t, active("paused@example.com"))
	b.invited(t, "pending@example.com")
	if n, err := b.db.Unsecured(t.Context(), b.charter.Organisation.ID, kinds{extension.FactorTOTP, extension.FactorSMS}); err != nil || n != 2 {
		t.Errorf("%d have none, %v", n, err)
	}
}

func TestAMessageSpeaksTheLanguageOfItsReadersOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	says := func(what, address, language, organisation string) {
		t.Helper()
		l, o, err := b.db.Correspondent(t.Context(), address)
		if err != nil || l != language || o != organisation {
			t.Errorf("%s: %q, %q, %v", what, l, o, err)
		}
	}
	says("a stranger", "bob@example.com", "", "")
	here := b.invited(t, "bob@example.com")
	says("one organisation", "Bob@Example.com", "en", "Organisation north")
	there := south.invited(t, "bob@example.com")
	south.share(t, there, here.Identity)
	says("two of one language", "bob@example.com", "en", "")
	b.exec(t, `UPDATE organisations SET language = 'sv' WHERE slug = 'south'`)
	says("two of two languages", "bob@example.com", "", "")
	b.record(t, here, extension.FactStarted)
	says("begun in one", "bob@example.com", "en", "Organisation north")
	b.pause(t, here)
	says("begun in one that has paused them", "bob@example.com", "", "")
	south.record(t, there, extension.FactStarted)
	says("paused in one", "bob@example.com", "sv", "Organisation south")
}
