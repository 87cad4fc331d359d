package invite_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// long is more time than any batch here takes.
const long = time.Minute

func TestABatchIsProvisionedAndDelivered(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var text strings.Builder
	for i := range 250 {
		fmt.Fprintf(&text, "p%03d@example.com\n", i)
	}
	batch := s.send(t, text.String())
	more, err := s.GoOn(t.Context(), batch, long)
	if err != nil || more {
		t.Fatalf("more %v, %v", more, err)
	}
	if got := s.report(t, batch).Progress; got != (extension.Progress{Queued: 250, Sent: 250}) {
		t.Errorf("progress %+v", got)
	}
	people := map[string]bool{}
	for _, chunk := range s.post.chunks {
		if len(chunk.Recipients) > 100 {
			t.Errorf("a call with %d messages", len(chunk.Recipients))
		}
		for _, r := range chunk.Recipients {
			if people[r.Address] {
				t.Errorf("%s was written to twice", r.Address)
			}
			people[r.Address] = true
			if !strings.HasPrefix(r.Link, "https://pages.example.org/i/k1.") || r.Area != "East" || r.Role != "Nurse" {
				t.Errorf("recipient %+v", r)
			}
		}
	}
	if len(people) != 250 {
		t.Errorf("%d people were written to", len(people))
	}
}

func TestSeveralWorkersShareABatchAndNobodyIsWrittenToTwice(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var text strings.Builder
	for i := range 600 {
		fmt.Fprintf(&text, "p%03d@example.com\n", i)
	}
	batch := s.send(t, text.String())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for more := true; more; {
				var err error
				if more, err = s.GoOn(t.Context(), batch, long); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	seen := map[extension.InvitationID]int{}
	for _, chunk := range s.post.chunks {
		for _, r := range chunk.Recipients {
			seen[r.Invitation]++
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was handed to the provider %d times", id, n)
		}
	}
	for address, n := range s.kratos.made {
		if n != 1 {
			t.Errorf("%s has %d identities", address, n)
		}
	}
	if got := s.report(t, batch).Progress; got.Sent != 600 {
		t.Errorf("progress %+v", got)
	}
}

func TestAnAnswerThatIsLostIsAskedForAgainWithTheSameKeyAndWords(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com\neve@example.com")
	lost := &extension.TroubleError{Sentence: "The provider hung up."}
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) { return nil, lost }
	if more, err := s.GoOn(t.Context(), batch, long); !errors.Is(err, extension.ErrUnavailable) || !more {
		t.Fatalf("more %v, %v", more, err)
	}
	if got := s.report(t, batch).Progress.Trouble; got != lost.Sentence {
		t.Errorf("the page says %q", got)
	}
	s.now = s.now.Add(time.Hour)
	s.use(t, "k2", "k1") // a new link key must not change what was written down
	if more, err := s.GoOn(t.Context(), batch, long); err != nil || more {
		t.Fatalf("more %v, %v", more, err)
	}
	if len(s.post.chunks) != 2 {
		t.Fatalf("%d calls", len(s.post.chunks))
	}
	if diff := cmp.Diff(s.post.chunks[0], s.post.chunks[1]); diff != "" {
		t.Error(diff)
	}
	if got := s.report(t, batch).Progress; got != (extension.Progress{Queued: 2, Sent: 2}) {
		t.Errorf("progress %+v", got)
	}
}

func TestALinkKeyThatIsGoneHoldsTheBatchUpAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) {
		return nil, &extension.TroubleError{Sentence: "Down."}
	}
	if _, err := s.GoOn(t.Context(), batch, long); err == nil {
		t.Fatal("no trouble")
	}
	s.use(t, "k2")
	if _, err := s.GoOn(t.Context(), batch, long); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("without the key: %v", err)
	}
	if got := s.report(t, batch).Progress.Trouble; !strings.Contains(got, "links.keys") {
		t.Errorf("the page says %q", got)
	}
	s.use(t, "k2", "k1")
	if more, err := s.GoOn(t.Context(), batch, long); err != nil || more {
		t.Errorf("with the key again: more %v, %v", more, err)
	}
}

func TestWhatTheProviderKnowsWithOtherBytesEndsAsUnknownAndIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) { return nil, extension.ErrConflict }
	if more, err := s.GoOn(t.Context(), batch, long); err != nil || more {
		t.Fatalf("more %v, %v", more, err)
	}
	report := s.report(t, batch)
	if len(report.NotSent) != 1 || report.NotSent[0].Refused != extension.RefusedUnknown || len(s.post.chunks) != 1 {
		t.Errorf("%+v after %d calls", report.NotSent, len(s.post.chunks))
	}
	again := s.report(t, s.send(t, "bob@example.com"))
	if len(again.NotSent) != 1 || again.NotSent[0].Outcome != extension.OutcomeAlreadyPending {
		t.Errorf("invited again: %+v; it may have been sent", again.NotSent)
	}
}

func TestOnlyOurOwnIdentitiesAreAdopted(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "ours@example.com\ntheirs@example.com\nother@example.com\nvanished@example.com\nbad@example.com")
	s.kratos.existing = map[string]extension.UserID{
		"ours@example.com":   s.user(t, "ours@example.com").ID, // a crash came between Kratos' answer and our row
		"theirs@example.com": "",
		"other@example.com":  extension.NewID[extension.UserID](), // made for another organisation's user
	}
	s.kratos.gone = map[string]bool{"vanished@example.com": true}
	s.kratos.refused = map[string]string{"bad@example.com": "does not look right"}
	if more, err := s.GoOn(t.Context(), batch, long); err != nil || more {
		t.Fatalf("more %v, %v", more, err)
	}
	got := map[string]extension.Refusal{}
	for _, d := range s.report(t, batch).NotSent {
		got[d.Address] = d.Refused
	}
	want := map[string]extension.Refusal{
		"theirs@example.com": extension.RefusedExistingAccount,
		"other@example.com":  extension.RefusedExistingAccount,
		"bad@example.com":    extension.RefusedByKratos,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, chunk := range s.post.chunks {
		for _, r := range chunk.Recipients {
			if r.Address != "ours@example.com" && r.Address != "vanished@example.com" {
				t.Errorf("a link was sent to %s", r.Address)
			}
		}
	}
}

func TestKratosDownHoldsTheBatchUpAndItGoesOn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	s.kratos.down = &extension.TroubleError{Sentence: "Kratos does not answer."}
	for range 2 { // the lease is given back, so that nothing waits for it
		if more, err := s.GoOn(t.Context(), batch, long); !errors.Is(err, extension.ErrUnavailable) || !more {
			t.Fatalf("more %v, %v", more, err)
		}
	}
	if got := s.report(t, batch).Progress; got.Trouble == "" || got.Waiting != 1 {
		t.Errorf("progress %+v", got)
	}
	s.kratos.down = nil
	if more, err := s.GoOn(t.Context(), batch, long); err != nil || more {
		t.Fatalf("more %v, %v", more, err)
	}
	if got := s.report(t, batch).Progress; got != (extension.Progress{Queued: 1, Sent: 1}) {
		t.Errorf("progress %+v", got)
	}
}

func TestABudgetThatIsUsedUpLeavesTheRestForLater(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	rounds := 0
	for more := true; more; rounds++ {
		var err error
		if more, err = s.GoOn(t.Context(), batch, 0); err != nil {
			t.Fatal(err)
		}
		if rounds > 100 {
			t.Fatal("the batch gets nowhere without a budget")
		}
	}
	if got := s.report(t, batch).Progress; got.Sent != 1 {
		t.Errorf("progress %+v after %d rounds", got, rounds)
	}
}
