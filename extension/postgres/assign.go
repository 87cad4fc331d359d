package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// assignRows is how many entries one statement of Assign or Move takes, so that none runs into the driver's time limit.
const assignRows = 5000

// assignment are the arguments of Assign's and Move's statements by name.
type assignment struct {
	Organisation extension.OrganisationID
	Batch        extension.BatchID
	First, Until int               // positions of the entries
	User         *extension.UserID // one alone; nil for all
	Areas        []string          `bun:",array"` // that the actor may give
	AllAreas     bool              // the actor may take away any, and sees everybody
	Sight        []string          `bun:",array"` // areas that the actor may take away, and whose people they see
	Roles        []string          `bun:",array"` // that the actor may give, or take away
	To           extension.AreaID
	ToName       string
	As           extension.RoleID
	AsName       string
	ActorUser    *extension.UserID
	Actor        string
	Now          time.Time
}

func newAssignment(actor extension.Actor, batch extension.BatchID, now time.Time) assignment {
	areas, bound := actor.AreaBound()
	return assignment{
		Organisation: actor.Organisation, Batch: batch, Areas: []string{}, Roles: []string{}, AllAreas: !bound, Sight: texts(areas),
		ActorUser: nullID(actor.User), Actor: actor.Name, Now: now.UTC(),
	}
}

// Assign gives the people whom a batch met as users of the organisation already, or one of them, the place that their
// entry is for, beside those they have, with the audit. Identities of Active ones are put on the list of those to be
// aligned, so that Kratos publishes it. Whoever has the place already is left as they are, and so is whoever the actor
// does not see: pasting an address must not show an inviter the name, the number and the messages of somebody of other
// areas.
func (db *DB) Assign(ctx context.Context, actor extension.Actor, order extension.Giving, now time.Time) (extension.Given, error) {
	var given extension.Given
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		given = extension.Given{}
		last, err := holdBatch(ctx, tx, actor, order.Batch)
		if err != nil {
			return err
		}
		areas, err := holdAreas(ctx, tx, actor.Organisation, order.Areas)
		if err != nil {
			return err
		}
		a := newAssignment(actor, order.Batch, now)
		a.User, a.Areas, a.Roles = nullID(order.User), areas, texts(order.Roles)
		for a.First = 0; a.First <= last; a.First += assignRows {
			a.Until = a.First + assignRows
			var n struct{ Due, Seen, Within, Given int }
			if err := tx.NewRaw(assignStatement, a).Scan(ctx, &n); err != nil {
				return fmt.Errorf("assign: %w", err)
			}
			given.Given += n.Given
			given.Had += n.Within - n.Given
			given.Beyond += n.Seen - n.Within
			given.Hidden += n.Due - n.Seen
		}
		return nil
	})
	return given, err
}

const assignStatement = `
	WITH due AS (
		SELECT DISTINCT e.user_id, coalesce(e.area_id, b.area_id) AS area_id, coalesce(e.role_id, b.role_id) AS role_id
		  FROM batch_entries e JOIN batches b ON b.id = e.batch_id JOIN users u ON u.id = e.user_id
		 WHERE e.batch_id = ?batch AND e.position >= ?first AND e.position < ?until
		   AND b.kind = 'invite' AND e.outcome NOT IN ('queued', 'invalid') AND e.user_id = coalesce(?user::uuid, e.user_id)
		   AND coalesce(e.area_id, b.area_id) IS NOT NULL AND coalesce(e.role_id, b.role_id) IS NOT NULL AND u.withdrawn_at IS NULL),
	seen AS (
		SELECT * FROM due d WHERE ?all_areas
		    OR EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = d.user_id AND s.area_id = ANY (?sight::uuid[]))),
	reached AS (SELECT * FROM seen WHERE area_id = ANY (?areas::uuid[]) AND role_id = ANY (?roles::uuid[])),
	given AS (
		INSERT INTO assignments (organisation_id, user_id, area_id, role_id)
		SELECT ?organisation, user_id, area_id, role_id FROM reached ORDER BY user_id
		ON CONFLICT DO NOTHING RETURNING user_id, area_id, role_id),
	asked AS (
		UPDATE identities d SET ` + askedToAlign + `
		  FROM given g JOIN users u ON u.id = g.user_id WHERE d.id = u.identity_id AND u.activated_at IS NOT NULL),
	told AS (
		INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
		SELECT ?now, ?organisation, ?actor_user::uuid, ?actor, 'user.assigned', g.user_id, 'also to ' || ar.name || ' as ' || ro.name
		  FROM given g JOIN areas ar ON ar.id = g.area_id JOIN roles ro ON ro.id = g.role_id)
	SELECT (SELECT count(*) FROM due) AS due, (SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM reached) AS within, (SELECT count(*) FROM given) AS given`

// Move gives the people of a batch who are Pending or Expired another place instead of the one that the batch gave them,
// with the audit; the other places they have stay. Letters that no chunk was written for yet name the new place. Nobody
// is written to. An archived area is an InvalidError.
func (db *DB) Move(ctx context.Context, actor extension.Actor, order extension.Moving, now time.Time) (extension.Moved, error) {
	var moved extension.Moved
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		moved = extension.Moved{}
		last, err := holdBatch(ctx, tx, actor, order.Batch)
		if err != nil {
			return err
		}
		if err := aloneWithBatch(ctx, tx, order.Batch); err != nil {
			return err
		}
		if err := holdPeople(ctx, tx, `u.id IN (SELECT user_id FROM batch_entries WHERE batch_id = ? AND outcome = 'queued')`, order.Batch); err != nil {
			return err
		}
		open, err := holdAreas(ctx, tx, actor.Organisation, []extension.AreaID{order.To.Area.ID})
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return extension.Invalid("area", "This service area was archived. Choose another one.")
		}
		a := newAssignment(actor, order.Batch, now)
		a.Roles = texts(order.Roles)
		a.To, a.ToName, a.As, a.AsName = order.To.Area.ID, order.To.Area.Name, order.To.Role.ID, order.To.Role.Name
		for a.First = 0; a.First <= last; a.First += assignRows {
			a.Until = a.First + assignRows
			var n extension.Moved
			if err := tx.NewRaw(moveStatement, a).Scan(ctx, &n); err != nil {
				return fmt.Errorf("move: %w", err)
			}
			moved = moved.Plus(n)
		}
		return nil
	})
	return moved, err
}

const moveStatement = `
	WITH target AS (
		SELECT e.position, u.id AS user_id, coalesce(e.area_id, b.area_id) AS area_id, coalesce(e.role_id, b.role_id) AS role_id,
		       user_status(u.paused_at, u.activated_at, i.expires_at, ?now) AS status
		  FROM batch_entries e JOIN batches b ON b.id = e.batch_id JOIN users u ON u.id = e.user_id
		  LEFT JOIN invitations i ON i.id = u.invitation_id
		 WHERE e.batch_id = ?batch AND e.position >= ?first AND e.position < ?until
		   AND b.kind = 'invite' AND e.outcome = 'queued' AND u.withdrawn_at IS NULL),
	judged AS (
		SELECT t.*, CASE
			WHEN t.status = 'Active' THEN 'active'
			WHEN t.status = 'Inactive' THEN 'inactive'
			WHEN s.user_id IS NULL THEN 'changed'
			WHEN t.area_id = ?to AND t.role_id = ?as THEN 'there'
			WHEN NOT (?all_areas OR t.area_id = ANY (?sight::uuid[])) OR t.role_id <> ALL (?roles::uuid[]) THEN 'beyond'
			ELSE 'moved' END AS fate
		  FROM target t
		  LEFT JOIN assignments s ON s.user_id = t.user_id AND s.area_id = t.area_id AND s.role_id = t.role_id),
	moving AS (SELECT * FROM judged WHERE fate = 'moved'),
	lost AS (
		DELETE FROM assignments s USING moving m WHERE s.user_id = m.user_id AND s.area_id = m.area_id AND s.role_id = m.role_id),
	got AS (
		INSERT INTO assignments (organisation_id, user_id, area_id, role_id)
		SELECT ?organisation, user_id, ?to, ?as FROM moving ORDER BY user_id ON CONFLICT DO NOTHING RETURNING user_id),
	entries AS (
		UPDATE batch_entries e SET area_id = ?to, role_id = ?as, area_text = '', role_text = '',
		       placed = e.placed AND EXISTS (SELECT 1 FROM got g WHERE g.user_id = m.user_id)
		  FROM moving m WHERE e.batch_id = ?batch AND e.position = m.position),
	letters AS (
		UPDATE invitations i SET area_names = names.areas, role_names = names.roles
		  FROM moving m CROSS JOIN LATERAL (
			SELECT string_agg(DISTINCT p.area, ', ') AS areas, string_agg(DISTINCT p.role, ', ') AS roles FROM (
				SELECT ?to_name::text AS area, ?as_name::text AS role
				UNION ALL
				SELECT ar.name, ro.name FROM assignments s JOIN areas ar ON ar.id = s.area_id JOIN roles ro ON ro.id = s.role_id
				 WHERE s.user_id = m.user_id AND NOT (s.area_id = m.area_id AND s.role_id = m.role_id)) AS p) AS names
		 WHERE i.user_id = m.user_id AND i.chunk_id IS NULL AND i.sent_at IS NULL AND i.refused_at IS NULL),
	told AS (
		INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
		SELECT ?now, ?organisation, ?actor_user::uuid, ?actor, 'user.assigned', m.user_id,
		       'to ' || ?to_name::text || ' as ' || ?as_name::text || ' instead of ' || ar.name || ' as ' || ro.name
		  FROM moving m JOIN areas ar ON ar.id = m.area_id JOIN roles ro ON ro.id = m.role_id)
	SELECT count(*) FILTER (WHERE fate = 'moved') AS moved, count(*) FILTER (WHERE fate = 'there') AS there,
	       count(*) FILTER (WHERE fate = 'active') AS active, count(*) FILTER (WHERE fate = 'inactive') AS inactive,
	       count(*) FILTER (WHERE fate = 'changed') AS changed, count(*) FILTER (WHERE fate = 'beyond') AS beyond
	  FROM judged`

// holdBatch makes this change wait for others of the organisation that touch many people, as Place does, and gives the
// last position of a batch that the actor may see.
func holdBatch(ctx context.Context, tx bun.Tx, actor extension.Actor, batch extension.BatchID) (last int, err error) {
	if err := oneBatchAtATime(ctx, tx, extension.Batch{Organisation: actor.Organisation}); err != nil {
		return 0, err
	}
	seen := visibleBatch(tx.NewSelect().TableExpr("batches b").
		ColumnExpr("coalesce((SELECT max(e.position) FROM batch_entries e WHERE e.batch_id = b.id), -1) AS last").Where("b.id = ?", batch), actor)
	err = seen.Scan(ctx, &last)
	return last, err
}

// holdAreas keeps areas from being archived until the transaction ends, and leaves out those that are.
func holdAreas(ctx context.Context, tx bun.Tx, organisation extension.OrganisationID, areas []extension.AreaID) ([]string, error) {
	open := []string{}
	err := tx.NewRaw(`SELECT id::text FROM areas WHERE organisation_id = ? AND id = ANY (?::uuid[]) AND archived_at IS NULL ORDER BY id FOR SHARE`,
		organisation, array(areas)).Scan(ctx, &open)
	return open, err
}
