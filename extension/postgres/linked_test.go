package postgres_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
)

// linked invites and mails somebody whose identity was there before.
func (b bundle) linked(t *testing.T, address string, identity extension.IdentityID) extension.User {
	t.Helper()
	batch := b.place(t, address)
	work, err := b.db.LeaseWork(t.Context(), batch, 10, time.Minute)
	if err != nil || len(work) != 1 {
		t.Fatalf("work %v, %v", work, err)
	}
	if err := b.db.SettleWork(t.Context(), []extension.Settled{{Work: work[0], Identity: identity, Linked: true}}, noon()); err != nil {
		t.Fatal(err)
	}
	b.send(t, batch)
	return b.user(t, address)
}

func TestAnIdentityThatOthersMadeIsLinkedAndNotOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	identity := extension.NewID[extension.IdentityID]()
	if _, err := b.db.Origin(t.Context(), identity, ""); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	user := b.linked(t, "bob@example.com", identity)
	ours, err := b.db.Origin(t.Context(), identity, b.admin.User)
	left, leftErr := b.db.LeftInactive(t.Context(), identity)
	if err = errors.Join(err, leftErr); err != nil || ours || left || user.Identity != identity || user.Letter.Sent.IsZero() {
		t.Errorf("ours %v, left inactive %v, user %+v, %v", ours, left, user, err)
	}
	if standing := b.standing(t, identity, noon()); standing.Ours || standing.Need != extension.NeedOff || standing.Address != "bob@example.com" {
		t.Errorf("standing %+v", standing)
	}
	made := b.invited(t, "eve@example.com")
	if standing := b.standing(t, made.Identity, noon()); !standing.Ours || !standing.LeftInactive {
		t.Errorf("standing of one that we made %+v", standing)
	}
	for mark, want := range map[extension.UserID]bool{made.ID: true, user.ID: true, extension.NewID[extension.UserID](): false, "": false} {
		if ours, err := b.db.Origin(t.Context(), made.Identity, mark); err != nil || ours != want {
			t.Errorf("made by us with the mark %q: %v, %v", mark, ours, err)
		}
	}
}

func TestAnIdentityOfAnotherOrganisationStaysAsItWasMet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south, west := b.beside(t, "south"), b.beside(t, "west")
	here := b.invited(t, "bob@example.com") // ours
	there := south.linked(t, "bob@example.com", here.Identity)
	if standing := b.standing(t, here.Identity, noon()); !standing.Ours || !standing.LeftInactive {
		t.Errorf("linked, and then %+v", standing)
	}
	foreign := b.linked(t, "eve@example.com", extension.NewID[extension.IdentityID]())
	west.linked(t, "eve@example.com", foreign.Identity)
	if standing := b.standing(t, foreign.Identity, noon()); standing.Ours || standing.LeftInactive {
		t.Errorf("linked twice, and then %+v", standing)
	}
	members, err := b.db.Members(t.Context(), here.Identity)
	if err != nil || len(members) != 2 || members[0].User.ID != here.ID || members[1].User.ID != there.ID {
		t.Errorf("members %+v, %v", members, err)
	}
}

func TestTwoOrganisationsThatLinkAtOnceShareTheIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	identity := extension.NewID[extension.IdentityID]()
	var group sync.WaitGroup
	for _, slug := range []string{"south", "west", "east", "up"} {
		side := b.beside(t, slug)
		batch := side.place(t, "bob@example.com")
		work, err := side.db.LeaseWork(t.Context(), batch, 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			if err := side.db.SettleWork(t.Context(), []extension.Settled{{Work: work[0], Identity: identity, Linked: true}}, noon()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if members, err := b.db.Members(t.Context(), identity); err != nil || len(members) != 4 {
		t.Errorf("%d members, %v", len(members), err)
	}
}

// The address of an identity that others made, or share, is not an administrator's to correct.
func TestACorrectedAddressLetsGoOfALinkedIdentity(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]func(b, south bundle) extension.User{
		"not ours": func(b, _ bundle) extension.User {
			return b.linked(t, "bob@exampel.com", extension.NewID[extension.IdentityID]())
		},
		"shared": func(b, south bundle) extension.User {
			return b.linked(t, "bob@exampel.com", south.invited(t, "bob@exampel.com").Identity)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			user := link(b, b.beside(t, "south"))
			session := sessionID()
			b.witness(t, witnessed(user, session, extension.FactorTOTP, ""))
			if err := b.db.Readdress(t.Context(), b.admin, b.correction(user.ID)); err != nil {
				t.Fatal(err)
			}
			if got := b.user(t, "bob@example.com"); got.Identity != "" || b.marked(t, user.ID) {
				t.Errorf("still linked to %q", got.Identity)
			}
			b.shows(t, user, kinds{extension.FactorTOTP}, session, kinds{extension.FactorTOTP})
		})
	}
}

func TestWhoeverIsOnNeedsNoSweepForAnotherOrganisationsInvitation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	here := b.invited(t, "bob@example.com")
	there := south.linked(t, "bob@example.com", here.Identity)
	south.record(t, there, extension.FactStarted)
	after := noon().Add(8 * 24 * time.Hour)
	swept := func() []extension.IdentityID {
		t.Helper()
		b.exec(t, `UPDATE identities SET checked_at = now() - interval '2 minutes', left_inactive_at = NULL`)
		ids, err := b.db.HalfWay(t.Context(), after, 10)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if ids := swept(); !slices.Equal(ids, []extension.IdentityID{here.Identity}) {
		t.Errorf("half-way in one and never started in the other: %v", ids)
	}
	b.record(t, here, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	if ids := swept(); len(ids) != 0 {
		t.Errorf("Active in the other: %v", ids)
	}
	b.pause(t, here)
	if ids := swept(); len(ids) != 1 {
		t.Errorf("paused in the other: %v", ids)
	}
}

func TestAnInvitationThatWasTakenBackMakesNoMember(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	here := b.invited(t, "bob@example.com")
	batch := south.place(t, "bob@example.com")
	south.provision(t, batch)
	south.share(t, south.user(t, "bob@example.com"), here.Identity)
	south.cancel(t, batch)
	if members, err := b.db.Members(t.Context(), here.Identity); err != nil || len(members) != 1 || members[0].User.ID != here.ID {
		t.Errorf("members %+v, %v", members, err)
	}
}

func TestUnlinkingLeavesWhoHasRegisteredElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	here := b.invited(t, "bob@example.com")
	south.linked(t, "bob@example.com", here.Identity)
	b.record(t, here, extension.FactStarted, extension.FactRegistered)
	if err := b.db.Unlink(t.Context(), here.Identity); err != nil {
		t.Fatal(err)
	}
	if a, c := b.user(t, "bob@example.com").Identity, south.user(t, "bob@example.com").Identity; a != here.Identity || c != "" {
		t.Errorf("registered: %q, invited: %q", a, c)
	}
}
