package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// codesKept is for how long it is kept that a code was sent; longer than extension.CodeWindow.
const codesKept = 24 * time.Hour

// AllowCode notes that a code is about to be sent to an identity by one way, unless one was sent too recently or too many
// were, or it would not be looked at after too many wrong ones: that is an *extension.CooldownError, and
// extension.ErrGuessesSpent when it never would be. Of many callers at once one may send. ErrNotFound says that no user
// here has the identity. The pause runs by the database's clock.
func (db *DB) AllowCode(ctx context.Context, identity extension.IdentityID, way extension.Factor) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		held, err := holdIdentity(ctx, tx, identity)
		if err != nil {
			return err
		}
		if !held {
			return extension.ErrNotFound
		}
		guesses, err := guessesOf(ctx, tx, identity)
		if err != nil {
			return err
		}
		if err := shut(guesses, way); err != nil {
			return err
		}
		next, err := nextCode(ctx, tx, identity, way)
		if err != nil {
			return err
		}
		if !next.IsZero() {
			return &extension.CooldownError{Until: next}
		}
		_, err = tx.NewRaw(`INSERT INTO code_sends (identity_id, kind, sent_at) VALUES (?, ?, clock_timestamp())`, identity, string(way)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("note code: %w", err)
		}
		return nil
	})
}

// AllowGuess notes that a code by one way is about to be looked at, as a wrong one until ForgetGuesses or ReturnGuess says
// otherwise. After too many wrong ones by this way it is an *extension.CooldownError, and extension.ErrGuessesSpent after
// extension.GuessesInARow by all ways but recovery codes, which is audited once for every user of the identity. Of many
// callers at once no more than are left may go on. ErrNotFound says that no user here has the identity. The window runs by
// the database's clock.
func (db *DB) AllowGuess(ctx context.Context, identity extension.IdentityID, way extension.Factor) error {
	var refused error // not the transaction's: what is written for it stays
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		refused = nil
		held, err := holdIdentity(ctx, tx, identity)
		if err != nil {
			return err
		}
		if !held {
			return extension.ErrNotFound
		}
		guesses, err := guessesOf(ctx, tx, identity)
		if err != nil {
			return err
		}
		refused = shut(guesses, way)
		switch {
		case refused == nil:
			return countGuess(ctx, tx, identity, way)
		case errors.Is(refused, extension.ErrGuessesSpent):
			return auditSpent(ctx, tx, identity)
		}
		return nil
	})
	return cmp.Or(err, refused)
}

// shut says why no code by a way is looked at; nil when one is.
func shut(guesses extension.Guesses, way extension.Factor) error {
	if guesses.SpentBy(way) {
		return extension.ErrGuessesSpent
	}
	if until, closed := guesses.Closed[way]; closed {
		return &extension.CooldownError{Until: until}
	}
	return nil
}

// countGuess counts one more wrong code. The caller holds the identity.
func countGuess(ctx context.Context, tx bun.Tx, identity extension.IdentityID, way extension.Factor) error {
	_, err := tx.NewRaw(`
		INSERT INTO code_failures AS f (identity_id, kind, in_a_row, window_began, in_window) VALUES (?0, ?1, 1, clock_timestamp(), 1)
		ON CONFLICT (identity_id, kind) DO UPDATE
		   SET in_a_row = f.in_a_row + 1,
		       window_began = CASE WHEN f.window_began + make_interval(secs => ?2) > clock_timestamp() THEN f.window_began ELSE excluded.window_began END,
		       in_window = CASE WHEN f.window_began + make_interval(secs => ?2) > clock_timestamp() THEN f.in_window + 1 ELSE 1 END`,
		identity, string(way), extension.GuessWindow.Seconds()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count guess: %w", err)
	}
	return nil
}

// ReturnGuess takes one wrong code by a way from the count, because it was none. Once there are too many in a row it changes
// nothing.
func (db *DB) ReturnGuess(ctx context.Context, identity extension.IdentityID, way extension.Factor) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := holdIdentity(ctx, tx, identity); err != nil {
			return err
		}
		_, err := tx.NewRaw(`
			UPDATE code_failures SET in_a_row = greatest(0, in_a_row - 1), in_window = greatest(0, in_window - 1)
			 WHERE identity_id = ?0 AND kind = ?1
			   AND (kind = ?3 OR ?2 >= (SELECT sum(in_a_row) FROM code_failures WHERE identity_id = ?0 AND kind <> ?3))`,
			identity, string(way), extension.GuessesInARow, string(extension.FactorRecovery)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("return guess: %w", err)
		}
		return nil
	})
}

// auditSpent audits the first refusal after too many in a row, and counts one further so that no other is. The caller holds
// the identity.
func auditSpent(ctx context.Context, tx bun.Tx, identity extension.IdentityID) error {
	_, err := tx.NewRaw(`
		WITH spent AS (
			UPDATE code_failures SET in_a_row = in_a_row + 1
			 WHERE identity_id = ?0 AND kind = (SELECT min(kind) FROM code_failures WHERE identity_id = ?0 AND kind <> ?3)
			   AND ?1 = (SELECT sum(in_a_row) FROM code_failures WHERE identity_id = ?0 AND kind <> ?3) RETURNING identity_id)
		INSERT INTO audit (at, organisation_id, actor_name, action, user_id, detail)
		SELECT clock_timestamp(), u.organisation_id, '', ?2, u.id, '' FROM users u JOIN spent s ON s.identity_id = u.identity_id WHERE ?4`,
		identity, extension.GuessesInARow, string(extension.ActionGuessesSpent), string(extension.FactorRecovery), hasBegun()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("audit guesses: %w", err)
	}
	return nil
}

// Guesses tells by which ways no code of an identity's is looked at now, after too many wrong ones.
func (db *DB) Guesses(ctx context.Context, identity extension.IdentityID) (extension.Guesses, error) {
	guesses, err := guessesOf(ctx, db.bun, identity)
	return guesses, kind(err)
}

func guessesOf(ctx context.Context, in bun.IDB, identity extension.IdentityID) (extension.Guesses, error) {
	var rows []struct {
		Kind     extension.Factor
		InARow   int
		InWindow int
		Until    time.Time
		Running  bool
	}
	err := in.NewRaw(`
		SELECT kind, in_a_row, in_window, window_began + make_interval(secs => ?1) AS until,
		       window_began + make_interval(secs => ?1) > clock_timestamp() AS running
		  FROM code_failures WHERE identity_id = ?0`,
		identity, extension.GuessWindow.Seconds()).Scan(ctx, &rows)
	if err != nil {
		return extension.Guesses{}, fmt.Errorf("look for guesses: %w", err)
	}
	guesses, inARow := extension.Guesses{Closed: map[extension.Factor]time.Time{}}, 0
	for _, r := range rows {
		if r.Kind != extension.FactorRecovery {
			inARow += r.InARow
		}
		if r.Running && r.InWindow >= extension.GuessesWithin(r.Kind) {
			guesses.Closed[r.Kind] = r.Until.UTC()
		}
	}
	guesses.Spent = inARow >= extension.GuessesInARow
	return guesses, nil
}

// ForgetGuesses says that the last code was right, or that there is nothing left to guess.
func (db *DB) ForgetGuesses(ctx context.Context, identity extension.IdentityID) error {
	_, err := db.bun.NewRaw(`DELETE FROM code_failures WHERE identity_id = ?`, identity).Exec(ctx)
	return kind(err)
}

// AllowsNotice tells whether fewer emails of a kind than extension.NoticesPerWindow have gone to an identity of late, by the
// database's clock.
func (db *DB) AllowsNotice(ctx context.Context, identity extension.IdentityID, notice extension.NoticeKind) (bool, error) {
	var mailed int
	err := db.bun.NewRaw(`
		SELECT count(*) FROM code_sends WHERE identity_id = ? AND kind = ? AND sent_at > clock_timestamp() - make_interval(secs => ?)`,
		identity, string(notice), extension.NoticeWindow.Seconds()).Scan(ctx, &mailed)
	return mailed < extension.NoticesPerWindow, kind(err)
}

// NoteNotice notes that a code to recover an account or to confirm an address was mailed. Of an identity that no user here
// has, nothing is noted.
func (db *DB) NoteNotice(ctx context.Context, identity extension.IdentityID, notice extension.NoticeKind) error {
	_, err := db.bun.NewRaw(`
		INSERT INTO code_sends (identity_id, kind, sent_at) SELECT d.id, ?, clock_timestamp() FROM identities d WHERE d.id = ?`,
		string(notice), identity).Exec(ctx)
	return kind(err)
}

// NextCode tells when the next code can be sent to an identity by one way; zero for now.
func (db *DB) NextCode(ctx context.Context, identity extension.IdentityID, way extension.Factor) (time.Time, error) {
	next, err := nextCode(ctx, db.bun, identity, way)
	return next, kind(err)
}

// nextCode looks at the newest codes: the last one's pause must be over, and the oldest of as many as fit into the window
// must have left it.
func nextCode(ctx context.Context, in bun.IDB, identity extension.IdentityID, way extension.Factor) (time.Time, error) {
	var next *time.Time
	err := in.NewRaw(`
		SELECT max(n.at) FROM (
			SELECT CASE row_number() OVER (ORDER BY s.sent_at DESC)
			       WHEN 1 THEN s.sent_at + make_interval(secs => ?)
			       WHEN ? THEN s.sent_at + make_interval(secs => ?) END AS at
			  FROM (SELECT sent_at FROM code_sends WHERE identity_id = ? AND kind = ? ORDER BY sent_at DESC LIMIT ?) s) n
		 WHERE n.at > clock_timestamp()`,
		extension.CodePause.Seconds(), extension.CodesPerWindow, extension.CodeWindow.Seconds(), identity, string(way), extension.CodesPerWindow).
		Scan(ctx, &next)
	if err != nil {
		return time.Time{}, fmt.Errorf("look for codes: %w", err)
	}
	return fromNull(next), nil
}
