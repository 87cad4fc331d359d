package postgres

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Everybody takes locks in this order, so that nobody waits for somebody who waits for them:
//
//  1. the batches of an organisation, an advisory lock (oneBatchAtATime): whatever writes or changes many people at once;
//  2. one batch, an advisory lock: shared by the steps of its work (shareBatch), alone by whoever pauses, cancels or moves
//     it (aloneWithBatch);
//  3. the batch's row;
//  4. a chunk's row;
//  5. users, several of them by their address keys;
//  6. messages, several of them by their users' address keys (holdMessages). To write to a message of one's own batch
//     one need not hold its user; to revoke or revive one of another batch one must;
//  7. identities (holdIdentity), and with an identity what hangs on it: its factors, proofs and codes, and what its owner is
//     to be told (news). Whoever changes those alone begins here and takes nothing above. Who sends news takes news alone.
//
// The row of an organisation is locked by changes of its settings and by publishing its terms, which take nothing else.
// Whoever picks with SKIP LOCKED waits for nobody and may come from the side. What this order leaves over, such as an
// identity that organisations share, is rare, and inTx repeats it.

// nameOfBatch is the name of a batch's advisory lock in SQL, given an expression for its id.
func nameOfBatch(id string) string { return `hashtextextended('batch ' || ` + id + `::uuid::text, 0)` }

// aloneWithBatch waits until no step of the work on a batch is in a transaction, and keeps new ones from beginning. It
// must be a statement of its own, before others: those then see what the steps have written.
func aloneWithBatch(ctx context.Context, tx bun.Tx, batch extension.BatchID) error {
	if _, err := tx.NewRaw(`SELECT pg_advisory_xact_lock(`+nameOfBatch("?")+`)`, batch).Exec(ctx); err != nil {
		return fmt.Errorf("lock batch: %w", err)
	}
	return nil
}

// shareBatch makes whoever wants to be alone with a batch wait for this step, which writes down what was done elsewhere.
func shareBatch(ctx context.Context, tx bun.Tx, batch extension.BatchID) error {
	if _, err := tx.NewRaw(`SELECT pg_advisory_xact_lock_shared(`+nameOfBatch("?")+`)`, batch).Exec(ctx); err != nil {
		return fmt.Errorf("share batch: %w", err)
	}
	return nil
}

// shareBatchOf is shareBatch for the batch of a message; a message never changes its batch.
func shareBatchOf(ctx context.Context, tx bun.Tx, message extension.InvitationID) error {
	_, err := tx.NewRaw(`SELECT pg_advisory_xact_lock_shared(`+nameOfBatch("batch_id")+`) FROM invitations WHERE id = ?`, message).Exec(ctx)
	if err != nil {
		return fmt.Errorf("share batch: %w", err)
	}
	return nil
}

// joinBatch is shareBatch for a step that is about to begin. It waits for nobody: whoever is alone with the batch can take
// long, and the others have work of their own. What it tells is whether the step may begin. The statements after it see
// every pause and cancellation that came before.
func joinBatch(ctx context.Context, tx bun.Tx, batch extension.BatchID) (joined bool, err error) {
	err = tx.NewRaw(`SELECT pg_try_advisory_xact_lock_shared(`+nameOfBatch("?")+`)`, batch).Scan(ctx, &joined)
	if err != nil {
		return false, fmt.Errorf("join batch: %w", err)
	}
	return joined, nil
}

// holdMessages locks the messages i that a condition holds for, in the order that everybody keeps to.
func holdMessages(ctx context.Context, tx bun.Tx, condition string, arguments ...any) error {
	_, err := tx.NewRaw(`
		SELECT count(*) FROM (
			SELECT FROM invitations i JOIN users u ON u.id = i.user_id WHERE `+condition+`
			 ORDER BY u.address_key, i.id FOR NO KEY UPDATE OF i) AS held`, arguments...).Exec(ctx)
	if err != nil {
		return fmt.Errorf("lock messages: %w", err)
	}
	return nil
}

// holdPeople locks the users u that a condition holds for, in the order that everybody keeps to.
func holdPeople(ctx context.Context, tx bun.Tx, condition string, arguments ...any) error {
	_, err := tx.NewRaw(`SELECT count(*) FROM (SELECT FROM users u WHERE `+condition+` ORDER BY u.address_key, u.id FOR NO KEY UPDATE) AS held`,
		arguments...).Exec(ctx)
	if err != nil {
		return fmt.Errorf("lock users: %w", err)
	}
	return nil
}
