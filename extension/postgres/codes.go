package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// codesKept is for how long it is kept that a code was sent; longer than extension.CodeWindow.
const codesKept = 24 * time.Hour

// AllowCode notes that a code is about to be sent to an identity by one way, unless one was sent too recently or too many
// were: that is an *extension.CooldownError. Of many callers at once one may send. ErrNotFound says that no user here has
// the identity. The pause runs by the database's clock.
func (db *DB) AllowCode(ctx context.Context, identity extension.IdentityID, way extension.Factor) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		held, err := holdIdentity(ctx, tx, identity)
		if err != nil {
			return err
		}
		if !held {
			return extension.ErrNotFound
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

// AllowGuess notes that a code is about to be looked at, unless too many were wrong: that is an *extension.CooldownError. Of
// many callers at once no more than are left may go on. ErrNotFound says that no user here has the identity. The window
// runs by the database's clock.
func (db *DB) AllowGuess(ctx context.Context, identity extension.IdentityID) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		held, err := holdIdentity(ctx, tx, identity)
		if err != nil {
			return err
		}
		if !held {
			return extension.ErrNotFound
		}
		var full *time.Time // when the oldest of as many as fit into the window leaves it
		err = tx.NewRaw(`
			SELECT max(guessed_at) + make_interval(secs => ?) FROM (
				SELECT guessed_at FROM code_guesses WHERE identity_id = ? ORDER BY guessed_at DESC OFFSET ? LIMIT 1) g
			HAVING max(guessed_at) + make_interval(secs => ?) > clock_timestamp()`,
			extension.GuessWindow.Seconds(), identity, extension.GuessesPerWindow-1, extension.GuessWindow.Seconds()).Scan(ctx, &full)
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("count guesses: %w", err)
		case full != nil:
			return &extension.CooldownError{Until: full.UTC()}
		}
		if _, err := tx.NewRaw(`INSERT INTO code_guesses (identity_id, guessed_at) VALUES (?, clock_timestamp())`, identity).Exec(ctx); err != nil {
			return fmt.Errorf("note guess: %w", err)
		}
		return nil
	})
}

// ForgetGuesses says that the last code was right.
func (db *DB) ForgetGuesses(ctx context.Context, identity extension.IdentityID) error {
	_, err := db.bun.NewRaw(`DELETE FROM code_guesses WHERE identity_id = ?`, identity).Exec(ctx)
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
