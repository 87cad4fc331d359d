package admin

import (
	"encoding/csv"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/recognise"
	"paperplane/extension/web"
)

// byteOrderMark makes spreadsheets read a file as UTF-8.
const byteOrderMark = "\uFEFF"

// notSentFile answers with everybody who was not sent a message, and why, as a table (RFC 4180) whose heading the box of
// the invite page understands: what was put right there can be pasted back as it is. It is read and written in pages, so
// its size costs no memory.
func (p *Pages) notSentFile(c *fiber.Ctx, v visit) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	batch, _, err := p.inviter.Follow(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8; header=present")
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", "not-sent-"+batch.Pressed.UTC().Format(time.DateOnly)+".csv"))
	return p.shell.Stream(c, "file "+string(v.User.ID), func(stream *web.Stream) error {
		if _, err := stream.Write([]byte(byteOrderMark)); err != nil {
			return err
		}
		table := csv.NewWriter(stream)
		table.UseCRLF = true
		if err := table.Write([]string{"email", "service area", "role", "reason"}); err != nil {
			return err
		}
		return p.writeNotSent(stream, table, v.Actor, id)
	})
}

func (p *Pages) writeNotSent(stream *web.Stream, table *csv.Writer, actor extension.Actor, batch extension.BatchID) error {
	filter := extension.EntryFilter{Group: extension.EntriesNotSent, Limit: extension.MaxEntries}
	for {
		page, err := p.inviter.Entries(stream.Context(), actor, batch, filter)
		if err != nil {
			return err
		}
		for _, entry := range page.Entries {
			if err := table.Write(notSentRow(entry)); err != nil {
				return err
			}
		}
		table.Flush()
		if err := table.Error(); err != nil {
			return err
		}
		if filter.From = page.Next; filter.From == 0 {
			return nil
		}
	}
}

// notSentRow is an entry as a row of the file: the address as it is mailed to or else what was typed, the place that was
// typed or else the one it was meant for, and the reason. None is a formula to a spreadsheet.
func notSentRow(entry extension.Delivery) []string {
	row := []string{entry.Address, entry.Cells[0], entry.Cells[1], reasonOf(entry).Why}
	if row[0] == "" {
		row[0] = entry.Text
	}
	if row[1] == "" {
		row[1] = entry.Place.Area.Name
	}
	if row[2] == "" {
		row[2] = entry.Place.Role.Name
	}
	for i := range row {
		row[i] = recognise.Harmless(row[i])
	}
	return row
}
