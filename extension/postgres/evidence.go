package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// evidencePage is how many acceptances are read at once.
const evidencePage = 1000

// evidenceColumns reads an acceptance a of a text t by a user u, if there is one. Of evidence that somebody else had given
// before the user's address was corrected, the user's address and name tell nothing.
const evidenceColumns = `
	a.user_id, a.terms_id, a.accepted_at, a.ip, a.user_agent, a.confirmed_at, t.version, t.language, t.title, t.sha256,
	CASE WHEN a.disowned_at IS NULL THEN coalesce(u.address, '') ELSE '' END AS address,
	CASE WHEN a.disowned_at IS NULL THEN coalesce(trim(u.first_name || ' ' || u.last_name), '') ELSE '' END AS name`

type evidenceRow struct {
	UserID      extension.UserID
	TermsID     extension.TermsID
	AcceptedAt  time.Time
	IP          string
	UserAgent   string
	ConfirmedAt *time.Time
	Version     int
	Language    string
	Title       string
	SHA256      string `bun:"sha256"`
	Address     string
	Name        string
}

func (r evidenceRow) evidence() extension.Evidence {
	return extension.Evidence{
		Acceptance: extension.Acceptance{User: r.UserID, Terms: r.TermsID, At: r.AcceptedAt.UTC(), IP: r.IP, UserAgent: r.UserAgent},
		Version:    r.Version, Language: r.Language, Title: r.Title, SHA256: r.SHA256,
		Confirmed: fromNull(r.ConfirmedAt), Address: r.Address, Name: strings.TrimSpace(r.Name),
	}
}

// evidenceOf begins a query over evidence of the actor's organisation. An inviter sees that of users in their areas; an
// administrator also that of users who were deleted.
func (db *DB) evidenceOf(actor extension.Actor) *bun.SelectQuery {
	q := db.bun.NewSelect().ColumnExpr(evidenceColumns).TableExpr("acceptances a").
		Join("JOIN terms t ON t.id = a.terms_id").Join("LEFT JOIN users u ON u.id = a.user_id").
		Where("a.organisation_id = ?", actor.Organisation)
	if areas, bound := actor.AreaBound(); bound {
		q = q.Where("EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = a.user_id AND s.area_id = ANY (?::uuid[]))", array(areas))
	}
	return q
}

// EvidenceOf lists what a user has accepted, the newest first; also of one who was deleted, by the id that is a pseudonym
// then. What somebody else had accepted before the user's address was corrected is not among it.
func (db *DB) EvidenceOf(ctx context.Context, actor extension.Actor, user extension.UserID) ([]extension.Evidence, error) {
	var rows []evidenceRow
	err := db.evidenceOf(actor).Where("a.user_id = ? AND a.disowned_at IS NULL", user).
		OrderExpr("a.accepted_at DESC, a.terms_id").Scan(ctx, &rows)
	if err != nil {
		return nil, kind(err)
	}
	evidence := make([]extension.Evidence, len(rows))
	for i, r := range rows {
		evidence[i] = r.evidence()
	}
	return evidence, nil
}

// EachEvidence hands everything that was accepted of a version to f, language by language in the order of time, and stops
// at its first error, which it returns as it is. However many there are, a page of them is held at once, and no connection
// while f works: evidence is only ever added, so what comes later hides nothing. ErrNotFound says that there is no such
// version.
func (db *DB) EachEvidence(ctx context.Context, actor extension.Actor, version int, f func(extension.Evidence) error) error {
	var texts []extension.TermsID
	err := db.bun.NewRaw(`SELECT id FROM terms WHERE organisation_id = ? AND version = ? ORDER BY language`, actor.Organisation, version).Scan(ctx, &texts)
	if err != nil {
		return kind(err)
	}
	if len(texts) == 0 {
		return extension.ErrNotFound
	}
	for _, text := range texts {
		if err := db.eachEvidence(ctx, actor, text, f); err != nil {
			return err
		}
	}
	return nil
}

// eachEvidence goes through the acceptances of one text by their index.
func (db *DB) eachEvidence(ctx context.Context, actor extension.Actor, text extension.TermsID, f func(extension.Evidence) error) error {
	var last *evidenceRow
	for {
		q := db.evidenceOf(actor).Where("a.terms_id = ?", text).OrderExpr("a.accepted_at, a.user_id").Limit(evidencePage)
		if last != nil {
			q = q.Where("(a.accepted_at, a.user_id) > (?, ?)", last.AcceptedAt.UTC(), last.UserID)
		}
		rows := make([]evidenceRow, 0, evidencePage)
		if err := q.Scan(ctx, &rows); err != nil {
			return fmt.Errorf("read evidence: %w", kind(err))
		}
		for _, row := range rows {
			if err := f(row.evidence()); err != nil {
				return err
			}
		}
		if len(rows) < evidencePage {
			return nil
		}
		last = &rows[len(rows)-1]
	}
}
