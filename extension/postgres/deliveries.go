package postgres

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// isKnown tells the entries e of a batch b whose user is here already, without the place that the entry is for.
const isKnown = `(b.kind = 'invite' AND e.outcome NOT IN ('queued', 'invalid')
	AND coalesce(e.area_id, b.area_id) IS NOT NULL AND coalesce(e.role_id, b.role_id) IS NOT NULL
	AND EXISTS (SELECT 1 FROM users k WHERE k.id = e.user_id AND k.withdrawn_at IS NULL)
	AND NOT EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = e.user_id
	                   AND s.area_id = coalesce(e.area_id, b.area_id) AND s.role_id = coalesce(e.role_id, b.role_id)))`

// entriesIn tells the entries e, with their invitations i, of a group.
func entriesIn(group extension.EntryGroup) string {
	switch group {
	case extension.EntriesNotSent:
		return "(e.outcome <> 'queued' OR " + stateOf + " = 'refused')"
	case extension.EntriesSent:
		return "i.id IS NOT NULL AND " + stateOf + " NOT IN ('waiting', 'refused')"
	case extension.EntriesWaiting, extension.EntriesDelivered, extension.EntriesDelayed, extension.EntriesBounced, extension.EntriesComplained:
		return "i.id IS NOT NULL AND " + stateOf + " = '" + string(group) + "'"
	}
	return "false"
}

// placeColumns reads an area ar and a role ro into a placeRow.
const placeColumns = `ar.id AS place_area_id, coalesce(ar.name, '') AS place_area_name, ar.archived_at IS NOT NULL AS place_archived,
	ro.id AS place_role_id, coalesce(ro.name, '') AS place_role_name, coalesce(ro.grants, '') AS place_grants`

type placeRow struct {
	PlaceAreaID   *extension.AreaID
	PlaceAreaName string
	PlaceArchived bool
	PlaceRoleID   *extension.RoleID
	PlaceRoleName string
	PlaceGrants   extension.Right
}

func (r placeRow) assignment() extension.Assignment {
	a := extension.Assignment{
		Area: extension.ServiceArea{Name: r.PlaceAreaName, Archived: r.PlaceArchived},
		Role: extension.Role{Name: r.PlaceRoleName, Right: r.PlaceGrants},
	}
	if r.PlaceAreaID != nil {
		a.Area.ID = *r.PlaceAreaID
	}
	if r.PlaceRoleID != nil {
		a.Role.ID = *r.PlaceRoleID
	}
	return a
}

type deliveryRow struct {
	Position      int
	UserID        *extension.UserID
	Address       string
	Text          string
	Outcome       extension.Outcome
	Reason        string
	AreaText      string
	RoleText      string
	Placed        bool
	Hidden        bool
	Refused       extension.Refusal
	RefusedDetail string
	placeRow
	letterRow
}

func (r deliveryRow) delivery() extension.Delivery {
	d := extension.Delivery{
		Position: r.Position, Address: r.Address, Text: r.Text, Outcome: r.Outcome, Reason: r.Reason,
		Place: r.assignment(), Placed: r.Placed, Hidden: r.Hidden, Cells: [2]string{r.AreaText, r.RoleText},
		Refused: r.Refused, Detail: r.RefusedDetail, Letter: r.letter(),
	}
	if r.UserID != nil {
		d.User = *r.UserID
	}
	return d
}

// Entries gives one page of a batch's entries, in the order of the input.
func (db *DB) Entries(ctx context.Context, actor extension.Actor, batch extension.BatchID, filter extension.EntryFilter) (extension.EntryPage, error) {
	var seen extension.BatchID
	err := visibleBatch(db.bun.NewSelect().TableExpr("batches b").ColumnExpr("b.id").Where("b.id = ?", batch), actor).Scan(ctx, &seen)
	if err != nil {
		return extension.EntryPage{}, kind(err)
	}
	limit := filter.Limit
	filter.Limit++
	entries, err := db.deliveries(ctx, actor, batch, filter)
	if err != nil || len(entries) <= limit {
		return extension.EntryPage{Entries: entries}, err
	}
	return extension.EntryPage{Entries: entries[:limit], Next: entries[limit].Position}, nil
}

// deliveries lists entries of a batch in the order of the input. The page is chosen first, so that places are looked up
// for its rows alone.
func (db *DB) deliveries(
	ctx context.Context, actor extension.Actor, batch extension.BatchID, filter extension.EntryFilter,
) ([]extension.Delivery, error) {
	areas, bound := actor.AreaBound()
	chosen := db.bun.NewSelect().ColumnExpr(`e.position, e.user_id, e.address, e.text, e.outcome, e.reason, e.area_text, e.role_text,
			coalesce(e.area_id, b.area_id) AS area_id, coalesce(e.role_id, b.role_id) AS role_id,
			i.sent_at, i.delayed_at, i.delivered_at, i.bounced_at, i.complained_at, i.delivery_detail,
			coalesce(i.refused, '') AS refused, coalesce(i.refused_detail, '') AS refused_detail`).
		TableExpr("batch_entries e").Join("JOIN batches b ON b.id = e.batch_id").Join("LEFT JOIN invitations i ON i.id = e.invitation_id").
		Where("e.batch_id = ? AND e.position >= ?", batch, filter.From).Where(entriesIn(filter.Group)).
		OrderExpr("e.position").Limit(int64(filter.Limit))
	var rows []deliveryRow
	err := db.bun.NewRaw(`
		SELECT p.position, p.user_id, p.address, p.text, p.outcome, p.reason, p.area_text, p.role_text, p.refused, p.refused_detail,
		       EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = p.user_id AND s.area_id = p.area_id AND s.role_id = p.role_id) AS placed,
		       ? AND p.user_id IS NOT NULL
		       AND NOT EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = p.user_id AND s.area_id = ANY (?::uuid[])) AS hidden,
		       `+placeColumns+`, `+letterColumns("p")+`
		  FROM (?) AS p LEFT JOIN areas ar ON ar.id = p.area_id LEFT JOIN roles ro ON ro.id = p.role_id
		 ORDER BY p.position`, bound, array(areas), chosen).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", kind(err))
	}
	list := make([]extension.Delivery, len(rows))
	for i, r := range rows {
		list[i] = r.delivery()
	}
	return list, nil
}
