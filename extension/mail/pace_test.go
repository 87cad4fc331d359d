package mail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// answered is what the provider says of its limit in an answer.
func answered(fields ...string) http.Header {
	header := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		header.Set(fields[i], fields[i+1])
	}
	return header
}

func limits(limit, remaining int) []string {
	return []string{
		"ratelimit-limit", strconv.Itoa(limit), "ratelimit-remaining", strconv.Itoa(remaining), "ratelimit-reset", "1",
	}
}

// wantReady begins as many calls as there may be and compares their number.
func wantReady(t *testing.T, p *pace, now time.Time, want int) time.Time {
	t.Helper()
	for n := range want + 1 {
		ready, until, _ := p.take(now)
		switch {
		case ready && n == want:
			t.Fatalf("a call more than the %d may begin", want)
		case !ready && n < want:
			t.Fatalf("%d calls may begin, want %d", n, want)
		case !ready:
			return until
		}
	}
	return time.Time{}
}

func TestWhileNothingIsKnownOneCallGoesAhead(t *testing.T) {
	t.Parallel()
	p, now := newPace(), time.Now()
	wantReady(t, p, now, 1)
	p.hear(http.StatusOK, answered(limits(5, 4)...), now, now)
	p.leave()
	if until := wantReady(t, p, now, 4); !until.Equal(now.Add(time.Second)) {
		t.Errorf("the next one waits until %v, the window ends at %v", until, now.Add(time.Second))
	}
	if until := wantReady(t, p, now.Add(time.Second), 1); !until.IsZero() { // 5 of a window, 4 are still under way
		t.Errorf("the next one waits until %v, and nobody has told when the window ends", until)
	}
}

func TestACallThatHangsDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	p.box.Fail(1, mailbox.FaultHang)
	hanging := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := NewPost(p.sender).Deliver(ctx, chunkTo("hang@example.org"), nil)
		hanging <- err
	}()
	eventually(t, func() bool { return len(p.came()) == 1 })
	for _, address := range []string{"a@example.org", "b@example.org", "c@example.org"} {
		deliver(t, p.sender, chunkTo(address))
	}
	cancel()
	if err := <-hanging; err == nil {
		t.Error("the call that hangs was answered")
	}
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never came about")
		}
	}
}

func TestAProviderWithoutALimitIsNeverWaitedFor(t *testing.T) {
	t.Parallel()
	p, now := newPace(), time.Now()
	wantReady(t, p, now, 1)
	p.hear(http.StatusBadGateway, answered(), now, now) // of a proxy in between
	p.leave()
	wantReady(t, p, now, 1)
	p.hear(http.StatusOK, answered(), now, now)
	for range 100 {
		if ready, _, _ := p.take(now); !ready {
			t.Fatal("a call has to wait")
		}
	}
}

func TestACallWithoutAnAnswerLetsTheNextOneAsk(t *testing.T) {
	t.Parallel()
	p, now := newPace(), time.Now()
	wantReady(t, p, now, 1)
	p.leave()
	wantReady(t, p, now, 1)
}

func TestCallsUnderWayAreTakenForNotCounted(t *testing.T) {
	t.Parallel()
	p, now := newPace(), time.Now()
	wantReady(t, p, now, 1)
	p.hear(http.StatusOK, answered(limits(4, 3)...), now, now)
	p.leave()
	wantReady(t, p, now, 3)
	p.hear(http.StatusOK, answered(limits(4, 2)...), now, now.Add(time.Millisecond)) // two are under way: nothing is left
	p.leave()
	wantReady(t, p, now.Add(time.Millisecond), 0)
}

func TestOfAnswersThatCrossTheOneWithLessIsBelieved(t *testing.T) {
	t.Parallel()
	p, now := newPace(), time.Now()
	wantReady(t, p, now, 1)
	p.hear(http.StatusOK, answered(limits(4, 3)...), now, now)
	p.leave()
	wantReady(t, p, now, 3)
	began := now
	now = now.Add(10 * time.Millisecond)
	p.hear(http.StatusOK, answered(limits(4, 0)...), began, now) // the third of the three came back first
	p.leave()
	p.hear(http.StatusOK, answered(limits(4, 2)...), began, now)
	p.leave()
	p.hear(http.StatusOK, answered(limits(4, 1)...), began, now)
	p.leave()
	wantReady(t, p, now, 0)
}

func TestARefusalStopsAllCallsUntilTheTimeItNames(t *testing.T) {
	t.Parallel()
	p, now := newPace(), time.Now()
	wantReady(t, p, now, 1)
	p.hear(http.StatusOK, answered(limits(4, 3)...), now, now)
	p.leave()
	wantReady(t, p, now, 3)
	began := now
	now = now.Add(10 * time.Millisecond)
	p.hear(http.StatusTooManyRequests, answered(limits(4, 0)...), began, now) // others use the key too
	p.stop(90*time.Second, sentenceQuota, now)
	p.leave()
	p.hear(http.StatusOK, answered(limits(4, 2)...), began, now) // was under way
	p.leave()
	p.leave()
	if until := wantReady(t, p, now.Add(80*time.Second), 0); !until.Equal(now.Add(90 * time.Second)) {
		t.Errorf("calls wait until %v", until)
	}
	trouble := wantTrouble(t, p.enter(t.Context()))
	if !trouble.Refused || trouble.After < 80*time.Second || trouble.After > 91*time.Second || trouble.Sentence != sentenceQuota {
		t.Errorf("trouble %+v", trouble)
	}
	wantReady(t, p, now.Add(90*time.Second), 4)
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := newPace()
	wantReady(t, p, time.Now(), 1) // whose answer everybody else waits for, and it never comes
	stopping, cancel := context.WithCancel(t.Context())
	cancel()
	var trouble *extension.TroubleError
	if err := p.enter(stopping); !errors.Is(err, context.Canceled) || errors.As(err, &trouble) {
		t.Errorf("stopping gives %v", err)
	}
	late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if trouble := wantTrouble(t, p.enter(late)); !trouble.Refused {
		t.Errorf("a deadline gives %v", trouble)
	}
}

func TestRatelimitFieldsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"2": 2, " 0 ": 0, "100, 100;w=1": -1, "100;w=1": 100, "": -1, "-1": -1, "x": -1, "99999999999": -1} {
		got, ok := count(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is read as %d, %v", text, got, ok)
		}
	}
}

func TestTheSendersOfOneProcessAreNeverRefused(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{CallsPerSecond: 20})
	if n := p.sendAtOnce(t, p.sender); n > 0 {
		t.Errorf("the provider refused %d calls", n)
	}
}

func TestProcessesThatShareALimitAreSeldomRefused(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{CallsPerSecond: 20})
	other := NewResend(ResendOptions{APIKey: apiKey, BaseURL: serve(t, p), Timeout: 5 * time.Second})
	if n := p.sendAtOnce(t, p.sender, other); n > 2*sendersEach*chunksEach/3 {
		t.Errorf("the provider refused %d calls of %d", n, 2*sendersEach*chunksEach)
	}
}

const sendersEach, chunksEach = 6, 5

// sendAtOnce lets several workers of each process send as fast as they may, checks that everybody got one message, and
// counts the calls that the provider refused.
func (p *provider) sendAtOnce(t *testing.T, processes ...Sender) int64 {
	t.Helper()
	var sending sync.WaitGroup
	var refused atomic.Int64
	for i, sender := range processes {
		for worker := range sendersEach {
			sending.Go(func() {
				for n := range chunksEach {
					untilSent(t, sender, chunkTo(fmt.Sprintf("a%d-%d-%d@example.org", i, worker, n), fmt.Sprintf("b%d-%d-%d@example.org", i, worker, n)), &refused)
				}
			})
		}
	}
	sending.Wait()
	seen := map[string]int{}
	for _, message := range p.box.Messages("") {
		seen[message.To[0]]++
		if seen[message.To[0]] > 1 {
			t.Errorf("%s got two", message.To[0])
		}
	}
	if want := len(processes) * sendersEach * chunksEach * 2; len(seen) != want {
		t.Errorf("%d people got a message, want %d", len(seen), want)
	}
	return refused.Load()
}

func untilSent(t *testing.T, sender Sender, chunk extension.Chunk, refused *atomic.Int64) {
	t.Helper()
	for {
		_, err := NewPost(sender).Deliver(t.Context(), chunk, nil)
		if err == nil {
			return
		}
		var trouble *extension.TroubleError
		var status *statusError
		switch {
		case !errors.As(err, &trouble) || !trouble.Refused:
			t.Errorf("deliver: %v", err)
			return
		case errors.As(err, &status):
			refused.Add(1)
		}
		select { // what the engine does: it comes back after the time that it was told
		case <-time.After(max(trouble.After, 10*time.Millisecond)):
		case <-t.Context().Done():
			t.Error("ran out of time")
			return
		}
	}
}
