package postgres

import (
	"cmp"
	"context"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// queuedRows are the entries of a chunk that lead to a message, as columns.
type queuedRows struct {
	users       []extension.UserID
	invitations []extension.InvitationID
	replaced    []extension.InvitationID // empty where there was none
	areas       []extension.AreaID
	areaNames   []string
	roles       []extension.RoleID
	roleNames   []string
}

// queued picks the entries that lead to a message; one that names no area or role of its own gets the batch's.
func (c *placing) queued(b extension.Batch) queuedRows {
	var q queuedRows
	for i, e := range c.entries {
		if e.Outcome != extension.OutcomeQueued {
			continue
		}
		area, role := cmp.Or(e.Area, b.Area), cmp.Or(e.Role, b.Role)
		q.users, q.invitations = append(q.users, c.users[i]), append(q.invitations, c.invitations[i])
		q.areas, q.areaNames = append(q.areas, area.ID), append(q.areaNames, area.Name)
		q.roles, q.roleNames = append(q.roles, role.ID), append(q.roleNames, role.Name)
		replaced := extension.InvitationID("")
		if c.replaced[i] != nil {
			replaced = *c.replaced[i]
		}
		q.replaced = append(q.replaced, replaced)
	}
	return q
}

// insertAssignments gives everybody who is written to their place. Who keeps others and gets one more is noted, so that
// cancelling the batch takes away that one alone.
func (c *placing) insertAssignments(ctx context.Context, tx bun.Tx, b extension.Batch, q queuedRows) error {
	// of what never went out
	if _, err := tx.NewRaw(`DELETE FROM assignments WHERE user_id = ANY (?::uuid[])`, array(c.renewed)).Exec(ctx); err != nil {
		return err
	}
	return tx.NewRaw(`
		WITH given AS (
			INSERT INTO assignments (organisation_id, user_id, area_id, role_id)
			SELECT ?, n.user_id, n.area, n.role FROM unnest(?::uuid[], ?::uuid[], ?::uuid[]) AS n (user_id, area, role)
			ON CONFLICT DO NOTHING RETURNING user_id)
		SELECT user_id FROM given WHERE user_id = ANY (?::uuid[])`,
		b.Organisation, array(q.users), array(q.areas), array(q.roles), array(c.keeping)).Scan(ctx, &c.placed)
}

// insertInvitations writes one invitation for every queued address, and the audit that goes with it.
func (c *placing) insertInvitations(ctx context.Context, tx bun.Tx, b extension.Batch, q queuedRows) error {
	statements := []*bun.RawQuery{
		tx.NewRaw(`
			INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names, replaces)
			SELECT n.id, ?, n.user_id, ?, n.area, n.role, nullif(n.replaces, '')::uuid
			  FROM unnest(?::uuid[], ?::uuid[], ?::text[], ?::text[], ?::text[]) AS n (id, user_id, area, role, replaces)`,
			b.Organisation, b.ID, array(q.invitations), array(q.users), array(q.areaNames), array(q.roleNames), array(q.replaced)),
		tx.NewRaw(`
			INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
			SELECT ?, ?, ?::uuid, ?, ?, n.user_id, 'to ' || n.area || ' as ' || n.role
			  FROM unnest(?::uuid[], ?::text[], ?::text[]) AS n (user_id, area, role)`,
			b.Pressed.UTC(), b.Organisation, nullID(b.InviterUser), b.Inviter, string(extension.ActionUserInvited),
			array(q.users), array(q.areaNames), array(q.roleNames)),
	}
	return execAll(ctx, statements)
}

// renewUsers gives users who had an invitation before the new one. The ones before are revoked together with what was
// begun by them, as a resend does, and the letter names every place that the user has.
func (c *placing) renewUsers(ctx context.Context, tx bun.Tx, b extension.Batch, q queuedRows) error {
	again := append(append([]extension.UserID{}, c.keeping...), c.renewed...)
	if len(again) == 0 {
		return nil
	}
	if err := holdMessages(ctx, tx, `i.user_id = ANY (?::uuid[]) AND i.revoked_at IS NULL`, array(c.keeping)); err != nil {
		return err
	}
	statements := []*bun.RawQuery{
		tx.NewRaw(`UPDATE invitations SET revoked_at = ? WHERE user_id = ANY (?::uuid[]) AND id <> ALL (?::uuid[]) AND revoked_at IS NULL`,
			b.Pressed.UTC(), array(c.keeping), array(q.invitations)),
		tx.NewRaw(`
			UPDATE users u SET invitation_id = n.id, letter_id = n.id, withdrawn_at = NULL
			  FROM unnest(?::uuid[], ?::uuid[]) AS n (user_id, id) WHERE u.id = n.user_id AND u.id = ANY (?::uuid[])`,
			array(q.users), array(q.invitations), array(again)),
		tx.NewRaw(`
			UPDATE invitations m SET area_names = p.areas, role_names = p.roles
			  FROM users u `+places+` WHERE m.id = u.invitation_id AND u.id = ANY (?::uuid[])`, array(c.keeping)),
		tx.NewRaw(`
			UPDATE identities d SET `+askedToAlign+`
			  FROM users u WHERE u.id = ANY (?::uuid[]) AND d.id = u.identity_id AND u.started_at IS NOT NULL AND u.registered_at IS NULL`,
			array(c.keeping)),
	}
	return execAll(ctx, statements)
}

func (c *placing) insertEntries(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	n := len(c.entries)
	texts, addresses, outcomes, reasons := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	areas, roles, areaTexts, roleTexts := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, e := range c.entries {
		texts[i], addresses[i], outcomes[i], reasons[i] = e.Text, e.Address, string(e.Outcome), e.Reason
		areas[i], roles[i], areaTexts[i], roleTexts[i] = string(e.Area.ID), string(e.Role.ID), e.Cells[0], e.Cells[1]
	}
	_, err := tx.NewRaw(`
		INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, reason, user_id, invitation_id,
		                           area_id, role_id, area_text, role_text, placed)
		SELECT ?, n.position, ?, n.text, n.address, n.outcome, n.reason,
		       CASE WHEN n.outcome <> 'invalid' THEN n.user_id END, CASE WHEN n.outcome = 'queued' THEN n.invitation_id END,
		       nullif(n.area, '')::uuid, nullif(n.role, '')::uuid, n.area_text, n.role_text,
		       n.outcome = 'queued' AND n.user_id = ANY (?::uuid[])
		  FROM unnest(?::int[], ?::text[], ?::text[], ?::text[], ?::text[], ?::uuid[], ?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[])
		       AS n (position, text, address, outcome, reason, user_id, invitation_id, area, role, area_text, role_text)`,
		b.ID, b.Organisation, array(c.placed), intArray(c.positions), array(texts), array(addresses), array(outcomes), array(reasons),
		array(c.users), array(c.invitations), array(areas), array(roles), array(areaTexts), array(roleTexts)).Exec(ctx)
	return err
}
