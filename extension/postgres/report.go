package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

type batchRow struct {
	ID             extension.BatchID
	OrganisationID extension.OrganisationID
	Kind           extension.BatchKind
	AreaID         *extension.AreaID
	AreaName       string
	AreaArchived   bool
	RoleID         *extension.RoleID
	RoleName       string
	RoleGrants     extension.Right
	ActorUserID    *extension.UserID
	ActorName      string
	PressedAt      time.Time
	Recognised     int
	Duplicates     int
	StartsAt       time.Time
	PausedAt       *time.Time
	PausedBy       string
	CancelledAt    *time.Time
	CancelledBy    string
	FinishedAt     *time.Time
	Trouble        string
	Waiting        int
	Refused        int
	Accepted       int // by the provider, which has told nothing since
	Delayed        int
	Delivered      int
	Bounced        int
	Complained     int
}

// batchColumns reads a batch b with the counts of its messages: one pass over its invitations, grouped. A batch that is
// followed is asked for every second, so this must stay cheap at 100,000.
const batchColumns = `b.id, b.organisation_id, b.kind, b.area_id, coalesce(ar.name, '') AS area_name, ar.archived_at IS NOT NULL AS area_archived,
	b.role_id, coalesce(ro.name, '') AS role_name, coalesce(ro.grants, '') AS role_grants, b.actor_user_id, b.actor_name,
	b.pressed_at, b.recognised, b.duplicates, b.trouble,
	b.starts_at, b.paused_at, b.paused_by, b.cancelled_at, b.cancelled_by, b.finished_at,
	n.waiting, n.refused, n.accepted, n.delayed, n.delivered, n.bounced, n.complained`

// stateOf is the delivery state of the message of invitations i.
const stateOf = `delivery_state(i.sent_at, i.delayed_at, i.delivered_at, i.bounced_at, i.complained_at, i.refused)`

// batchTables joins what batchColumns reads.
const batchTables = `
	LEFT JOIN areas ar ON ar.id = b.area_id LEFT JOIN roles ro ON ro.id = b.role_id
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(g.n) FILTER (WHERE g.state = 'waiting'), 0)::int AS waiting,
		       coalesce(sum(g.n) FILTER (WHERE g.state = 'refused'), 0)::int AS refused,
		       coalesce(sum(g.n) FILTER (WHERE g.state = 'sent'), 0)::int AS accepted,
		       coalesce(sum(g.n) FILTER (WHERE g.state = 'delayed'), 0)::int AS delayed,
		       coalesce(sum(g.n) FILTER (WHERE g.state = 'delivered'), 0)::int AS delivered,
		       coalesce(sum(g.n) FILTER (WHERE g.state = 'bounced'), 0)::int AS bounced,
		       coalesce(sum(g.n) FILTER (WHERE g.state = 'complained'), 0)::int AS complained
		  FROM (SELECT ` + stateOf + ` AS state, count(*) AS n FROM invitations i WHERE i.batch_id = b.id GROUP BY 1) AS g) AS n`

// visibleBatch limits a query over batches b to what an actor may see: an inviter those they pressed, and those of which
// every row is to an area of their own.
func visibleBatch(q *bun.SelectQuery, actor extension.Actor) *bun.SelectQuery {
	q = q.Where("b.organisation_id = ?", actor.Organisation)
	if areas, bound := actor.AreaBound(); bound {
		q = q.Where(`(b.actor_user_id = ? OR b.area_id = ANY (?::uuid[]) AND NOT EXISTS (
			SELECT 1 FROM batch_entries x WHERE x.batch_id = b.id AND x.area_id <> ALL (?::uuid[])))`,
			nullID(actor.User), array(areas), array(areas))
	}
	return q
}

// Follow reads a batch with the counts of its messages.
func (db *DB) Follow(ctx context.Context, actor extension.Actor, id extension.BatchID) (extension.Batch, extension.Progress, error) {
	row, err := db.batch(ctx, actor, id)
	if err != nil {
		return extension.Batch{}, extension.Progress{}, err
	}
	return row.batch(), row.progress(), nil
}

// Report reads a batch's confirmation screen.
func (db *DB) Report(ctx context.Context, actor extension.Actor, id extension.BatchID) (extension.Report, error) {
	row, err := db.batch(ctx, actor, id)
	if err != nil {
		return extension.Report{}, err
	}
	report := extension.Report{Batch: row.batch(), Progress: row.progress(), Recognised: row.Recognised, Duplicates: row.Duplicates}
	if report.NotSent, err = db.deliveries(ctx, actor, id, extension.EntryFilter{Group: extension.EntriesNotSent, Limit: extension.MaxPage}); err != nil {
		return extension.Report{}, err
	}
	if report.Sent, err = db.deliveries(ctx, actor, id, extension.EntryFilter{Group: extension.EntriesSent, Limit: extension.MaxPage}); err != nil {
		return extension.Report{}, err
	}
	if report.Places, err = db.places(ctx, id); err != nil {
		return extension.Report{}, err
	}
	if row.Bounced > 0 {
		if report.Domains, err = db.failingDomains(ctx, id); err != nil {
			return extension.Report{}, err
		}
	}
	refused, known, err := db.refusedAtPress(ctx, actor, id)
	report.NotSentAll, report.Known = refused+row.Refused, known
	return report, err
}

// refusedAtPress counts entries that led to no message, and among them those whose user the actor sees here already
// without the place that the entry is for, and may give it to.
func (db *DB) refusedAtPress(ctx context.Context, actor extension.Actor, batch extension.BatchID) (all, known int, err error) {
	var row struct{ All, Known int }
	areas, bound := actor.AreaBound()
	err = db.bun.NewRaw(`
		SELECT count(*) AS all, count(*) FILTER (WHERE `+isKnown+`
		           AND ar.archived_at IS NULL AND ro.grants = ANY (?::text[])
		           AND (NOT ? OR ar.id = ANY (?::uuid[])
		               AND EXISTS (SELECT 1 FROM assignments v WHERE v.user_id = e.user_id AND v.area_id = ANY (?::uuid[])))) AS known
		  FROM batch_entries e JOIN batches b ON b.id = e.batch_id
		  LEFT JOIN areas ar ON ar.id = coalesce(e.area_id, b.area_id) LEFT JOIN roles ro ON ro.id = coalesce(e.role_id, b.role_id)
		 WHERE e.batch_id = ? AND e.outcome <> 'queued'`,
		array(actor.Grantable()), bound, array(areas), array(areas), batch).Scan(ctx, &row)
	return row.All, row.Known, kind(err)
}

// places counts a batch's people by the place they are invited to.
func (db *DB) places(ctx context.Context, batch extension.BatchID) ([]extension.Places, error) {
	var rows []struct {
		placeRow
		People int
	}
	err := db.bun.NewRaw(`
		SELECT g.people, `+placeColumns+` FROM (
			SELECT coalesce(e.area_id, b.area_id) AS area_id, coalesce(e.role_id, b.role_id) AS role_id, count(*) AS people
			  FROM batch_entries e JOIN batches b ON b.id = e.batch_id
			 WHERE e.batch_id = ? AND e.outcome = 'queued' AND b.kind = 'invite' GROUP BY 1, 2) AS g
		  JOIN areas ar ON ar.id = g.area_id JOIN roles ro ON ro.id = g.role_id
		 ORDER BY g.people DESC, ar.name, ro.name LIMIT ?`, batch, extension.PlacesShown).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count places: %w", kind(err))
	}
	places := make([]extension.Places, len(rows))
	for i, r := range rows {
		places[i] = extension.Places{Assignment: r.assignment(), People: r.People}
	}
	return places, nil
}

// failingDomains names the domains at which messages of a batch bounced, the worst first.
func (db *DB) failingDomains(ctx context.Context, batch extension.BatchID) ([]extension.FailingDomain, error) {
	var domains []extension.FailingDomain
	err := db.bun.NewRaw(`
		SELECT split_part(e.address, '@', 2) AS domain,
		       count(*) FILTER (WHERE i.sent_at IS NOT NULL OR i.bounced_at IS NOT NULL) AS sent,
		       count(*) FILTER (WHERE i.bounced_at IS NOT NULL) AS bounced
		  FROM batch_entries e JOIN invitations i ON i.id = e.invitation_id
		 WHERE e.batch_id = ? GROUP BY 1 HAVING count(*) FILTER (WHERE i.bounced_at IS NOT NULL) > 0
		 ORDER BY bounced DESC, domain LIMIT ?`, batch, extension.DomainsShown).Scan(ctx, &domains)
	if err != nil {
		return nil, fmt.Errorf("find failing domains: %w", kind(err))
	}
	return domains, nil
}

// Batches gives one page of the batches that the actor may see, the newest first.
func (db *DB) Batches(ctx context.Context, actor extension.Actor, after *extension.BatchCursor, most int) (extension.BatchPage, error) {
	var rows []batchRow
	chosen := visibleBatch(db.bun.NewSelect().TableExpr("batches b").ColumnExpr("b.*"), actor).
		OrderExpr("b.pressed_at DESC, b.id DESC").Limit(int64(most) + 1)
	if after != nil {
		chosen = chosen.Where("(b.pressed_at, b.id) < (?, ?)", after.Pressed.UTC(), after.Batch)
	}
	err := db.bun.NewRaw(`SELECT `+batchColumns+` FROM (?) AS b `+batchTables+` ORDER BY b.pressed_at DESC, b.id DESC`, chosen).Scan(ctx, &rows)
	if err != nil {
		return extension.BatchPage{}, kind(err)
	}
	var page extension.BatchPage
	for _, row := range rows[:min(len(rows), most)] {
		page.Batches = append(page.Batches, extension.BatchLine{Batch: row.batch(), Progress: row.progress()})
	}
	if len(rows) > most {
		last := rows[most-1]
		page.Next = &extension.BatchCursor{Pressed: last.PressedAt.UTC(), Batch: last.ID}
	}
	return page, nil
}

func (db *DB) batch(ctx context.Context, actor extension.Actor, id extension.BatchID) (batchRow, error) {
	var row batchRow
	chosen := visibleBatch(db.bun.NewSelect().TableExpr("batches b").ColumnExpr("b.*").Where("b.id = ?", id), actor)
	err := db.bun.NewRaw(`SELECT `+batchColumns+` FROM (?) AS b `+batchTables, chosen).Scan(ctx, &row)
	return row, kind(err)
}

func (r batchRow) batch() extension.Batch {
	b := extension.Batch{
		ID: r.ID, Organisation: r.OrganisationID, Kind: r.Kind, Inviter: r.ActorName, Pressed: r.PressedAt.UTC(),
		Area: extension.ServiceArea{Name: r.AreaName, Archived: r.AreaArchived}, Role: extension.Role{Name: r.RoleName, Right: r.RoleGrants},
		Starts: r.StartsAt.UTC(), Paused: fromNull(r.PausedAt), PausedBy: r.PausedBy,
		Cancelled: fromNull(r.CancelledAt), CancelledBy: r.CancelledBy, Finished: fromNull(r.FinishedAt),
	}
	if r.AreaID != nil {
		b.Area.ID = *r.AreaID
	}
	if r.RoleID != nil {
		b.Role.ID = *r.RoleID
	}
	if r.ActorUserID != nil {
		b.InviterUser = *r.ActorUserID
	}
	return b
}

func (r batchRow) progress() extension.Progress {
	sent := r.Accepted + r.Delayed + r.Delivered + r.Bounced + r.Complained
	return extension.Progress{
		Queued: sent + r.Waiting + r.Refused, Sent: sent, Waiting: r.Waiting, Refused: r.Refused,
		Delayed: r.Delayed, Delivered: r.Delivered, Bounced: r.Bounced, Complained: r.Complained, Trouble: r.Trouble,
	}
}
