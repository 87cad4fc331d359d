package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/tools/mailbox/submission"
)

func people(n int) []string {
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("p%d@example.org", i)
	}
	return addresses
}

func TestAMailServerGetsOneMessageForEachPersonOverOneConnection(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	for range 2 {
		chunk := chunkTo(people(20)...)
		receipts, err := s.hand(t, chunk)
		if err != nil {
			t.Fatal(err)
		}
		for i, receipt := range receipts {
			want := extension.Receipt{
				Invitation: chunk.Recipients[i].Invitation, MessageID: string(chunk.Recipients[i].Invitation) + "@onboarding.example.org",
			}
			if diff := cmp.Diff(want, receipt); diff != "" {
				t.Errorf("receipt %d (-want +got):\n%s", i, diff)
			}
		}
	}
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections, want one for both chunks", n)
	}
	for _, address := range people(20) {
		if n := s.caught(address); n != 2 {
			t.Errorf("%s got %d messages, want one of each chunk", address, n)
		}
	}
}

func TestTheLetterIsTheSameBySMTP(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	letter, recipient := sampleLetter(), sampleRecipient()
	letter.Organisation, letter.Sender = "Krankenhaus Süd", "Paperplane für Süd <invitations@onboarding.example.org>"
	recipient.Area = "A dot at the start:\n.\nand a long line " + strings.Repeat("x", 50)
	want := write(t, letter, recipient)
	if _, err := s.hand(t, extension.Chunk{ID: "c", Letter: letter, Recipients: []extension.Recipient{recipient}}); err != nil {
		t.Fatal(err)
	}
	got := s.box.Messages(recipient.Address)[0]
	if got.Text != want.Text || got.HTML != want.HTML || got.Subject != want.Subject {
		t.Errorf("the letter differs:\n%s", cmp.Diff(want.Text, got.Text)+cmp.Diff(want.HTML, got.HTML)+cmp.Diff(want.Subject, got.Subject))
	}
	for name, value := range map[string]string{
		"From": `"Paperplane für Süd" <invitations@onboarding.example.org>`, "To": "<bob@northwind.example>",
		"Reply-To": `"Northwind Help Desk" <help@northwind.example>`, "Message-Id": "<" + string(invitation) + "@onboarding.example.org>",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply", "X-Entity-Ref-Id": string(invitation), "Mime-Version": "1.0",
	} {
		if strings.ReplaceAll(got.Headers[name], `"`, "") != strings.ReplaceAll(value, `"`, "") {
			t.Errorf("%s is %q, want %q", name, got.Headers[name], value)
		}
	}
	if _, told := got.Headers["User-Agent"]; told || got.Headers["Date"] == "" {
		t.Errorf("headers %v", got.Headers)
	}
}

func TestAPermanentAnswerIsThePersonsAndATransientOneIsForNow(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	s.Answer("p1@example.org", 550, "5.1.1 No such user here, see https://mail.example.test/secret")
	s.Answer("p3@example.org", 450, "4.2.0 Greylisted, come back in 5 minutes")
	receipts, err := s.hand(t, chunkTo(people(5)...))
	if err != nil {
		t.Fatal(err)
	}
	if got := fates(receipts); got != "srs-s" {
		t.Errorf("fates %s, want srs-s", got)
	}
	if got := receipts[3].PutOff; got != "450 4.2.0 Greylisted, come back in 5 minutes" {
		t.Errorf("the one who is put off: %q", got)
	}
	if !strings.Contains(receipts[1].Refused, "550 5.1.1 No such user here") || strings.Contains(receipts[1].Refused, "secret") {
		t.Errorf("the reason is %q", receipts[1].Refused)
	}
	s.Answer("p3@example.org", 0, "")
	if receipts, err = s.hand(t, chunkTo("p3@example.org")); err != nil || fates(receipts) != "s" {
		t.Errorf("later: %v, %v", fates(receipts), err)
	}
	if n := len(s.box.Messages("")); n != 4 {
		t.Errorf("%d messages were caught, want 4", n)
	}
}

func TestPeopleWhoArePutOffHoldUpNobody(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	off := people(mostPutOff - 1)
	for _, address := range off {
		s.Answer(address, 451, "4.2.1 Come back later")
	}
	receipts, err := s.hand(t, chunkTo(append(off, "last@example.org")...))
	for i, receipt := range receipts {
		if own := receipt.PutOff != ""; own != (i < len(off)) {
			t.Errorf("person %d is put off: %q", i, receipt.PutOff)
		}
	}
	if want := strings.Repeat("-", len(off)) + "s"; err != nil || fates(receipts) != want {
		t.Errorf("fates %s, error %v, want %s", fates(receipts), err, want)
	}
	for range 2 { // alone they are no trouble either, so that they can go into a chunk with others
		if receipts, err := s.hand(t, chunkTo(off[0])); err != nil || fates(receipts) != "-" {
			t.Errorf("fates %s, error %v", fates(receipts), err)
		}
	}
}

func TestAServerThatPutsEverybodyOffIsTrouble(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	for _, address := range people(mostPutOff + 5) {
		s.Answer(address, 451, "4.3.2 Too busy")
	}
	receipts, err := s.hand(t, chunkTo(append([]string{"first@example.org"}, append(people(mostPutOff+5), "last@example.org")...)...))
	if want := "s" + strings.Repeat("-", mostPutOff+6); err != nil || fates(receipts) != want {
		t.Errorf("fates %s, error %v, want %s", fates(receipts), err, want)
	}
	for i, receipt := range receipts {
		if receipt.PutOff != "" {
			t.Errorf("the server means us, and person %d is put off: %q", i, receipt.PutOff)
		}
	}
	_, err = s.hand(t, chunkTo("next@example.org"))
	trouble := wantTrouble(t, err)
	if !trouble.Refused || trouble.After <= 0 || trouble.After > smtpRest || !strings.Contains(trouble.Sentence, "451 4.3.2 Too busy") {
		t.Errorf("the next call: %+v", trouble)
	}
}

func TestAServerThatTakesNothingIsAskedLessAndLessOften(t *testing.T) {
	t.Parallel()
	sender, busy := NewSMTP(SMTPOptions{}), &extension.TroubleError{Sentence: "Too busy."}
	now := time.Now()
	for _, seconds := range []int{5, 10, 20, 40, 80, 160, 300, 300} {
		want := time.Duration(seconds) * time.Second
		sender.rest(busy, now)
		sender.rest(busy, now) // of another call
		if got := sender.resting(now); got == nil || got.After != want {
			t.Fatalf("it rests %+v, want %s", got, want)
		}
		now = now.Add(want)
		if got := sender.resting(now); got != nil {
			t.Fatalf("it still rests: %+v", got)
		}
		sender.note([]Result{{Untried: true}, {Refused: "no"}})
	}
	sender.note([]Result{{Untried: true}, {MessageID: "m"}})
	sender.rest(busy, now)
	if got := sender.resting(now); got == nil || got.After != smtpRest {
		t.Errorf("after a message that was taken: %+v", got)
	}
}

func TestAnAnswerAfterTheContentIsBelieved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  submission.Fault
		fates  string
		caught int
	}{
		"refused":                       {submission.FaultRefuse, "rs", 1},
		"put off":                       {submission.FaultPutOff, "-s", 1},
		"cut inside":                    {submission.FaultCut, "u-", 0},
		"accepted, but the answer lost": {submission.FaultLost, "u-", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startMailServer(t, submission.Options{})
			s.Fail(1, c.fault)
			chunk := chunkTo(people(2)...)
			receipts, err := s.hand(t, chunk)
			if err != nil || fates(receipts) != c.fates {
				t.Errorf("fates %s, error %v, want %s", fates(receipts), err, c.fates)
			}
			if n := len(s.box.Messages("")); n != c.caught {
				t.Errorf("%d messages were caught, want %d", n, c.caught)
			}
		})
	}
}

func TestWhatWasMarkedIsNeverHandedOverAgain(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	chunk := chunkTo(people(3)...)
	chunk.Recipients[0].Handed = true // known when the chunk was read
	remembered := new(marks)
	if _, err := remembered.mark(t.Context(), chunk.Recipients[1].Invitation); err != nil { // by another process, since
		t.Fatal(err)
	}
	receipts, err := NewPost(s.sender).Deliver(t.Context(), chunk, remembered.mark)
	if err != nil || fates(receipts) != "uus" {
		t.Errorf("fates %s, error %v", fates(receipts), err)
	}
	if s.caught("p0@example.org")+s.caught("p1@example.org") != 0 || s.caught("p2@example.org") != 1 {
		t.Error("somebody was written to again")
	}
}

func TestWhenWeStopTheMessageUnderWayIsAnswered(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	remembered := new(marks)
	n := 0
	receipts, err := NewPost(s.sender).Deliver(ctx, chunkTo(people(4)...), func(ctx context.Context, invitation extension.InvitationID) (bool, error) {
		if n++; n == 2 {
			cancel()
		}
		return remembered.mark(ctx, invitation)
	})
	if err != nil || fates(receipts) != "ss--" {
		t.Errorf("fates %s, error %v", fates(receipts), err)
	}
	_, err = NewPost(s.sender).Deliver(ctx, chunkTo(people(4)...), remembered.mark)
	var trouble *extension.TroubleError
	if !errors.Is(err, context.Canceled) || errors.As(err, &trouble) {
		t.Errorf("stopped before the start: %v", err)
	}
	late, cancelLate := context.WithTimeout(t.Context(), -time.Second)
	defer cancelLate()
	_, err = NewPost(s.sender).Deliver(late, chunkTo(people(4)...), remembered.mark)
	if trouble := wantTrouble(t, err); !trouble.Refused {
		t.Errorf("too late: %+v", trouble)
	}
}

func TestWithoutAMarkNothingIsHandedOver(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	n := 0
	failing := func(context.Context, extension.InvitationID) (bool, error) {
		if n++; n == 2 {
			return false, errors.New("the database is down")
		}
		return true, nil
	}
	receipts, err := NewPost(s.sender).Deliver(t.Context(), chunkTo(people(3)...), failing)
	if err != nil || fates(receipts) != "s--" || len(s.box.Messages("")) != 1 {
		t.Errorf("fates %s, error %v, %d messages", fates(receipts), err, len(s.box.Messages("")))
	}
	if _, err := NewPost(s.sender).Deliver(t.Context(), chunkTo(people(1)...), nil); err == nil {
		t.Error("nobody marks, and it was sent")
	}
	if receipts, err := s.hand(t, chunkTo(people(1)...)); err != nil || fates(receipts) != "s" || s.Connections() != 1 {
		t.Errorf("afterwards: fates %s, error %v, %d connections", fates(receipts), err, s.Connections())
	}
}

func TestEveryMomentAtWhichAServerCanBreakOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script map[string]string
		fates  string // empty: trouble that certainly sent nothing
	}{
		"at once":                   {map[string]string{"greeting": ""}, ""},
		"busy at once":              {map[string]string{"greeting": "421 too many connections"}, ""},
		"at the sender":             {map[string]string{"MAIL": ""}, ""},
		"the sender is put off":     {map[string]string{"MAIL": "451 later"}, ""},
		"the sender is refused":     {map[string]string{"MAIL": "550 5.7.1 not from here"}, ""},
		"at the recipient":          {map[string]string{"RCPT": ""}, ""},
		"at the content":            {map[string]string{"DATA": ""}, "--"},
		"the content is put off":    {map[string]string{"DATA": "451 later"}, "--"},
		"the content is refused":    {map[string]string{"DATA": "554 no"}, "rr"},
		"after the content":         {map[string]string{".": ""}, "u-"},
		"an answer of no meaning":   {map[string]string{".": "150 hm"}, "u-"},
		"recipients are relayed":    {map[string]string{"RCPT": "251 will forward"}, "ss"},
		"taking back is impossible": {map[string]string{"RCPT": "550 no", "RSET": ""}, "rr"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender := senderTo(t, scripted(t, c.script))
			receipts, err := NewPost(sender).Deliver(t.Context(), chunkTo(people(2)...), new(marks).mark)
			if c.fates == "" {
				if trouble := wantTrouble(t, err); !trouble.Refused {
					t.Errorf("trouble %+v", trouble)
				}
				return
			}
			if err != nil || fates(receipts) != c.fates {
				t.Errorf("fates %s, error %v, want %s", fates(receipts), err, c.fates)
			}
		})
	}
}

func TestAServerThatNeverAnswersIsSlow(t *testing.T) {
	t.Parallel()
	listener := listenLocal(t) // nobody accepts
	t.Cleanup(func() { _ = listener.Close() })
	sender := senderTo(t, listener.Addr(), func(o *SMTPOptions) { o.Timeout = 100 * time.Millisecond })
	_, err := NewPost(sender).Deliver(t.Context(), chunkTo(people(1)...), new(marks).mark)
	if trouble := wantTrouble(t, err); trouble.Sentence != smtpSlow || !trouble.Refused {
		t.Errorf("trouble %+v", trouble)
	}
}
