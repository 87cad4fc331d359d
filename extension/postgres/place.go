package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// placeRows is how many people one statement of Place writes.
const placeRows = 5000

// Place writes a batch with its users, invitations and entries in one transaction. An address that the organisation
// knows already gets its outcome instead. Batches of one organisation are written one after the other, so two with the
// same people mail nobody twice and never deadlock. A batch that this actor has placed already is left as it is; an id
// that somebody else used is a conflict.
func (db *DB) Place(ctx context.Context, actor extension.Actor, p extension.Placement) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := oneBatchAtATime(ctx, tx, p.Batch); err != nil {
			return err
		}
		fresh, err := insertBatch(ctx, tx, p.Batch, p.Recognised, p.Duplicates)
		if err != nil || !fresh {
			return err
		}
		if err := holdArea(ctx, tx, p.Batch); err != nil {
			return err
		}
		positions := make([]int, len(p.Entries))
		for i := range positions {
			positions[i] = i
		}
		slices.SortStableFunc(positions, func(a, b int) int { return cmp.Compare(p.Entries[a].Key, p.Entries[b].Key) })
		for chunk := range slices.Chunk(positions, placeRows) {
			if err := placeChunk(ctx, tx, actor, p, chunk); err != nil {
				return err
			}
		}
		entry := by(actor, extension.ActionBatchInvited, p.Batch.Pressed)
		entry.Detail = fmt.Sprintf("batch %s: %d recognised, to %s as %s", p.Batch.ID, p.Recognised, p.Batch.Area.Name, p.Batch.Role.Name)
		return audit(ctx, tx, entry)
	})
}

// holdArea keeps the area from being archived while the batch is written.
func holdArea(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	var open bool
	err := tx.NewRaw(`SELECT archived_at IS NULL FROM areas WHERE id = ? AND organisation_id = ? FOR SHARE`, b.Area.ID, b.Organisation).
		Scan(ctx, &open)
	if err != nil {
		return err
	}
	if !open {
		return extension.Invalid("area", "This service area was archived. Choose another one.")
	}
	return nil
}

// placing is one chunk of entries as columns of the statements below.
type placing struct {
	positions   []int
	texts       []string
	addresses   []string
	keys        []string
	outcomes    []extension.Outcome
	reasons     []string
	users       []extension.UserID
	invitations []extension.InvitationID
}

func placeChunk(ctx context.Context, tx bun.Tx, actor extension.Actor, p extension.Placement, positions []int) error {
	c := placing{positions: positions}
	for _, at := range positions {
		e := p.Entries[at]
		c.texts, c.addresses, c.keys = append(c.texts, e.Text), append(c.addresses, e.Address), append(c.keys, e.Key)
		c.outcomes, c.reasons = append(c.outcomes, e.Outcome), append(c.reasons, e.Reason)
		c.users = append(c.users, extension.NewID[extension.UserID]())
		c.invitations = append(c.invitations, extension.NewID[extension.InvitationID]())
	}
	if err := c.insertUsers(ctx, tx, p.Batch); err != nil {
		return fmt.Errorf("insert users: %w", err)
	}
	if err := c.judgeKnown(ctx, tx, actor, p.Batch); err != nil {
		return fmt.Errorf("find known users: %w", err)
	}
	if err := c.insertInvitations(ctx, tx, p.Batch); err != nil {
		return fmt.Errorf("insert invitations: %w", err)
	}
	return c.insertEntries(ctx, tx, p.Batch)
}

// insertUsers writes the addresses that the organisation does not know.
func (c *placing) insertUsers(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	_, err := tx.NewRaw(`
		INSERT INTO users (id, organisation_id, address, address_key, invited_at)
		SELECT n.id, ?, n.address, n.key, ?
		  FROM unnest(?::uuid[], ?::text[], ?::text[], ?::text[]) AS n (id, address, key, outcome)
		 WHERE n.outcome = 'queued'
		ON CONFLICT (organisation_id, address_key) DO NOTHING`,
		b.Organisation, b.Pressed.UTC(), array(c.users), array(c.addresses), array(c.keys), array(c.outcomes)).Exec(ctx)
	return err
}

// judgeKnown gives every address whose user is not new its outcome. A user whose only invitation was refused before
// anything was sent is invited again.
func (c *placing) judgeKnown(ctx context.Context, tx bun.Tx, actor extension.Actor, b extension.Batch) error {
	areas, bound := actor.AreaBound()
	var rows []knownUser
	err := tx.NewRaw(`
		SELECT u.id, u.address_key AS key, user_status(u.paused_at, u.activated_at, i.expires_at, ?) AS status,
		       coalesce(i.refused, '') AS refused,
		       EXISTS (SELECT 1 FROM invitations p WHERE p.user_id = u.id AND p.sent_at IS NOT NULL) AS sent,
		       ? AND EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = u.id AND s.area_id <> ALL (?::uuid[])) AS hidden
		  FROM users u LEFT JOIN invitations i ON i.id = u.invitation_id
		 WHERE u.organisation_id = ? AND u.address_key = ANY (?::text[]) AND u.id <> ALL (?::uuid[])
		 ORDER BY u.address_key FOR UPDATE OF u`,
		b.Pressed.UTC(), bound, array(areas), b.Organisation, array(c.keys), array(c.users)).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	at := make(map[string]int, len(c.keys))
	for i, key := range c.keys {
		if c.outcomes[i] == extension.OutcomeQueued {
			at[key] = i
		}
	}
	for _, row := range rows {
		i, ok := at[row.Key]
		if !ok {
			continue
		}
		c.users[i] = row.ID
		c.outcomes[i] = row.outcome()
	}
	return nil
}

// knownUser is a user whom the organisation has for a pasted address.
type knownUser struct {
	ID      extension.UserID
	Key     string
	Status  extension.Status
	Refused extension.Refusal // of the newest invitation
	Sent    bool              // some invitation was
	Hidden  bool              // has areas that the actor does not act in, and so must not lose them
}

// outcome is what becomes of the address.
func (u knownUser) outcome() extension.Outcome {
	switch u.Status {
	case extension.Active:
		return extension.OutcomeAlreadyMember
	case extension.Inactive:
		return extension.OutcomeInactive
	case extension.Expired:
		return extension.OutcomeAlreadyExpired
	case extension.Pending:
	}
	if u.Refused != "" && u.Refused != extension.RefusedUnknown && !u.Sent && !u.Hidden {
		return extension.OutcomeQueued
	}
	return extension.OutcomeAlreadyPending
}

// insertInvitations writes one invitation for every queued address, and the assignment and audit that go with it.
func (c *placing) insertInvitations(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	queued := tx.NewRaw(`SELECT * FROM unnest(?::uuid[], ?::uuid[], ?::text[]) AS n (user_id, invitation_id, outcome) WHERE n.outcome = 'queued'`,
		array(c.users), array(c.invitations), array(c.outcomes))
	statements := []*bun.RawQuery{
		tx.NewRaw(`
			INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names)
			SELECT invitation_id, ?, user_id, ?, ?, ? FROM (?) AS q`, b.Organisation, b.ID, b.Area.Name, b.Role.Name, queued),
		tx.NewRaw(`UPDATE users u SET invitation_id = q.invitation_id, letter_id = q.invitation_id FROM (?) AS q WHERE u.id = q.user_id`, queued),
		tx.NewRaw(`DELETE FROM assignments s USING (?) AS q WHERE s.user_id = q.user_id`, queued), // of an invitation that was refused
		tx.NewRaw(`
			INSERT INTO assignments (organisation_id, user_id, area_id, role_id)
			SELECT ?, user_id, ?, ? FROM (?) AS q`, b.Organisation, b.Area.ID, b.Role.ID, queued),
		tx.NewRaw(`
			INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
			SELECT ?, ?, ?::uuid, ?, ?, user_id, ? FROM (?) AS q`,
			b.Pressed.UTC(), b.Organisation, nullID(b.InviterUser), b.Inviter, string(extension.ActionUserInvited),
			"to "+b.Area.Name+" as "+b.Role.Name, queued),
	}
	for _, statement := range statements {
		if _, err := statement.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *placing) insertEntries(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	_, err := tx.NewRaw(`
		INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, reason, user_id, invitation_id)
		SELECT ?, n.position, ?, n.text, n.address, n.outcome, n.reason,
		       CASE WHEN n.outcome <> 'invalid' THEN n.user_id END, CASE WHEN n.outcome = 'queued' THEN n.invitation_id END
		  FROM unnest(?::int[], ?::text[], ?::text[], ?::text[], ?::text[], ?::uuid[], ?::uuid[])
		       AS n (position, text, address, outcome, reason, user_id, invitation_id)`,
		b.ID, b.Organisation, intArray(c.positions), array(c.texts), array(c.addresses), array(c.outcomes), array(c.reasons),
		array(c.users), array(c.invitations)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert entries: %w", err)
	}
	return nil
}
