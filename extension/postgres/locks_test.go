package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// held is a transaction past the package that has done something and keeps its locks until it is let go.
func held(t *testing.T, dsn, statement string, arguments ...any) (letGo func()) {
	t.Helper()
	tx, err := outsider(t, dsn).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), statement, arguments...); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// meanwhile begins something that has to wait, and returns when so many wait.
func meanwhile(t *testing.T, b bundle, waiting int, do func() error) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	deadline := time.Now().Add(30 * time.Second)
	for read[int](t, b.db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) < waiting {
		if time.Now().After(deadline) {
			t.Fatal("nobody waits")
		}
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return done
}

// locked tells whether somebody else has locked a row.
func locked(t *testing.T, dsn, table, id string) bool {
	t.Helper()
	_, err := outsider(t, dsn).Exec(t.Context(), `SELECT FROM `+pgx.Identifier{table}.Sanitize()+` WHERE id = $1 FOR UPDATE NOWAIT`, id)
	var refused *pgconn.PgError
	if err != nil && (!errors.As(err, &refused) || refused.Code != "55P03") {
		t.Fatal(err)
	}
	return err != nil
}

func (b bundle) claimed(t *testing.T, batch extension.BatchID) extension.Chunk {
	t.Helper()
	chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil || chunk == nil {
		t.Fatalf("chunk %+v, %v", chunk, err)
	}
	return *chunk
}

func untriedAll(chunk extension.Chunk) []extension.Receipt {
	receipts := make([]extension.Receipt, len(chunk.Recipients))
	for i, r := range chunk.Recipients {
		receipts[i] = extension.Receipt{Invitation: r.Invitation, Untried: true}
	}
	return receipts
}

func addresses(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("p%05d@example.com", i)
	}
	return list
}

// victims makes the database end so many transactions that write an audit row for the sake of others.
func (b bundle) victims(t *testing.T, n int) {
	t.Helper()
	b.exec(t, `CREATE SEQUENCE victims`)
	b.exec(t, `CREATE FUNCTION victim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('victims') <= `+strconv.Itoa(n)+` THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF;
		RETURN NEW; END $$`)
	b.exec(t, `CREATE TRIGGER victim BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION victim()`)
}

func TestATransactionThatIsEndedForAnotherIsRepeatedAndWritesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.victims(t, 2)
	b.record(t, user, extension.FactStarted)
	if n := b.audited(t, extension.ActionUserStarted, user.ID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

func TestATransactionThatIsEndedAgainAndAgainIsTrouble(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.victims(t, 3)
	fresh, err := b.db.Record(t.Context(), user, extension.FactStarted, noon())
	if fresh || !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("%v, %v", fresh, err)
	}
	if n := read[int](t, b.db, `SELECT last_value FROM victims`); n != 3 {
		t.Errorf("%d tries", n)
	}
}

func TestAStartLocksTheUserBeforeTheMessage(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	user := b.invited(t, "bob@example.com")
	letGo := held(t, dsn, `SELECT FROM users WHERE id = $1 FOR UPDATE`, string(user.ID))
	done := meanwhile(t, b, 1, func() error {
		_, err := b.db.Record(t.Context(), user, extension.FactStarted, noon())
		return err
	})
	if locked(t, dsn, "invitations", string(user.Invitation)) {
		t.Error("the message is locked by somebody who waits for its user")
	}
	letGo()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestUsersAreLockedInTheOrderOfTheirAddresses holds somebody in the middle, and looks at who is locked meanwhile.
func TestUsersAreLockedInTheOrderOfTheirAddresses(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(b bundle) func() error{
		"work is settled": func(b bundle) func() error {
			batch := b.place(t, "c@example.com", "b@example.com", "a@example.com")
			work, err := b.db.LeaseWork(t.Context(), batch, 10, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(work, func(x, y extension.Work) int { return strings.Compare(y.Address, x.Address) })
			settled := make([]extension.Settled, len(work))
			for i, w := range work {
				settled[i] = extension.Settled{Work: w, Identity: extension.NewID[extension.IdentityID]()}
			}
			return func() error { return b.db.SettleWork(t.Context(), settled, noon()) }
		},
		"a batch is cancelled": func(b bundle) func() error {
			batch := b.place(t, "c@example.com", "b@example.com", "a@example.com")
			return func() error {
				decide := func(extension.Batch) (extension.Action, error) { return extension.ActionBatchCancelled, nil }
				return b.db.Control(t.Context(), b.admin, batch, noon(), decide)
			}
		},
		"a batch is moved": func(b bundle) func() error {
			batch := b.place(t, "c@example.com", "b@example.com", "a@example.com")
			return func() error { _, err := b.db.Move(t.Context(), b.admin, b.moving(batch, 1), noon()); return err }
		},
		"people are invited again": func(b bundle) func() error {
			b.send(t, b.place(t, "c@example.com", "b@example.com", "a@example.com"))
			return func() error { return b.db.ReissueMany(t.Context(), b.admin, b.resend(everybody()), somebody) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, dsn := setupAt(t)
			do := prepare(b)
			id := func(address string) string {
				return read[string](t, b.db, `SELECT id FROM users WHERE address = ?`, address)
			}
			letGo := held(t, dsn, `SELECT FROM users WHERE id = $1 FOR UPDATE`, id("b@example.com"))
			done := meanwhile(t, b, 1, do)
			if !locked(t, dsn, "users", id("a@example.com")) || locked(t, dsn, "users", id("c@example.com")) {
				t.Error("the first is not locked yet, or the last is already")
			}
			letGo()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMessagesOfAChunkAreLockedInTheOrderOfTheirAddresses(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	batch := b.place(t, "c@example.com", "b@example.com", "a@example.com")
	b.provision(t, batch)
	chunk := b.claimed(t, batch)
	message := map[string]string{}
	for _, r := range chunk.Recipients {
		message[r.Address] = string(r.Invitation)
	}
	letGo := held(t, dsn, `SELECT FROM invitations WHERE id = $1 FOR UPDATE`, message["b@example.com"])
	done := meanwhile(t, b, 1, func() error { return b.db.SettleChunk(t.Context(), chunk, untriedAll(chunk), noon()) })
	if !locked(t, dsn, "invitations", message["a@example.com"]) || locked(t, dsn, "invitations", message["c@example.com"]) {
		t.Error("the first is not locked yet, or the last is already")
	}
	letGo()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestACancellationAndTheEndOfACallWaitForOneAnotherOnlyOneWay(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	batch := b.place(t, "a@example.com", "b@example.com", "c@example.com")
	b.provision(t, batch)
	chunk := b.claimed(t, batch)
	letGo := held(t, dsn, `SELECT FROM invitations WHERE id = $1 FOR UPDATE`, string(chunk.Recipients[1].Invitation))
	settled := meanwhile(t, b, 1, func() error { return b.db.SettleChunk(t.Context(), chunk, untriedAll(chunk), noon()) })
	cancelled := meanwhile(t, b, 2, func() error {
		decide := func(extension.Batch) (extension.Action, error) { return extension.ActionBatchCancelled, nil }
		return b.db.Control(t.Context(), b.admin, batch, noon(), decide)
	})
	if again, err := b.db.ClaimChunk(t.Context(), batch, claim()); err != nil || again != nil {
		t.Errorf("claimed in the face of a cancellation: %+v, %v", again, err)
	}
	letGo()
	if err := errors.Join(<-settled, <-cancelled); err != nil {
		t.Error(err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE refused = 'cancelled'`); n != 3 {
		t.Errorf("%d are cancelled", n)
	}
}

func TestABatchWithWhichSomebodyIsAloneKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	busy := b.place(t, "bob@example.com")
	letGo := held(t, dsn, `SELECT pg_advisory_xact_lock(hashtextextended('batch ' || $1::uuid::text, 0))`, string(busy))
	if turn, err := b.db.NextTurn(t.Context(), 100, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("turn %+v, %v", turn, err)
	}
	other := b.place(t, "eve@example.com")
	if turn, err := b.db.NextTurn(t.Context(), 100, noon()); err != nil || turn.Batch != other {
		t.Errorf("turn %+v, %v", turn, err)
	}
	if work, err := b.db.LeaseWork(t.Context(), busy, 10, time.Minute); err != nil || len(work) != 0 {
		t.Errorf("work %v, %v", work, err)
	}
	letGo()
	if work, err := b.db.LeaseWork(t.Context(), busy, 10, time.Minute); err != nil || len(work) != 1 {
		t.Errorf("work %v, %v", work, err)
	}
}

func TestATurnIsGivenWhileItsRowsAreLocked(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	batch := b.place(t, "bob@example.com")
	if _, err := b.db.NextTurn(t.Context(), 100, noon()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"batches", "turns"} {
		letGo := held(t, dsn, `SELECT FROM `+table+` FOR UPDATE`)
		soon, stop := context.WithTimeout(t.Context(), 10*time.Second)
		if turn, err := b.db.NextTurn(soon, 100, noon()); err != nil || turn.Batch != batch {
			t.Errorf("%s locked: turn %+v, %v", table, turn, err)
		}
		stop()
		letGo()
	}
}

func TestABatchThatIsPausedOrCancelledHandsNobodyOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for column := range map[string]bool{"paused_at": true, "cancelled_at": true} {
		batch := b.place(t, column+"@example.com")
		b.exec(t, `UPDATE batches SET `+column+` = now() WHERE id = ?`, batch)
		if work, err := b.db.LeaseWork(t.Context(), batch, 10, time.Minute); err != nil || len(work) != 0 {
			t.Errorf("%s: %d are handed out, %v", column, len(work), err)
		}
	}
}

// TestPeopleWhoLeaveTwoChunksAtOnceAreAllFoundAgain lets a later end of a call be seen before an earlier one.
func TestPeopleWhoLeaveTwoChunksAtOnceAreAllFoundAgain(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	batch := b.place(t, addresses(200)...)
	b.provision(t, batch)
	first, second := b.claimed(t, batch), b.claimed(t, batch)
	b.exec(t, `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$`)
	b.exec(t, `CREATE TRIGGER wait AFTER UPDATE OF settled_at ON mail_chunks FOR EACH ROW WHEN (NEW.id = '`+string(first.ID)+`') EXECUTE FUNCTION wait()`)
	letGo := held(t, dsn, `SELECT pg_advisory_xact_lock(7)`)
	done := meanwhile(t, b, 1, func() error { return b.db.SettleChunk(t.Context(), first, untriedAll(first), noon()) })
	if err := b.db.SettleChunk(t.Context(), second, untriedAll(second), noon()); err != nil {
		t.Fatal(err)
	}
	if turn, err := b.db.NextTurn(t.Context(), 100, noon()); err != nil || turn.Step != extension.BatchDeliver {
		t.Fatalf("turn %+v, %v", turn, err)
	}
	letGo()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for b.step(t) {
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE sent_at IS NULL`); n != 0 {
		t.Errorf("%d are never found again", n)
	}
}

func TestWhoFindsNoStepDoesNotLookAgainAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.place(t, "bob@example.com")
	b.exec(t, `UPDATE batches SET from_seq = 1000000`)
	if after, err := b.db.NextDue(t.Context(), 100, noon()); err != nil || after != time.Hour {
		t.Errorf("the next turn is in %s, %v", after, err)
	}
}

func TestABounceCountsTheBatchOnlyWhileItRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.invited(t, "sent@example.com")
	user := b.user(t, "sent@example.com")
	counted := func(change string) bool {
		t.Helper()
		b.exec(t, change)
		statements, err := b.db.Recorded(func(db *postgres.DB) error {
			b.exec(t, `UPDATE invitations SET bounced_at = NULL`)
			_, err := db.RecordMail(t.Context(), told(extension.MailBounced, messageOf(user), 1), noon().Add(time.Hour))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(statements, func(s string) bool { return strings.Contains(s, "count(i.bounced_at)") })
	}
	if !counted(`UPDATE batches SET finished_at = NULL`) {
		t.Error("nobody counts the bounces of a batch that runs")
	}
	for _, change := range []string{
		`UPDATE batches SET finished_at = now()`, `UPDATE batches SET finished_at = NULL, paused_at = now()`,
		`UPDATE batches SET paused_at = NULL, cancelled_at = now()`,
	} {
		if counted(change) {
			t.Errorf("counted after %s", change)
		}
	}
}
