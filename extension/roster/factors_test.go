package roster_test

import (
	"context"
	"errors"
	"testing"

	"paperplane/extension"
	"paperplane/extension/roster"
)

func TestWhatSomebodyHoldsIsToldWhetherKratosAnswersOrNot(t *testing.T) {
	t.Parallel()
	o := open(t)
	anna := o.user(t, "anna@example.com")
	if err := o.db.SetFactors(t.Context(), anna.Identity, factors(extension.FactorTOTP), o.now); err != nil {
		t.Fatal(err)
	}
	o.kratos = func() (extension.Identity, error) { return extension.Identity{Recovery: true}, nil }
	if got, err := o.Holding(t.Context(), o.admin, anna.ID); err != nil || len(got.Factors) > 0 || got.Recovery != roster.RecoveryNone {
		t.Errorf("merely invited: %+v, %v", got, err)
	}
	if _, err := o.db.Record(t.Context(), anna, extension.FactStarted, o.now); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		identity extension.Identity
		err      error
		want     roster.Recovery
	}{
		"codes":    {extension.Identity{Recovery: true}, nil, roster.RecoveryKept},
		"no codes": {extension.Identity{}, nil, roster.RecoveryNone},
		"gone":     {extension.Identity{}, extension.ErrNotFound, roster.RecoveryNone},
		"down":     {extension.Identity{}, extension.ErrUnavailable, roster.RecoveryUnknown},
	} {
		o.kratos = func() (extension.Identity, error) { return c.identity, c.err }
		got, err := o.Holding(t.Context(), o.admin, anna.ID)
		if err != nil || got.Recovery != c.want || len(got.Factors) != 1 || got.Factors[0].Kind != extension.FactorTOTP || !got.Factors[0].At.Equal(o.now) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestOnlyAdministratorsOfTheOrganisationLookIntoAPersonsDoor(t *testing.T) {
	t.Parallel()
	o := open(t)
	anna := o.user(t, "anna@example.com")
	for name, c := range map[string]struct {
		actor extension.Actor
		want  error
	}{
		"an inviter":  {o.inviter(), extension.ErrForbidden},
		"a neighbour": {extension.System(extension.NewID[extension.OrganisationID](), "Eve"), extension.ErrNotFound},
	} {
		if _, err := o.Holding(t.Context(), c.actor, anna.ID); !errors.Is(err, c.want) {
			t.Errorf("%s sees second factors: %v", name, err)
		}
		if _, err := o.EvidenceOf(t.Context(), c.actor, anna.ID); !errors.Is(err, c.want) {
			t.Errorf("%s sees evidence: %v", name, err)
		}
	}
}

// EvidenceOf gives what somebody accepted whose user was deleted.
func (archives) EvidenceOf(context.Context, extension.Actor, extension.UserID) ([]extension.Evidence, error) {
	return []extension.Evidence{{Version: 1}}, nil
}

func TestEvidenceOutlivesTheUser(t *testing.T) {
	t.Parallel()
	policy := roster.NewPolicy(archives{}, nil, nil) // which knows no user, so asking for one fails the test
	admin := extension.System(extension.NewID[extension.OrganisationID](), "Ada")
	if got, err := policy.EvidenceOf(t.Context(), admin, extension.NewID[extension.UserID]()); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	o := open(t)
	if _, err := o.EvidenceOf(t.Context(), o.admin, extension.NewID[extension.UserID]()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("of somebody who never was: %v", err)
	}
}
