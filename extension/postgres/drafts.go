package postgres

import (
	"context"
	"time"

	"paperplane/extension"
)

const draftColumns = `language, title, body, updated_at, updated_by`

type draftRow struct {
	Language  string
	Title     string
	Body      string
	UpdatedAt time.Time
	UpdatedBy string
}

// terms makes the draft the text of a version in its language.
func (r draftRow) terms(actor extension.Actor, version int, grace time.Duration, now time.Time) extension.Terms {
	t := extension.NewTerms(actor.Organisation, r.Language, r.Title, r.Body)
	t.Version, t.Grace, t.Published = version, grace, now.UTC()
	return t
}

// Drafts lists the drafts of the actor's organisation by language.
func (db *DB) Drafts(ctx context.Context, actor extension.Actor) ([]extension.TermsDraft, error) {
	var rows []draftRow
	err := db.bun.NewRaw(`SELECT `+draftColumns+` FROM terms_drafts WHERE organisation_id = ? ORDER BY language`, actor.Organisation).Scan(ctx, &rows)
	if err != nil {
		return nil, kind(err)
	}
	drafts := make([]extension.TermsDraft, len(rows))
	for i, r := range rows {
		drafts[i] = extension.TermsDraft{Language: r.Language, Title: r.Title, Text: r.Body, Updated: r.UpdatedAt.UTC(), By: r.UpdatedBy}
	}
	return drafts, nil
}

// SaveDraft keeps the draft in its language, as the actor's and with its time. Drafts bind nobody, so only publishing them
// is audited.
func (db *DB) SaveDraft(ctx context.Context, actor extension.Actor, draft extension.TermsDraft) error {
	_, err := db.bun.NewRaw(`
		INSERT INTO terms_drafts (organisation_id, language, title, body, updated_at, updated_by) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (organisation_id, language) DO UPDATE
		   SET title = excluded.title, body = excluded.body, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		actor.Organisation, draft.Language, draft.Title, draft.Text, draft.Updated.UTC(), actor.Name).Exec(ctx)
	return kind(err)
}

// DropDraft deletes the draft in a language; one that is not there is no error.
func (db *DB) DropDraft(ctx context.Context, actor extension.Actor, language string) error {
	_, err := db.bun.NewRaw(`DELETE FROM terms_drafts WHERE organisation_id = ? AND language = ?`, actor.Organisation, language).Exec(ctx)
	return kind(err)
}
