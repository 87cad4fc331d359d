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
// same people mail nobody twice. A batch that this actor has placed already is left as it is; an id
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
		if err := keepAreasOpen(ctx, tx, p); err != nil {
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
		entry.Detail = fmt.Sprintf("batch %s: %d recognised, %s", p.Batch.ID, p.Recognised, placed(p.Batch.Area, p.Batch.Role))
		return audit(ctx, tx, entry)
	})
}

// placed says in the audit where somebody was invited to.
func placed(area extension.ServiceArea, role extension.Role) string {
	return "to " + cmp.Or(area.Name, "the service areas of its rows") + " as " + cmp.Or(role.Name, "the roles of its rows")
}

// keepAreasOpen keeps the areas of a batch from being archived while the batch is written.
func keepAreasOpen(ctx context.Context, tx bun.Tx, p extension.Placement) error {
	var asked []extension.AreaID
	names := map[extension.AreaID]string{}
	for _, area := range append([]extension.ServiceArea{p.Batch.Area}, areasOfRows(p.Entries)...) {
		if _, known := names[area.ID]; !known && area.ID != "" {
			asked, names[area.ID] = append(asked, area.ID), area.Name
		}
	}
	open, err := holdAreas(ctx, tx, p.Batch.Organisation, asked)
	if err != nil {
		return fmt.Errorf("keep areas open: %w", err)
	}
	for _, id := range asked {
		if !slices.Contains(open, string(id)) {
			return extension.Invalid("area", "The service area “"+names[id]+"” was archived. Choose another one.")
		}
	}
	return nil
}

// areasOfRows lists the areas that rows of a table name for themselves, each run of the same one once.
func areasOfRows(entries []extension.Entry) []extension.ServiceArea {
	var areas []extension.ServiceArea
	last := extension.AreaID("")
	for _, e := range entries {
		if e.Area.ID != last && e.Area.ID != "" {
			areas = append(areas, e.Area)
		}
		last = e.Area.ID
	}
	return areas
}

// placing is one chunk of entries as columns of the statements below.
type placing struct {
	entries     []extension.Entry // in the order of their keys
	positions   []int             // of each in the input
	users       []extension.UserID
	invitations []extension.InvitationID
	replaced    []*extension.InvitationID // the newest invitation of a user who is invited again
	keeping     []extension.UserID        // users who are invited again and keep the places that they have
	renewed     []extension.UserID        // users who are invited again as if they were new
	placed      []extension.UserID        // those of keeping whom this batch gives a place that they did not have
}

func placeChunk(ctx context.Context, tx bun.Tx, actor extension.Actor, p extension.Placement, positions []int) error {
	c := placing{positions: positions, replaced: make([]*extension.InvitationID, len(positions))}
	for _, at := range positions {
		c.entries = append(c.entries, p.Entries[at])
		c.users = append(c.users, extension.NewID[extension.UserID]())
		c.invitations = append(c.invitations, extension.NewID[extension.InvitationID]())
	}
	if err := c.insertUsers(ctx, tx, p.Batch); err != nil {
		return fmt.Errorf("insert users: %w", err)
	}
	if err := c.judgeKnown(ctx, tx, actor, p); err != nil {
		return fmt.Errorf("find known users: %w", err)
	}
	q := c.queued(p.Batch)
	if err := c.insertAssignments(ctx, tx, p.Batch, q); err != nil {
		return fmt.Errorf("insert assignments: %w", err)
	}
	if err := c.insertInvitations(ctx, tx, p.Batch, q); err != nil {
		return fmt.Errorf("insert invitations: %w", err)
	}
	if err := c.renewUsers(ctx, tx, p.Batch, q); err != nil {
		return fmt.Errorf("invite users again: %w", err)
	}
	if err := c.insertEntries(ctx, tx, p.Batch); err != nil {
		return fmt.Errorf("insert entries: %w", err)
	}
	return nil
}

// insertUsers writes the addresses that the organisation does not know, with the invitation that they are about to get.
func (c *placing) insertUsers(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	var users, invitations, addresses, keys []string
	for i, e := range c.entries {
		if e.Outcome == extension.OutcomeQueued {
			users, invitations = append(users, string(c.users[i])), append(invitations, string(c.invitations[i]))
			addresses, keys = append(addresses, e.Address), append(keys, e.Key)
		}
	}
	_, err := tx.NewRaw(`
		INSERT INTO users (id, organisation_id, address, address_key, invited_at, invitation_id, letter_id)
		SELECT n.id, ?, n.address, n.key, ?, n.invitation_id, n.invitation_id
		  FROM unnest(?::uuid[], ?::uuid[], ?::text[], ?::text[]) AS n (id, invitation_id, address, key)
		ON CONFLICT (organisation_id, address_key) DO NOTHING`,
		b.Organisation, b.Pressed.UTC(), array(users), array(invitations), array(addresses), array(keys)).Exec(ctx)
	return err
}

// judgeKnown gives every address whose user is not new its outcome, and its entry that user. A user whose only
// invitation was refused or cancelled before anything was sent is invited again, and so is one whose invitation has
// Expired if that was asked for.
func (c *placing) judgeKnown(ctx context.Context, tx bun.Tx, actor extension.Actor, p extension.Placement) error {
	at := make(map[string]int, len(c.entries))
	keys, users := make([]string, 0, len(c.entries)), make([]extension.UserID, 0, len(c.entries))
	for i, e := range c.entries {
		if e.Outcome == extension.OutcomeQueued {
			at[e.Key] = i
			keys, users = append(keys, e.Key), append(users, c.users[i])
		}
	}
	var rows []knownUser
	err := knownUsers(tx, actor, keys, users, p.Batch.Pressed).OrderExpr("u.address_key").For("UPDATE OF u").Scan(ctx, &rows)
	if err != nil {
		return err
	}
	for _, row := range rows {
		i := at[row.Key]
		c.users[i], c.entries[i].Outcome = row.ID, row.outcome(p.Expired)
		if c.entries[i].Outcome != extension.OutcomeQueued {
			continue
		}
		if !row.Withdrawn { // of a withdrawn one there is nothing to go back to
			c.replaced[i] = row.Invitation
		}
		if row.keepsPlaces() {
			c.keeping = append(c.keeping, row.ID)
		} else {
			c.renewed = append(c.renewed, row.ID)
		}
	}
	return nil
}
