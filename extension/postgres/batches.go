package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

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

// oneBatchAtATime makes the batches of an organisation wait for one another until they are written.
func oneBatchAtATime(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	_, err := tx.NewRaw(`SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`, "batches of "+string(b.Organisation)).Exec(ctx)
	return err
}

// insertBatch tells whether the batch is new.
func insertBatch(ctx context.Context, tx bun.Tx, b extension.Batch, recognised, duplicates int) (bool, error) {
	result, err := tx.NewRaw(`
		INSERT INTO batches (id, organisation_id, kind, area_id, role_id, actor_user_id, actor_name, pressed_at, starts_at, recognised, duplicates)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		b.ID, b.Organisation, string(b.Kind), nullID(b.Area.ID), nullID(b.Role.ID), nullID(b.InviterUser), b.Inviter,
		b.Pressed.UTC(), b.Starts.UTC(), recognised, duplicates).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("insert batch: %w", err)
	}
	if n, _ := result.RowsAffected(); n == 1 {
		return true, nil
	}
	var same bool
	err = tx.NewRaw(`SELECT organisation_id = ? AND actor_user_id IS NOT DISTINCT FROM ?::uuid FROM batches WHERE id = ?`,
		b.Organisation, nullID(b.InviterUser), b.ID).Scan(ctx, &same)
	if err == nil && !same {
		err = extension.ErrConflict
	}
	return false, err
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

// Reissue makes a resend batch: a new invitation for each of these users, with the places they have, and the ones
// before are revoked, together with what was begun by them. A user whose newest invitation is still on its way or went
// out after the batch was pressed, or who is Active or Inactive by now, is a conflict: then somebody else was first.
func (db *DB) Reissue(ctx context.Context, actor extension.Actor, b extension.Batch, users []extension.UserID) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := oneBatchAtATime(ctx, tx, b); err != nil {
			return err
		}
		if fresh, err := insertBatch(ctx, tx, b, len(users), 0); err != nil || !fresh {
			return err
		}
		invitations := make([]extension.InvitationID, len(users))
		for i := range users {
			invitations[i] = extension.NewID[extension.InvitationID]()
		}
		if err := lockReissuable(ctx, tx, b, users); err != nil {
			return err
		}
		for _, statement := range reissueStatements(tx, b, users, invitations) {
			if _, err := statement.Exec(ctx); err != nil {
				return fmt.Errorf("reissue: %w", err)
			}
		}
		entry := by(actor, extension.ActionBatchResent, b.Pressed)
		entry.Detail = fmt.Sprintf("batch %s: %d users", b.ID, len(users))
		return audit(ctx, tx, entry)
	})
}

func lockReissuable(ctx context.Context, tx bun.Tx, b extension.Batch, users []extension.UserID) error {
	var free int
	err := tx.NewRaw(`
		WITH held AS (
			SELECT u.id FROM users u JOIN invitations i ON i.id = u.invitation_id
			 WHERE u.organisation_id = ? AND u.id = ANY (?::uuid[]) AND u.paused_at IS NULL AND u.activated_at IS NULL
			   AND coalesce(i.sent_at, i.refused_at) <= ?
			 ORDER BY u.id FOR UPDATE OF u)
		SELECT count(*) FROM held`, b.Organisation, array(users), b.Pressed.UTC()).Scan(ctx, &free)
	if err != nil {
		return fmt.Errorf("lock users: %w", err)
	}
	if free != len(users) {
		return extension.ErrConflict
	}
	return nil
}

func reissueStatements(tx bun.Tx, b extension.Batch, users []extension.UserID, invitations []extension.InvitationID) []*bun.RawQuery {
	asked := tx.NewRaw(`SELECT * FROM unnest(?::uuid[], ?::uuid[]) WITH ORDINALITY AS n (user_id, invitation_id, position)`,
		array(users), array(invitations))
	return []*bun.RawQuery{
		tx.NewRaw(`UPDATE invitations i SET revoked_at = ? FROM (?) AS q WHERE i.user_id = q.user_id AND i.revoked_at IS NULL`, b.Pressed.UTC(), asked),
		tx.NewRaw(`
			INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names)
			SELECT q.invitation_id, ?, q.user_id, ?,
			       coalesce(string_agg(DISTINCT ar.name, ', '), ''), coalesce(string_agg(DISTINCT ro.name, ', '), '')
			  FROM (?) AS q LEFT JOIN assignments s ON s.user_id = q.user_id
			  LEFT JOIN areas ar ON ar.id = s.area_id LEFT JOIN roles ro ON ro.id = s.role_id
			 GROUP BY q.invitation_id, q.user_id`, b.Organisation, b.ID, asked),
		tx.NewRaw(`UPDATE users u SET invitation_id = q.invitation_id, letter_id = q.invitation_id FROM (?) AS q WHERE u.id = q.user_id`, asked),
		tx.NewRaw(`
			UPDATE identities d SET realign_at = clock_timestamp(), realign_asked = d.realign_asked + 1
			  FROM (?) AS q JOIN users u ON u.id = q.user_id
			 WHERE d.id = u.identity_id AND u.started_at IS NOT NULL AND u.registered_at IS NULL`, asked),
		tx.NewRaw(`
			INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, user_id, invitation_id)
			SELECT ?, q.position, ?, u.address, u.address, 'queued', u.id, q.invitation_id
			  FROM (?) AS q JOIN users u ON u.id = q.user_id`, b.ID, b.Organisation, asked),
		tx.NewRaw(`
			INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
			SELECT ?, ?, ?::uuid, ?, ?, user_id, 'again' FROM (?) AS q`,
			b.Pressed.UTC(), b.Organisation, nullID(b.InviterUser), b.Inviter, string(extension.ActionUserInvited), asked),
	}
}

// Finish closes a batch in which nothing waits and tells whether it is closed.
func (db *DB) Finish(ctx context.Context, batch extension.BatchID, now time.Time) (bool, error) {
	_, err := db.bun.NewRaw(`
		UPDATE batches b SET finished_at = ?, trouble = ''
		 WHERE b.id = ? AND b.finished_at IS NULL
		   AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.batch_id = b.id AND i.sent_at IS NULL AND i.refused_at IS NULL)`,
		now.UTC(), batch).Exec(ctx)
	if err != nil {
		return false, kind(err)
	}
	var finished bool
	err = db.bun.NewRaw(`SELECT finished_at IS NOT NULL FROM batches WHERE id = ?`, batch).Scan(ctx, &finished)
	return finished, kind(err)
}

// Hold writes down what holds a batch up; an empty sentence takes it off.
func (db *DB) Hold(ctx context.Context, batch extension.BatchID, sentence string) error {
	_, err := db.bun.NewRaw(`UPDATE batches SET trouble = ? WHERE id = ? AND trouble <> ?`, sentence, batch, sentence).Exec(ctx)
	return kind(err)
}

// Unfinished lists batches with work left, oldest first.
func (db *DB) Unfinished(ctx context.Context, most int) ([]extension.BatchID, error) {
	var ids []extension.BatchID
	err := db.bun.NewRaw(`SELECT id FROM batches WHERE finished_at IS NULL ORDER BY pressed_at LIMIT ?`, most).Scan(ctx, &ids)
	return ids, kind(err)
}
