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

// people are n lines of addresses.
func people(name string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "%s%05d@example.com\n", name, i)
	}
	return text.String()
}

// counts are the numbers of a progress, without what the provider tells later.
func counts(p extension.Progress) [4]int { return [4]int{p.Queued, p.Sent, p.Waiting, p.Refused} }

func TestABatchIsProvisionedAndDelivered(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 250))
	s.finish(t)
	report := s.report(t, batch)
	if got := counts(report.Progress); got != [4]int{250, 250, 0, 0} || report.Batch.Finished.IsZero() {
		t.Errorf("progress %+v, finished %s", got, report.Batch.Finished)
	}
	written := map[string]bool{}
	for _, chunk := range s.post.chunks {
		if len(chunk.Recipients) > 100 {
			t.Errorf("a call with %d messages", len(chunk.Recipients))
		}
		for _, r := range chunk.Recipients {
			if written[r.Address] {
				t.Errorf("%s was written to twice", r.Address)
			}
			written[r.Address] = true
			if !strings.HasPrefix(r.Link, "https://pages.example.org/i/k1.") || r.Area != "East" || r.Role != "Nurse" {
				t.Errorf("recipient %+v", r)
			}
		}
	}
	if len(written) != 250 || len(s.post.chunks) != 3 {
		t.Errorf("%d people were written to in %d calls", len(written), len(s.post.chunks))
	}
}

func TestSeveralHandsShareABatchAndNobodyIsWrittenToTwice(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 900))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for s.report(t, batch).Batch.Finished.IsZero() {
				if err := work(t, s.Service); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	once(t, s)
	if got := counts(s.report(t, batch).Progress); got != [4]int{900, 900, 0, 0} {
		t.Errorf("progress %+v", got)
	}
}

// once checks that nobody has two identities or got two messages.
func once(t *testing.T, s *scene) {
	t.Helper()
	handed := map[string]int{}
	for _, chunk := range s.post.chunks {
		for _, r := range chunk.Recipients {
			handed[r.Address]++
		}
	}
	for address, n := range handed {
		if n != 1 {
			t.Errorf("%s was handed to the provider %d times", address, n)
		}
	}
	for address, n := range s.kratos.made {
		if n != 1 {
			t.Errorf("%s has %d identities", address, n)
		}
	}
}

func TestAnAnswerThatIsLostIsAskedForAgainWithTheSameKeyAndWords(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com\neve@example.com")
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) { return nil, trouble() }
	if err := work(t, s.Service); !errors.Is(err, extension.ErrUnavailable) {
		t.Fatalf("trouble: %v", err)
	}
	if got := s.report(t, batch).Progress.Trouble; got != "It is down." {
		t.Errorf("the page says %q", got)
	}
	s.now = s.now.Add(time.Hour)
	s.use(t, "k2", "k1") // a new link key must not change what was written down
	s.finish(t)
	if len(s.post.chunks) != 2 {
		t.Fatalf("%d calls", len(s.post.chunks))
	}
	if diff := cmp.Diff(s.post.chunks[0], s.post.chunks[1]); diff != "" {
		t.Error(diff)
	}
	if got := s.report(t, batch).Progress; counts(got) != [4]int{2, 2, 0, 0} || got.Trouble != "" {
		t.Errorf("progress %+v", got)
	}
}

func TestALinkKeyThatIsGoneHoldsTheBatchUpAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) { return nil, trouble() }
	if err := work(t, s.Service); err == nil {
		t.Fatal("no trouble")
	}
	s.use(t, "k2")
	s.rested(t)
	if err := work(t, s.Service); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("without the key: %v", err)
	}
	if got := s.report(t, batch).Progress.Trouble; !strings.Contains(got, "links.keys") {
		t.Errorf("the page says %q", got)
	}
	s.use(t, "k2", "k1")
	s.finish(t)
	if got := counts(s.report(t, batch).Progress); got != [4]int{1, 1, 0, 0} {
		t.Errorf("with the key again: %v", got)
	}
}

func TestWhatTheProviderKnowsWithOtherBytesEndsAsUnknownAndIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) { return nil, extension.ErrConflict }
	s.finish(t)
	report := s.report(t, batch)
	if len(report.NotSent) != 1 || report.NotSent[0].Refused != extension.RefusedUnknown || len(s.post.chunks) != 1 {
		t.Errorf("%+v after %d calls", report.NotSent, len(s.post.chunks))
	}
	again := s.report(t, s.send(t, "bob@example.com"))
	if len(again.NotSent) != 1 || again.NotSent[0].Outcome != extension.OutcomeAlreadyPending {
		t.Errorf("invited again: %+v; it may have been sent", again.NotSent)
	}
}

func TestWhoHasAnAccountIsLinkedToItAndGetsALetterLikeAnybodyElse(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "ours@example.com\ntheirs@example.com\nother@example.com\nforeign@example.com\nvanished@example.com\nbad@example.com")
	s.kratos.existing = map[string]extension.UserID{
		"ours@example.com":    s.user(t, "ours@example.com").ID, // a crash came between Kratos' answer and our row
		"theirs@example.com":  "",
		"other@example.com":   extension.NewID[extension.UserID](), // made for another organisation's user
		"foreign@example.com": "",
	}
	s.kratos.foreign = map[string]bool{"foreign@example.com": true}
	s.kratos.gone = map[string]bool{"vanished@example.com": true}
	s.kratos.refused = map[string]string{"bad@example.com": "does not look right"}
	s.finish(t)
	got := map[string]extension.Refusal{}
	for _, d := range s.report(t, batch).NotSent {
		got[d.Address] = d.Refused
	}
	want := map[string]extension.Refusal{
		"foreign@example.com": extension.RefusedExistingAccount,
		"bad@example.com":     extension.RefusedByKratos,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for address, ours := range map[string]bool{"ours@example.com": true, "theirs@example.com": false, "other@example.com": false, "vanished@example.com": true} {
		if n := s.post.boxes[address]; n != 1 {
			t.Errorf("%d letters went to %s", n, address)
		}
		identity := s.user(t, address).Identity
		if identity != s.kratos.ids[address] || identity == "" {
			t.Errorf("%s is linked to %q, not to %q", address, identity, s.kratos.ids[address])
		}
		if made := count(t, s, `SELECT count(*) FROM identities WHERE id = $1 AND created_by_us AND left_inactive_at IS NOT NULL`, identity); (made == 1) != ours {
			t.Errorf("%s: the identity counts as ours: %t, want %t", address, made == 1, ours)
		}
	}
}

func TestKratosDownHoldsTheBatchUpAndItGoesOn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	s.kratos.down = trouble()
	for range 2 { // the lease is given back, so that nothing waits for it
		if err := work(t, s.Service); !errors.Is(err, extension.ErrUnavailable) {
			t.Fatalf("trouble: %v", err)
		}
		s.rested(t)
	}
	if got := s.report(t, batch).Progress; got.Trouble == "" || got.Waiting != 1 {
		t.Errorf("progress %+v", got)
	}
	s.kratos.down = nil
	s.finish(t)
	if got := s.report(t, batch).Progress; counts(got) != [4]int{1, 1, 0, 0} || got.Trouble != "" {
		t.Errorf("progress %+v", got)
	}
}
