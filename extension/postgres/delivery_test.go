package postgres_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// told is an event of a message, with an id of its own.
func told(kind extension.MailEventKind, message string, minutes int) extension.MailEvent {
	event := extension.MailEvent{ID: extension.NewID[string](), Kind: kind, Message: message, At: noon().Add(time.Duration(minutes) * time.Minute)}
	switch kind {
	case extension.MailBounced:
		event.Detail = "550 no such user"
	case extension.MailDelayed:
		event.Detail = "451 try again later"
	case extension.MailSent, extension.MailDelivered, extension.MailComplained, extension.MailFailed:
	}
	return event
}

// tell tells the database events, an hour after noon.
func (b bundle) tell(t *testing.T, events ...extension.MailEvent) {
	t.Helper()
	for _, event := range events {
		if _, err := b.db.RecordMail(t.Context(), event, noon().Add(time.Hour)); err != nil {
			t.Fatalf("%s: %v", event.Kind, err)
		}
	}
}

// messageOf is the provider's id that send gives to a user's newest message.
func messageOf(user extension.User) string { return "m-" + string(user.Invitation) }

// orders gives every order of a list.
func orders[T any](list []T) [][]T {
	if len(list) < 2 {
		return [][]T{list}
	}
	var all [][]T
	for i := range list {
		rest := append(append([]T(nil), list[:i]...), list[i+1:]...)
		for _, order := range orders(rest) {
			all = append(all, append([]T{list[i]}, order...))
		}
	}
	return all
}

func TestEventsOfAMessageMeanTheSameInEveryOrderAndTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kinds := []extension.MailEventKind{
		extension.MailSent, extension.MailDelayed, extension.MailDelivered, extension.MailBounced, extension.MailComplained,
	}
	all := orders(kinds)
	var addresses []string
	for i := range all {
		addresses = append(addresses, fmt.Sprintf("p%03d@example.com", i))
	}
	b.send(t, b.place(t, addresses...))
	want := extension.LetterFacts{
		Sent: noon(), Delayed: noon().Add(2 * time.Minute), Delivered: noon().Add(3 * time.Minute), Bounced: noon().Add(4 * time.Minute),
		Complained: noon().Add(5 * time.Minute), Detail: "550 no such user",
	}
	minutes := map[extension.MailEventKind]int{
		extension.MailSent: 1, extension.MailDelayed: 2, extension.MailDelivered: 3, extension.MailBounced: 4, extension.MailComplained: 5,
	}
	for i, order := range all {
		user := b.user(t, addresses[i])
		for _, kind := range order {
			event := told(kind, messageOf(user), minutes[kind])
			b.tell(t, event, event)
		}
		user = b.user(t, addresses[i])
		if diff := cmp.Diff(want, user.Letter); diff != "" {
			t.Fatalf("%v (-want +got):\n%s", order, diff)
		}
		if user.Suppressed != extension.SuppressedComplaint || user.Letter.State("") != extension.DeliveryComplained {
			t.Errorf("%v: suppressed %q, %s", order, user.Suppressed, user.Letter.State(""))
		}
	}
	if n := read[int](t, b.db, `SELECT count(*)::int FROM mail_events`); n != len(all)*len(kinds) {
		t.Errorf("%d events are remembered", n)
	}
}

func TestDeliveryIsTheSameInGoAndInSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	times := []time.Time{{}, noon()}
	for mask := range 32 {
		at := func(bit int) time.Time { return times[mask>>bit&1] }
		facts := extension.LetterFacts{Sent: at(0), Delayed: at(1), Delivered: at(2), Bounced: at(3), Complained: at(4)}
		for _, refused := range []extension.Refusal{"", extension.RefusedUnknown} {
			null := func(t time.Time) *time.Time {
				if t.IsZero() {
					return nil
				}
				return &t
			}
			var why *string
			if refused != "" {
				text := string(refused)
				why = &text
			}
			got := read[extension.DeliveryState](t, b.db, `SELECT delivery_state(?::timestamptz, ?::timestamptz, ?::timestamptz, ?::timestamptz, ?::timestamptz, ?)`,
				null(facts.Sent), null(facts.Delayed), null(facts.Delivered), null(facts.Bounced), null(facts.Complained), why)
			if want := facts.State(refused); got != want {
				t.Errorf("SQL says %s, Go %s for %+v %q", got, want, facts, refused)
			}
		}
	}
}

func TestAnEventThatOvertakesTheAnswerFindsItsMessageByOurTag(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	chunk := b.claimed(t, batch)
	event := told(extension.MailDelivered, "re_1", 3)
	event.Invitation = chunk.Recipients[0].Invitation
	b.tell(t, event)
	if got := b.user(t, "bob@example.com").Letter; got.Delivered.IsZero() || got.Sent.IsZero() {
		t.Errorf("%+v", got)
	}
	// The answer comes after all, and changes nothing.
	receipts := []extension.Receipt{{Invitation: event.Invitation, MessageID: "re_1"}}
	if err := b.db.SettleChunk(t.Context(), chunk, receipts, noon().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	stranger := told(extension.MailBounced, "re_2", 4)
	stranger.Invitation = event.Invitation // the tag of ours on a message that is not
	b.tell(t, stranger)
	user := b.user(t, "bob@example.com")
	want := extension.LetterFacts{Sent: noon().Add(3 * time.Minute), Delivered: noon().Add(3 * time.Minute)}
	if diff := cmp.Diff(want, user.Letter); diff != "" || user.Suppressed != "" {
		t.Errorf("suppressed %q (-want +got):\n%s", user.Suppressed, diff)
	}
}

func TestAProviderThatForgotAndTellsAfterAllProvesThatItWasSent(t *testing.T) {
	t.Parallel()
	for _, kind := range []extension.MailEventKind{extension.MailSent, extension.MailDelayed, extension.MailDelivered, extension.MailBounced, extension.MailComplained} {
		b := setup(t)
		batch := b.place(t, "bob@example.com")
		b.provision(t, batch)
		chunk := b.claimed(t, batch)
		if err := b.db.AbandonChunk(t.Context(), chunk, noon()); err != nil {
			t.Fatal(err)
		}
		if user := b.user(t, "bob@example.com"); user.Refused != extension.RefusedUnknown {
			t.Fatalf("refused %q", user.Refused)
		}
		event := told(kind, "re_1", 3)
		event.Invitation = chunk.Recipients[0].Invitation
		b.tell(t, event)
		if user := b.user(t, "bob@example.com"); user.Refused != "" || user.Letter.Sent.IsZero() || user.Letter.State(user.Refused) != extension.DeliveryState(kind) {
			t.Errorf("%s: refused %q, %+v", kind, user.Refused, user.Letter)
		}
	}
}

func TestEventsOfOthersAndOfOtherRefusalsChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	chunk := b.claimed(t, batch)
	refused := []extension.Receipt{{Invitation: chunk.Recipients[0].Invitation, Refused: "not allowed"}}
	if err := b.db.SettleChunk(t.Context(), chunk, refused, noon()); err != nil {
		t.Fatal(err)
	}
	stranger := told(extension.MailBounced, "re_9", 1)
	fresh, err := b.db.RecordMail(t.Context(), stranger, noon())
	if err != nil || fresh {
		t.Errorf("a message of another application: %v, %v", fresh, err)
	}
	stranger.Invitation = extension.NewID[extension.InvitationID]()
	if fresh, err = b.db.RecordMail(t.Context(), stranger, noon()); err != nil || fresh {
		t.Errorf("an unknown tag: %v, %v", fresh, err)
	}
	if n := read[int](t, b.db, `SELECT count(*)::int FROM mail_events`); n != 0 {
		t.Errorf("%d events are remembered", n)
	}
	sent := told(extension.MailSent, "re_1", 1)
	sent.Invitation = chunk.Recipients[0].Invitation
	b.tell(t, sent)
	if user := b.user(t, "bob@example.com"); user.Refused != extension.RefusedByProvider || !user.Letter.Sent.IsZero() {
		t.Errorf("%+v", user)
	}
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "a@example.com", "b@example.com"))
	for i := range 5 {
		b.exec(t, `INSERT INTO mail_events (id, received_at) VALUES (?, clock_timestamp() - interval '31 days')`, strconv.Itoa(i))
	}
	b.exec(t, `INSERT INTO mail_events (id, received_at) VALUES ('young', clock_timestamp() - interval '29 days')`)
	for _, address := range []string{"a@example.com", "b@example.com"} {
		b.tell(t, told(extension.MailSent, messageOf(b.user(t, address)), 1), told(extension.MailDelivered, messageOf(b.user(t, address)), 1))
	}
	if n := read[int](t, b.db, `SELECT count(*)::int FROM mail_events`); n != 5 { // four new ones and the young one
		t.Errorf("%d are left", n)
	}
}

func TestAFailureAtTheProviderLosesTheMessageButNotTheAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.tell(t, told(extension.MailFailed, messageOf(user), 1))
	if got := b.user(t, "bob@example.com"); got.Suppressed != "" || got.Letter.State("") != extension.DeliveryBounced {
		t.Errorf("suppressed %q, the message is %s", got.Suppressed, got.Letter.State(""))
	}
}

func TestABounceOfAnOldAddressOrAnOldEventDoesNotSuppress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	bounced := told(extension.MailBounced, messageOf(user), 1)
	b.tell(t, bounced)
	if got := b.user(t, "bob@example.com").Suppressed; got != extension.SuppressedBounce || b.audited(t, extension.ActionUserSuppressed, user.ID) != 1 {
		t.Fatalf("suppressed %q", got)
	}
	b.exec(t, `UPDATE users SET suppressed = NULL, suppressed_at = NULL`)
	again := bounced
	again.ID = "another id, the same bounce"
	b.tell(t, bounced, again)
	if got := b.user(t, "bob@example.com").Suppressed; got != "" {
		t.Errorf("a bounce that was dealt with suppresses again: %q", got)
	}
	b.exec(t, `UPDATE invitations SET address = 'bob@exampel.com'`)
	b.tell(t, told(extension.MailComplained, messageOf(user), 2))
	if got := b.user(t, "bob@example.com"); got.Suppressed != "" || got.Letter.Complained.IsZero() {
		t.Errorf("the address before was complained about, and now %q", got.Suppressed)
	}
}

// sentOf places n people, sends the first of them and leaves the others waiting.
func (b bundle) sentOf(t *testing.T, sent, n int) (extension.BatchID, []extension.InvitationID) {
	t.Helper()
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("p%04d@example.com", i)
	}
	batch := b.place(t, addresses...)
	b.provision(t, batch)
	one := claim()
	one.Most = sent
	chunk, err := b.db.ClaimChunk(t.Context(), batch, one)
	if err != nil {
		t.Fatal(err)
	}
	var receipts []extension.Receipt
	var ids []extension.InvitationID
	for _, r := range chunk.Recipients {
		ids = append(ids, r.Invitation)
		receipts = append(receipts, extension.Receipt{Invitation: r.Invitation, MessageID: "m-" + string(r.Invitation)})
	}
	if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon()); err != nil {
		t.Fatal(err)
	}
	return batch, ids
}

func (b bundle) bounce(t *testing.T, ids ...extension.InvitationID) {
	t.Helper()
	for _, id := range ids {
		b.tell(t, told(extension.MailBounced, "m-"+string(id), 1))
	}
}

// halted tells whether a batch has paused itself.
func (b bundle) halted(t *testing.T, batch extension.BatchID) bool {
	t.Helper()
	return read[bool](t, b.db, `SELECT paused_at IS NOT NULL AND paused_by = '' FROM batches WHERE id = ?`, batch)
}

func TestABatchThatLosesTooManyMessagesPausesItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch, ids := b.sentOf(t, 100, 120) // 3 % of 100: the fourth is too many
	b.bounce(t, ids[:3]...)
	if b.halted(t, batch) {
		t.Error("paused at exactly the share that is allowed")
	}
	b.tell(t, told(extension.MailComplained, "m-"+string(ids[9]), 1), told(extension.MailDelayed, "m-"+string(ids[8]), 1))
	if b.halted(t, batch) {
		t.Error("paused by something else than a bounce")
	}
	b.bounce(t, ids[3])
	if !b.halted(t, batch) {
		t.Error("not paused")
	}
	detail := read[string](t, b.db, `SELECT detail FROM audit WHERE action = ?`, string(extension.ActionBatchPaused))
	if !strings.HasSuffix(detail, "4 of 100 messages bounced") {
		t.Errorf("the audit says %q", detail)
	}
	// Resumed, it counts from there on.
	b.exec(t, `UPDATE batches SET paused_at = NULL, watched_from = ? WHERE id = ?`, noon().Add(time.Minute), batch)
	b.bounce(t, ids[4:20]...)
	if b.halted(t, batch) {
		t.Error("paused again by messages that were sent before it was resumed")
	}
}

func TestAFewMessagesNothingLeftOrAnotherWillPauseNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent, all int
		change    string
	}{
		"too few to judge":   {49, 60, ``},
		"nothing left":       {60, 60, ``},
		"never":              {60, 70, `UPDATE organisations SET stop_loss_percent = 0`},
		"more is allowed":    {60, 70, `UPDATE organisations SET stop_loss_percent = 90`},
		"finished":           {60, 70, `UPDATE batches SET finished_at = now()`},
		"cancelled":          {60, 70, `UPDATE batches SET cancelled_at = now(), cancelled_by = 'Ada'`},
		"paused by a person": {60, 70, `UPDATE batches SET paused_at = now(), paused_by = 'Ada'`},
	} {
		b := setup(t)
		batch, ids := b.sentOf(t, c.sent, c.all)
		if c.change != "" {
			b.exec(t, c.change)
		}
		b.bounce(t, ids[:40]...)
		if b.halted(t, batch) {
			t.Errorf("%s: paused", name)
		}
	}
	b := setup(t)
	b.exec(t, `UPDATE organisations SET stop_loss_percent = 50, stop_loss_after = 1`)
	batch, ids := b.sentOf(t, 1, 2)
	b.bounce(t, ids...)
	if !b.halted(t, batch) {
		t.Error("an organisation that judges after one message was not obeyed")
	}
}

func TestBouncesAtTheSameMomentDoNotOverlookTogetherThatTheyAreTooMany(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 5 {
		b.exec(t, `DELETE FROM users`)
		b.exec(t, `DELETE FROM mail_chunks`)
		batch, ids := b.sentOf(t, 100, 110)
		start, done := make(chan struct{}), sync.WaitGroup{}
		for _, id := range ids[:4] {
			done.Go(func() {
				<-start
				if _, err := b.db.RecordMail(t.Context(), told(extension.MailBounced, "m-"+string(id), 1), noon()); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		done.Wait()
		if !b.halted(t, batch) {
			t.Fatal("four bounces at once were each taken for three")
		}
	}
}
