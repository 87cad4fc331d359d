package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestAPlacedBatchHasOneInvitationForEveryAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "zoe@example.com", "bob@example.com")

	report, err := b.db.Report(t.Context(), b.admin, batch)
	if err != nil {
		t.Fatal(err)
	}
	if want := (extension.Progress{Queued: 2, Waiting: 2}); report.Progress != want {
		t.Errorf("progress %+v, want %+v", report.Progress, want)
	}
	bob := b.user(t, "bob@example.com")
	if bob.Facts.Status(noon()) != extension.Pending || len(bob.Assignments) != 1 || bob.Assignments[0].Area.Name != "East" {
		t.Errorf("bob is %+v", bob)
	}
}

func TestPlacingTheSameBatchTwiceIsOneBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.placement("bob@example.com")
	for range 2 {
		if err := b.db.Place(t.Context(), b.admin, p); err != nil {
			t.Fatal(err)
		}
	}
	other := establish(t, b.db, "south")
	stolen := p
	stolen.Batch.Organisation, stolen.Batch.Area, stolen.Batch.Role = other.Organisation.ID, other.Areas[0], other.Roles[1]
	err := b.db.Place(t.Context(), extension.System(other.Organisation.ID, "Eve"), stolen)
	if !errors.Is(err, extension.ErrConflict) {
		t.Errorf("another organisation's batch id: %v, want a conflict", err)
	}
}

func TestAreasAndRolesOfAnotherOrganisationAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := establish(t, b.db, "south")
	p := b.placement("bob@example.com")
	p.Batch.Area = other.Areas[0]
	if err := b.db.Place(t.Context(), b.admin, p); err == nil {
		t.Error("a batch to another organisation's area was placed")
	}
	p = b.placement("bob@example.com")
	p.Batch.Role = other.Roles[0]
	if err := b.db.Place(t.Context(), b.admin, p); err == nil {
		t.Error("a batch with another organisation's role was placed")
	}
}

func TestKnownAddressesGetTheirOutcomeAndNoSecondInvitation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "pending@example.com", "active@example.com", "inactive@example.com"))
	if _, err := b.db.Record(t.Context(), b.user(t, "active@example.com"), extension.FactActivated, noon()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.SetPaused(t.Context(), b.admin, b.user(t, "inactive@example.com").ID, noon(), noon()); err != nil {
		t.Fatal(err)
	}

	p := b.placement("active@example.com", "inactive@example.com", "new@example.com", "pending@example.com")
	p.Entries = append(p.Entries, extension.Entry{Text: "nobody@", Outcome: extension.OutcomeInvalid, Reason: "missing_domain"})
	if err := b.db.Place(t.Context(), b.admin, p); err != nil {
		t.Fatal(err)
	}
	report, err := b.db.Report(t.Context(), b.admin, p.Batch.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]extension.Outcome{}
	for _, d := range report.NotSent {
		got[d.Text] = d.Outcome
	}
	want := map[string]extension.Outcome{
		"active@example.com": extension.OutcomeAlreadyMember, "inactive@example.com": extension.OutcomeInactive,
		"pending@example.com": extension.OutcomeAlreadyPending, "nobody@": extension.OutcomeInvalid,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if report.Progress.Queued != 1 {
		t.Errorf("%d queued, want the new address alone", report.Progress.Queued)
	}

	late := b.placement("pending@example.com")
	late.Batch.Pressed = noon().Add(8 * 24 * time.Hour)
	if err := b.db.Place(t.Context(), b.admin, late); err != nil {
		t.Fatal(err)
	}
	if report, err = b.db.Report(t.Context(), b.admin, late.Batch.ID); err != nil {
		t.Fatal(err)
	}
	if len(report.NotSent) != 1 || report.NotSent[0].Outcome != extension.OutcomeAlreadyExpired {
		t.Errorf("after a week: %+v, want already expired", report.NotSent)
	}
}

func TestAnAddressThatWasRefusedBeforeAnythingWasSentCanBeInvitedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.place(t, "bob@example.com")
	work, err := b.db.LeaseWork(t.Context(), first, 10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	refused := []extension.Settled{{Work: work[0], Refused: extension.RefusedExistingAccount}}
	if err := b.db.SettleWork(t.Context(), refused, noon()); err != nil {
		t.Fatal(err)
	}
	if bob := b.user(t, "bob@example.com"); bob.Refused != extension.RefusedExistingAccount {
		t.Errorf("refused is %q", bob.Refused)
	}
	second := b.place(t, "bob@example.com")
	report, err := b.db.Report(t.Context(), b.admin, second)
	if err != nil {
		t.Fatal(err)
	}
	if report.Progress.Queued != 1 || len(report.NotSent) != 0 {
		t.Errorf("second batch %+v", report)
	}
}

func TestTwoAdministratorsInvitingTheSamePeopleMailNobodyTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var addresses []string
	for i := range 300 {
		addresses = append(addresses, fmt.Sprintf("p%03d@example.com", i))
	}
	backwards := slices.Clone(addresses)
	slices.Reverse(backwards)

	var group sync.WaitGroup
	placements := []extension.Placement{b.placement(addresses...), b.placement(backwards...)}
	for _, p := range placements {
		group.Go(func() {
			if err := b.db.Place(t.Context(), b.admin, p); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	total := 0
	for _, p := range placements {
		report, err := b.db.Report(t.Context(), b.admin, p.Batch.ID)
		if err != nil {
			t.Fatal(err)
		}
		total += report.Progress.Queued
	}
	if total != len(addresses) {
		t.Errorf("%d invitations for %d people", total, len(addresses))
	}
}

func TestReissueRevokesTheOldLinkAndRefusesWhoIsOnTheWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	bob := b.user(t, "bob@example.com")
	again := extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchResend,
		Inviter: "Ada Admin", Pressed: noon(),
	}
	if err := b.db.Reissue(t.Context(), b.admin, again, []extension.UserID{bob.ID}); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("a letter on its way was reissued: %v", err)
	}
	b.send(t, batch)
	if err := b.db.Reissue(t.Context(), b.admin, again, []extension.UserID{bob.ID}); err != nil {
		t.Fatal(err)
	}
	old, err := b.db.Invited(t.Context(), bob.Invitation)
	if err != nil || !old.Revoked {
		t.Errorf("old invitation %+v, %v; want it revoked", old, err)
	}
	fresh := b.user(t, "bob@example.com")
	if fresh.Invitation == bob.Invitation {
		t.Error("the newest invitation is still the old one")
	}
	now, err := b.db.Invited(t.Context(), fresh.Invitation)
	if err != nil || now.Revoked || now.Area != "East" || now.Role != "Nurse" {
		t.Errorf("new invitation %+v, %v", now, err)
	}
}
