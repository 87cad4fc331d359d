package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// termsColumns reads a text v into a termsRow.
const termsColumns = `v.id, v.organisation_id, v.version, v.language, v.title, v.body, v.sha256, v.grace, v.published_at`

type termsRow struct {
	ID             extension.TermsID
	OrganisationID extension.OrganisationID
	Version        int
	Language       string
	Title          string
	Body           string
	SHA256         string `bun:"sha256"`
	Grace          int64
	PublishedAt    time.Time
}

func (r termsRow) terms() extension.Terms {
	return extension.Terms{
		ID: r.ID, Organisation: r.OrganisationID, Version: r.Version, Language: r.Language, Title: r.Title, Text: r.Body, SHA256: r.SHA256,
		Grace: time.Duration(r.Grace) * time.Second, Published: r.PublishedAt.UTC(),
	}
}

// TermsIn gives a version of an organisation's terms in a language (BCP 47): in exactly that one, else in another of the
// same first subtag (RFC 4647 §3.4 goes from de-AT to de; here de-DE will do too), else in the organisation's own.
// ErrNotFound says that there is no such version.
func (db *DB) TermsIn(ctx context.Context, organisation extension.OrganisationID, version int, language string) (extension.Terms, error) {
	var row termsRow
	wanted := strings.ToLower(language)
	first, _, _ := strings.Cut(wanted, "-")
	err := db.bun.NewRaw(`
		SELECT `+termsColumns+` FROM terms v JOIN organisations o ON o.id = v.organisation_id
		 WHERE v.organisation_id = ? AND v.version = ?
		 ORDER BY lower(v.language) <> ?, split_part(lower(v.language), '-', 1) <> ?, v.language <> o.language, v.language LIMIT 1`,
		organisation, version, wanted, first).Scan(ctx, &row)
	if err != nil {
		return extension.Terms{}, kind(err)
	}
	return row.terms(), nil
}

// TermsLanguages lists the languages of a version of an organisation's terms, the organisation's own first.
func (db *DB) TermsLanguages(ctx context.Context, organisation extension.OrganisationID, version int) ([]string, error) {
	var languages []string
	err := db.bun.NewRaw(`
		SELECT v.language FROM terms v JOIN organisations o ON o.id = v.organisation_id
		 WHERE v.organisation_id = ? AND v.version = ? ORDER BY v.language <> o.language, v.language`, organisation, version).Scan(ctx, &languages)
	return languages, kind(err)
}

// TermsText gives one text of the actor's organisation.
func (db *DB) TermsText(ctx context.Context, actor extension.Actor, id extension.TermsID) (extension.Terms, error) {
	var row termsRow
	err := db.bun.NewRaw(`SELECT `+termsColumns+` FROM terms v WHERE v.organisation_id = ? AND v.id = ?`, actor.Organisation, id).Scan(ctx, &row)
	if err != nil {
		return extension.Terms{}, kind(err)
	}
	return row.terms(), nil
}

// VersionOf tells which version of an organisation's terms a text belongs to, without reading the text. ErrNotFound says
// that it is none of theirs.
func (db *DB) VersionOf(ctx context.Context, organisation extension.OrganisationID, id extension.TermsID) (int, error) {
	version := 0
	err := db.bun.NewRaw(`SELECT version FROM terms WHERE organisation_id = ? AND id = ?`, organisation, id).Scan(ctx, &version)
	return version, kind(err)
}

// TermsVersions lists the versions of the organisation's terms, the newest first, without the texts themselves, and counts
// those who have accepted and declined each among the users whom the actor may see.
func (db *DB) TermsVersions(ctx context.Context, actor extension.Actor) ([]extension.TermsVersion, error) {
	var rows []struct {
		termsRow
		PublishedBy string
		Accepted    int
		Declined    int
	}
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// The planner thinks that the look for a second language costs much, and would compile the query for longer than it runs.
		if _, err := tx.NewRaw(`SET LOCAL jit = off`).Exec(ctx); err != nil {
			return err
		}
		rows = nil
		return tx.NewRaw(`
			WITH texts AS (
				SELECT id, version, row_number() OVER (PARTITION BY version ORDER BY id) AS nth FROM terms WHERE organisation_id = ?)
			SELECT v.id, v.organisation_id, v.version, v.language, v.title, v.sha256, v.grace, v.published_at, v.published_by,
			       coalesce(a.n, 0) AS accepted, coalesce(d.n, 0) AS declined
			  FROM terms v JOIN organisations o ON o.id = v.organisation_id
			  LEFT JOIN (?) a ON a.version = v.version LEFT JOIN (?) d ON d.version = v.version
			 WHERE v.organisation_id = ? ORDER BY v.version DESC, v.language <> o.language, v.language`,
			actor.Organisation, db.accepted(actor), db.declined(actor), actor.Organisation).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, kind(err)
	}
	var versions []extension.TermsVersion
	for _, r := range rows {
		text := r.terms()
		if n := len(versions); n > 0 && versions[n-1].Version == text.Version {
			versions[n-1].Texts = append(versions[n-1].Texts, text)
			continue
		}
		versions = append(versions, extension.TermsVersion{
			Version: text.Version, Texts: []extension.Terms{text}, Published: text.Published, By: r.PublishedBy, Grace: text.Grace,
			Accepted: r.Accepted, Declined: r.Declined,
		})
	}
	return versions, nil
}

// accepted counts the users who have accepted each version. Nearly everybody has, in one language, so rows are counted
// rather than users told apart: whoever has accepted another text of the version too is counted at the first alone.
func (db *DB) accepted(actor extension.Actor) *bun.SelectQuery {
	return visible(db.bun.NewSelect().ColumnExpr("x.version, count(*) AS n").
		TableExpr("texts x").Join("JOIN acceptances y ON y.terms_id = x.id").Join("JOIN users u ON u.id = y.user_id"), actor).
		Where("y.confirmed_at IS NOT NULL AND y.disowned_at IS NULL").
		Where(`(x.nth = 1 OR NOT EXISTS (
			SELECT 1 FROM texts e JOIN acceptances f ON f.terms_id = e.id
			 WHERE e.version = x.version AND e.nth < x.nth AND f.user_id = y.user_id AND f.confirmed_at IS NOT NULL AND f.disowned_at IS NULL))`).
		GroupExpr("x.version")
}

// declined counts the users who have declined each version and have not accepted it since.
func (db *DB) declined(actor extension.Actor) *bun.SelectQuery {
	return visible(db.bun.NewSelect().ColumnExpr("w.version, count(DISTINCT u.id) AS n").
		TableExpr("texts w").Join("JOIN declines d ON d.terms_id = w.id").Join("JOIN users u ON u.id = d.user_id"), actor).
		Where(`NOT EXISTS (
			SELECT 1 FROM texts e JOIN acceptances f ON f.terms_id = e.id
			 WHERE e.version = w.version AND f.user_id = u.id AND f.confirmed_at IS NOT NULL AND f.disowned_at IS NULL)`).
		GroupExpr("w.version")
}

// PublishTerms makes all drafts of the actor's organisation the next version, with the audit, and gives its number. It is
// a conflict when there is none, as for the second of two presses.
func (db *DB) PublishTerms(ctx context.Context, actor extension.Actor, grace time.Duration, now time.Time) (int, error) {
	version := 0
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		version = 0
		if _, err := organisationByID(ctx, tx, actor.Organisation, "FOR NO KEY UPDATE"); err != nil {
			return err
		}
		var drafts []draftRow
		err := tx.NewRaw(`DELETE FROM terms_drafts WHERE organisation_id = ? RETURNING `+draftColumns, actor.Organisation).Scan(ctx, &drafts)
		if err != nil {
			return fmt.Errorf("take drafts: %w", err)
		}
		if len(drafts) == 0 {
			return extension.ErrConflict
		}
		err = tx.NewRaw(`SELECT coalesce(max(version), 0) + 1 FROM terms WHERE organisation_id = ?`, actor.Organisation).Scan(ctx, &version)
		if err != nil {
			return fmt.Errorf("number terms: %w", err)
		}
		for _, draft := range drafts {
			if err := publish(ctx, tx, actor, draft.terms(actor, version, grace, now)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// publish writes one text of a version.
func publish(ctx context.Context, tx bun.Tx, actor extension.Actor, t extension.Terms) error {
	_, err := tx.NewRaw(`
		INSERT INTO terms (id, organisation_id, version, language, title, body, sha256, grace, published_at, published_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.ID, t.Organisation, t.Version, t.Language, t.Title, t.Text, t.SHA256, int64(t.Grace/time.Second), t.Published, actor.Name).Exec(ctx)
	if err != nil {
		return fmt.Errorf("publish terms: %w", err)
	}
	entry := by(actor, extension.ActionTermsPublished, t.Published)
	entry.Detail = fmt.Sprintf("version %d, %s, SHA-256 %s", t.Version, t.Language, t.SHA256)
	return audit(ctx, tx, entry)
}
