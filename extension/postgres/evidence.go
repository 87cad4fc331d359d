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
	a.id, a.user_id, a.terms_id, a.accepted_at, a.ip, a.user_agent, a.confirmed_at, a.disowned_at, t.version, t.language, t.title, t.sha256,
	CASE WHEN a.disowned_at IS NULL THEN coalesce(u.address, '') ELSE '' END AS address,
	CASE WHEN a.disowned_at IS NULL THEN coalesce(trim(u.first_name || ' ' || u.last_name), '') ELSE '' END AS name`

type evidenceRow struct {
	ID          int64
	UserID      extension.UserID
	TermsID     extension.TermsID
	AcceptedAt  time.Time
	IP          string
	UserAgent   string
	ConfirmedAt *time.Time
	DisownedAt  *time.Time
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
		Number:     r.ID, Version: r.Version, Language: r.Language, Title: r.Title, SHA256: r.SHA256,
		Confirmed: fromNull(r.ConfirmedAt), Disowned: fromNull(r.DisownedAt), Address: r.Address, Name: strings.TrimSpace(r.Name),
	}
}

// EvidenceOf lists what a user has accepted, the newest first; also of one who was deleted, by the id that is a pseudonym
// then. What somebody else had accepted before the user's address was corrected is not among it.
func (db *DB) EvidenceOf(ctx context.Context, actor extension.Actor, user extension.UserID) ([]extension.Evidence, error) {
	q := db.bun.NewSelect().ColumnExpr(evidenceColumns).TableExpr("acceptances a").
		Join("JOIN terms t ON t.id = a.terms_id").Join("LEFT JOIN users u ON u.id = a.user_id").
		Where("a.user_id = ? AND a.disowned_at IS NULL", user).OrderExpr("a.accepted_at DESC, a.id DESC")
	evidence, err := allEvidence(ctx, visibleEvidence(q, actor))
	return evidence, kind(err)
}

// EvidencePage lists what was accepted of a version, in whatever language, in the order of recording: no more than limit,
// from the first whose number is above after. A version that there is none of has no evidence.
func (db *DB) EvidencePage(ctx context.Context, actor extension.Actor, version int, after int64, limit int) ([]extension.Evidence, error) {
	// Each text's own index gives its next ones, so a page far back costs what the first one does.
	next := visibleEvidence(db.bun.NewSelect().ColumnExpr("a.*").TableExpr("acceptances a").
		Where("a.terms_id = t.id AND a.id > ?", after), actor).OrderExpr("a.id").Limit(int64(limit))
	evidence, err := allEvidence(ctx, db.bun.NewSelect().ColumnExpr(evidenceColumns).TableExpr("terms t").
		Join("CROSS JOIN LATERAL (?) a", next).Join("LEFT JOIN users u ON u.id = a.user_id").
		Where("t.organisation_id = ? AND t.version = ?", actor.Organisation, version).OrderExpr("a.id").Limit(int64(limit)))
	return evidence, kind(err)
}

// EachEvidence hands everything that was accepted of a version to f, in the order of recording, and stops at its first
// error, which it returns as it is. However many there are, a page of them is held at once, and no connection while f
// works: evidence is only ever added, so what comes later hides nothing. ErrNotFound says that there is no such version.
func (db *DB) EachEvidence(ctx context.Context, actor extension.Actor, version int, f func(extension.Evidence) error) error {
	var exists bool
	err := db.bun.NewRaw(`SELECT EXISTS (SELECT 1 FROM terms WHERE organisation_id = ? AND version = ?)`, actor.Organisation, version).Scan(ctx, &exists)
	if err != nil {
		return kind(err)
	}
	if !exists {
		return extension.ErrNotFound
	}
	for last := int64(0); ; {
		page, err := db.EvidencePage(ctx, actor, version, last, evidencePage)
		if err != nil {
			return fmt.Errorf("read evidence: %w", err)
		}
		for _, e := range page {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(page) < evidencePage {
			return nil
		}
		last = page[len(page)-1].Number
	}
}

// visibleEvidence keeps a query over acceptances a to the actor's organisation. An inviter sees those of users in their
// areas; an administrator also those of users who were deleted.
func visibleEvidence(q *bun.SelectQuery, actor extension.Actor) *bun.SelectQuery {
	q = q.Where("a.organisation_id = ?", actor.Organisation)
	if areas, bound := actor.AreaBound(); bound {
		q = q.Where("EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = a.user_id AND s.area_id = ANY (?::uuid[]))", array(areas))
	}
	return q
}

func allEvidence(ctx context.Context, q *bun.SelectQuery) ([]extension.Evidence, error) {
	var rows []evidenceRow
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, err
	}
	evidence := make([]extension.Evidence, len(rows))
	for i, r := range rows {
		evidence[i] = r.evidence()
	}
	return evidence, nil
}
