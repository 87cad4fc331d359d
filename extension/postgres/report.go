package postgres

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

type batchRow struct {
	ID             extension.BatchID
	OrganisationID extension.OrganisationID
	Kind           extension.BatchKind
	AreaID         *extension.AreaID
	AreaName       string
	RoleID         *extension.RoleID
	RoleName       string
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
	Queued         int
	Sent           int
	Refused        int
}

// Report reads a batch's confirmation screen. An inviter sees the batches to areas of their own and those they pressed.
func (db *DB) Report(ctx context.Context, actor extension.Actor, id extension.BatchID) (extension.Report, error) {
	row, err := db.batch(ctx, actor, id)
	if err != nil {
		return extension.Report{}, err
	}
	report := row.report()
	if report.NotSent, err = db.deliveries(ctx, id, notSent, extension.NotSentShown); err != nil {
		return extension.Report{}, err
	}
	err = db.bun.NewSelect().TableExpr("batch_entries e").Join("LEFT JOIN invitations i ON i.id = e.invitation_id").
		Where("e.batch_id = ?", id).Where(notSent).ColumnExpr("count(*)").Scan(ctx, &report.NotSentAll)
	if err != nil {
		return extension.Report{}, kind(err)
	}
	report.Sent, err = db.deliveries(ctx, id, "i.sent_at IS NOT NULL", extension.SentShown)
	return report, err
}

// notSent tells the entries of a batch that no message went to and none will.
const notSent = "(e.outcome <> 'queued' OR i.refused_at IS NOT NULL)"

// Progress counts a batch's messages, for the same actors.
func (db *DB) Progress(ctx context.Context, actor extension.Actor, id extension.BatchID) (extension.Progress, error) {
	row, err := db.batch(ctx, actor, id)
	return row.report().Progress, err
}

func (db *DB) batch(ctx context.Context, actor extension.Actor, id extension.BatchID) (batchRow, error) {
	var row batchRow
	q := db.bun.NewSelect().ColumnExpr(`b.id, b.organisation_id, b.kind, b.area_id, coalesce(ar.name, '') AS area_name,
			b.role_id, coalesce(ro.name, '') AS role_name, b.actor_user_id, b.actor_name, b.pressed_at, b.recognised, b.duplicates, b.trouble,
			b.starts_at, b.paused_at, b.paused_by, b.cancelled_at, b.cancelled_by, b.finished_at,
			(SELECT count(*) FROM invitations i WHERE i.batch_id = b.id) AS queued,
			(SELECT count(*) FROM invitations i WHERE i.batch_id = b.id AND i.sent_at IS NOT NULL) AS sent,
			(SELECT count(*) FROM invitations i WHERE i.batch_id = b.id AND i.refused_at IS NOT NULL) AS refused`).
		TableExpr("batches b").Join("LEFT JOIN areas ar ON ar.id = b.area_id").Join("LEFT JOIN roles ro ON ro.id = b.role_id").
		Where("b.id = ? AND b.organisation_id = ?", id, actor.Organisation)
	if areas, bound := actor.AreaBound(); bound {
		q = q.Where("(b.area_id = ANY (?::uuid[]) OR b.actor_user_id = ?)", array(areas), nullID(actor.User))
	}
	err := q.Scan(ctx, &row)
	return row, kind(err)
}

func (r batchRow) report() extension.Report {
	report := extension.Report{
		Batch: extension.Batch{
			ID: r.ID, Organisation: r.OrganisationID, Kind: r.Kind, Inviter: r.ActorName, Pressed: r.PressedAt.UTC(),
			Area: extension.ServiceArea{Name: r.AreaName}, Role: extension.Role{Name: r.RoleName},
			Starts: r.StartsAt.UTC(), Paused: fromNull(r.PausedAt), PausedBy: r.PausedBy,
			Cancelled: fromNull(r.CancelledAt), CancelledBy: r.CancelledBy, Finished: fromNull(r.FinishedAt),
		},
		Progress: extension.Progress{
			Queued: r.Queued, Sent: r.Sent, Refused: r.Refused, Waiting: r.Queued - r.Sent - r.Refused, Trouble: r.Trouble,
		},
		Recognised: r.Recognised, Duplicates: r.Duplicates,
	}
	if r.AreaID != nil {
		report.Batch.Area.ID = *r.AreaID
	}
	if r.RoleID != nil {
		report.Batch.Role.ID = *r.RoleID
	}
	if r.ActorUserID != nil {
		report.Batch.InviterUser = *r.ActorUserID
	}
	return report
}

// deliveries lists entries of a batch in the order of the input.
func (db *DB) deliveries(ctx context.Context, batch extension.BatchID, where string, most int) ([]extension.Delivery, error) {
	var rows []struct {
		UserID        *extension.UserID
		Address       string
		Text          string
		Outcome       extension.Outcome
		Reason        string
		Refused       extension.Refusal
		RefusedDetail string
		letterRow
	}
	q := db.bun.NewSelect().ColumnExpr(`e.user_id, e.address, e.text, e.outcome, e.reason,
			coalesce(i.refused, '') AS refused, coalesce(i.refused_detail, '') AS refused_detail, `+letterColumns("i")).
		TableExpr("batch_entries e").Join("LEFT JOIN invitations i ON i.id = e.invitation_id").
		Where("e.batch_id = ?", batch).Where(where).OrderExpr("e.position").Limit(int64(most))
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list entries: %w", kind(err))
	}
	list := make([]extension.Delivery, len(rows))
	for i, r := range rows {
		list[i] = extension.Delivery{
			Address: r.Address, Text: r.Text, Outcome: r.Outcome, Reason: r.Reason,
			Refused: r.Refused, Detail: r.RefusedDetail, Letter: r.letter(),
		}
		if r.UserID != nil {
			list[i].User = *r.UserID
		}
	}
	return list, nil
}

// Choices lists the areas and roles of an organisation by name.
func (db *DB) Choices(ctx context.Context, organisation extension.OrganisationID) (extension.Choices, error) {
	var areas []struct {
		ID       extension.AreaID
		Name     string
		Archived bool
	}
	err := db.bun.NewRaw(`SELECT id, name, archived_at IS NOT NULL AS archived FROM areas WHERE organisation_id = ? ORDER BY name`, organisation).
		Scan(ctx, &areas)
	if err != nil {
		return extension.Choices{}, kind(err)
	}
	var roles []struct {
		ID     extension.RoleID
		Name   string
		Grants extension.Right
	}
	err = db.bun.NewRaw(`SELECT id, name, grants FROM roles WHERE organisation_id = ? ORDER BY name`, organisation).Scan(ctx, &roles)
	if err != nil {
		return extension.Choices{}, kind(err)
	}
	var choices extension.Choices
	for _, a := range areas {
		choices.Areas = append(choices.Areas, extension.ServiceArea{ID: a.ID, Name: a.Name, Archived: a.Archived})
	}
	for _, r := range roles {
		choices.Roles = append(choices.Roles, extension.Role{ID: r.ID, Name: r.Name, Right: r.Grants})
	}
	return choices, nil
}
