package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"paperplane/extension"
)

// happening is a change that the owner of an identity is to be told of.
type happening struct {
	extension.AccountChange
	identity extension.IdentityID
	whose    schema.QueryAppender // which of the identity's users u make it one to tell of
	report   string               // of one that Kratos reports
	after    time.Duration        // before the letter goes out
}

// activated are users who are in. What people change on the way in they do page after page, and need no letters about it.
func activated() schema.QueryAppender { return bun.SafeQuery(`u.activated_at IS NOT NULL`) }

// activatedBy are users who were in at a moment.
func activatedBy(at time.Time) schema.QueryAppender {
	return bun.SafeQuery(`u.activated_at <= ?`, at.UTC())
}

// hasBegun are users who have taken an invitation on. They hear of everything that others do to their account.
func hasBegun() schema.QueryAppender {
	return bun.SafeQuery(`(u.started_at IS NOT NULL OR u.registered_at IS NOT NULL)`)
}

// note writes down that somebody is to be told, in the transaction of the change itself: what is rolled back is not told,
// and what is committed is. Without a time it has happened now, by the database's clock.
func note(ctx context.Context, in bun.IDB, h happening) error {
	var report *string
	if h.report != "" {
		report = &h.report
	}
	_, err := in.NewRaw(`
		INSERT INTO news (identity_id, kind, factor, address, happened_at, report, try_at)
		SELECT ?0, ?1, ?2, ?3, coalesce(?4::timestamptz, clock_timestamp()), ?5, clock_timestamp() + make_interval(secs => ?6)
		 WHERE EXISTS (SELECT 1 FROM users u WHERE u.identity_id = ?0 AND u.withdrawn_at IS NULL AND ?7)
		ON CONFLICT (report) DO NOTHING`,
		h.identity, string(h.Kind), string(h.Factor), h.Address, nullTime(h.At), report, h.after.Seconds(), h.whose).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note news: %w", err)
	}
	return nil
}

// noteFactors notes that factors were added or removed, as the audit says it.
func noteFactors(ctx context.Context, tx bun.Tx, identity extension.IdentityID, rows []factorRow, action extension.Action, at time.Time) error {
	change := extension.ChangeAdded
	if action == extension.ActionFactorRemoved {
		change = extension.ChangeRemoved
	}
	for _, row := range rows {
		err := note(ctx, tx, happening{
			AccountChange: extension.AccountChange{Kind: change, Factor: row.Kind, Address: row.Address, At: at},
			identity:      identity, whose: activated(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// NoteReported notes a change that Kratos has reported, once however often the report comes. A form of Kratos' settings that
// was opened on the way in can be saved until extension.SettingsLifetime later, and the report comes later still: until then
// it belongs to the way in, and nobody is told.
func (db *DB) NoteReported(ctx context.Context, identity extension.IdentityID, change extension.AccountChange, report string) error {
	return kind(note(ctx, db.bun, happening{
		AccountChange: change, identity: identity, whose: activatedBy(change.At.Add(-extension.SettingsLifetime)), report: report,
	}))
}

// Announce notes a change that somebody else is about to make to an account, in Kratos, so that there is no transaction of
// ours to note it in. Nobody is told until TellNow says that it was made, or that cannot come any more: whoever sends the
// letter finds out then whether it was. What was announced before of the same number, and is not told yet, is forgotten: it
// was tried in vain, or told again it would say the same twice.
func (db *DB) Announce(ctx context.Context, identity extension.IdentityID, change extension.AccountChange) (announced string, err error) {
	announced = extension.NewID[string]()
	err = db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := holdIdentity(ctx, tx, identity); err != nil {
			return err
		}
		_, err := tx.NewRaw(`DELETE FROM news WHERE identity_id = ? AND kind = ? AND address = ? AND done_at IS NULL`,
			identity, string(change.Kind), change.Address).Exec(ctx)
		if err != nil {
			return fmt.Errorf("forget what was announced: %w", err)
		}
		return note(ctx, tx, happening{AccountChange: change, identity: identity, whose: hasBegun(), report: announced, after: savedWithin})
	})
	return announced, err
}

// noteRecovered notes that somebody got in by a recovery code: whoever finds one needs only the password besides.
func noteRecovered(ctx context.Context, tx bun.Tx, identity extension.IdentityID, at time.Time) error {
	used := extension.AccountChange{Kind: extension.ChangeRecovered, At: at}
	return note(ctx, tx, happening{AccountChange: used, identity: identity, whose: activated()})
}

// TellNow says that an announced change was made.
func (db *DB) TellNow(ctx context.Context, announced string) error {
	_, err := db.bun.NewRaw(`UPDATE news SET try_at = clock_timestamp() WHERE report = ? AND letter IS NULL`, announced).Exec(ctx)
	return kind(err)
}

// newsLease is how long a letter is left to whoever has claimed it: longer than a job may take.
const newsLease = 5 * time.Minute

// ClaimNews hands out the letter that is due, and tells whether there is one. It tells all that had happened to its account
// when it was first claimed, and is the same at every later attempt, but for the address and the names of an organisation
// that have changed since. The address is empty when nobody is left to be told.
func (db *DB) ClaimNews(ctx context.Context) (news extension.News, there bool, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		news, there = extension.News{}, false
		changes, err := claimChanges(ctx, tx)
		if err != nil || len(changes) == 0 {
			return err
		}
		there = true
		news.ID, news.Identity = changes[0].Letter, changes[0].IdentityID
		for _, c := range changes {
			news.Changes = append(news.Changes, extension.AccountChange{Kind: c.Kind, Factor: c.Factor, Address: c.Address, At: c.HappenedAt.UTC()})
		}
		return addressee(ctx, tx, &news)
	})
	return news, there && err == nil, err
}

type newsRow struct {
	IdentityID extension.IdentityID
	Letter     extension.NewsID
	Kind       extension.ChangeKind
	Factor     extension.Factor
	Address    string
	HappenedAt time.Time
}

// claimChanges claims the changes of one letter, the oldest first: all of one that was tried before, or those that are due of
// what no letter has told yet. A letter's changes have their times from one statement, so that they come and go together.
func claimChanges(ctx context.Context, tx bun.Tx) ([]newsRow, error) {
	var changes []newsRow
	err := tx.NewRaw(`
		WITH due AS (
			SELECT identity_id, letter FROM news WHERE done_at IS NULL AND try_at <= statement_timestamp()
			 ORDER BY try_at, id LIMIT 1 FOR UPDATE SKIP LOCKED),
		together AS (
			SELECT n.id FROM news n JOIN due ON n.identity_id = due.identity_id AND n.letter IS NOT DISTINCT FROM due.letter
			 WHERE n.done_at IS NULL AND (n.letter IS NOT NULL OR n.try_at <= statement_timestamp()) FOR UPDATE OF n SKIP LOCKED),
		claimed AS (
			UPDATE news n SET letter = coalesce(n.letter, ?), tried_at = coalesce(n.tried_at, statement_timestamp()),
			       try_at = statement_timestamp() + make_interval(secs => ?)
			  FROM together WHERE n.id = together.id
			RETURNING n.id, n.identity_id, n.letter, n.kind, n.factor, n.address, n.happened_at)
		SELECT identity_id, letter, kind, factor, address, happened_at FROM claimed ORDER BY happened_at, id`,
		extension.NewID[extension.NewsID](), newsLease.Seconds()).Scan(ctx, &changes)
	if err != nil {
		return nil, fmt.Errorf("claim news: %w", err)
	}
	return changes, nil
}

// addressee finds who is told and in whose name. Organisations that have merely invited somebody have no say.
func addressee(ctx context.Context, tx bun.Tx, news *extension.News) error {
	var row struct{ Address, Language, Organisation, Contact string }
	err := tx.NewRaw(`
		SELECT coalesce(min(u.address), '') AS address,
		       coalesce(CASE WHEN count(DISTINCT o.language) = 1 THEN min(o.language) END, '') AS language,
		       coalesce(CASE WHEN count(DISTINCT o.id) = 1 THEN min(o.name) END, '') AS organisation,
		       coalesce(CASE WHEN count(DISTINCT o.id) = 1 THEN min(o.reply_to) END, '') AS contact
		  FROM users u JOIN organisations o ON o.id = u.organisation_id
		 WHERE u.identity_id = ? AND u.withdrawn_at IS NULL AND ?`, news.Identity, hasBegun()).Scan(ctx, &row)
	if err != nil {
		return fmt.Errorf("find who is told news: %w", err)
	}
	news.Address, news.Language, news.Organisation, news.Contact = row.Address, row.Language, row.Organisation, row.Contact
	return nil
}

// EndNews says that a letter needs no further attempt.
func (db *DB) EndNews(ctx context.Context, id extension.NewsID) error {
	_, err := db.bun.NewRaw(`UPDATE news SET done_at = statement_timestamp() WHERE letter = ? AND done_at IS NULL`, id).Exec(ctx)
	return kind(err)
}

// The pauses before the next attempt: as long as it has been tried already, within these bounds.
const (
	shortestNewsPause = 30 * time.Second
	longestNewsPause  = 30 * time.Minute
)

// PutOffNews has a letter tried again later, not before a time that the provider may have asked for. It tells whether it is
// given up instead, because it was tried for extension.NewsFor.
func (db *DB) PutOffNews(ctx context.Context, id extension.NewsID, wait time.Duration) (givenUp bool, err error) {
	err = db.bun.NewRaw(`
		WITH put_off AS (
			UPDATE news SET
			       try_at  = statement_timestamp() + greatest(make_interval(secs => ?),
			                 least(greatest(statement_timestamp() - tried_at, make_interval(secs => ?)), make_interval(secs => ?))),
			       done_at = CASE WHEN statement_timestamp() - tried_at > make_interval(secs => ?) THEN statement_timestamp() END
			 WHERE letter = ? AND done_at IS NULL RETURNING done_at)
		SELECT coalesce(bool_or(done_at IS NOT NULL), false) FROM put_off`,
		wait.Seconds(), shortestNewsPause.Seconds(), longestNewsPause.Seconds(), extension.NewsFor.Seconds(), id).Scan(ctx, &givenUp)
	return givenUp, kind(err)
}

// newsKept is how long news that needs no further attempt is kept: longer than Kratos repeats its report.
const newsKept = 24 * time.Hour

// PurgeNews deletes news that was sent, was not true or was given up long ago.
func (db *DB) PurgeNews(ctx context.Context) error {
	_, err := db.bun.NewRaw(`DELETE FROM news WHERE done_at < clock_timestamp() - make_interval(secs => ?)`, newsKept.Seconds()).Exec(ctx)
	return kind(err)
}
