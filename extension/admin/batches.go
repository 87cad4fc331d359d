package admin

import (
	"encoding/base64"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// batchesView is one page of the list of batches.
type batchesView struct {
	visit
	page web.Page
	list extension.BatchPage
	now  time.Time
	from bool // not the first page
}

// listBatches shows the batches, the newest first.
func (p *Pages) listBatches(c *fiber.Ctx, v visit) error {
	after := parseBatchCursor(c.Query("after"))
	list, err := p.inviter.Batches(c.UserContext(), v.Actor, after)
	if err != nil {
		return err
	}
	view := batchesView{visit: v, list: list, now: p.shell.Now(), from: after != nil}
	view.page = p.page(c, v, web.Page{
		Title: "Batches", Crumbs: crumbs(v), Lead: "Every press of Invite, every resend and every round of reminders, and what became of it.",
	})
	return p.shell.Render(c, fiber.StatusOK, p.batchesPage(view))
}

func batchCursorText(cursor extension.BatchCursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(cursor.Batch) + cursor.Pressed.UTC().Format(time.RFC3339Nano)))
}

// parseBatchCursor reads a cursor; anything else is the beginning of the list.
func parseBatchCursor(text string) *extension.BatchCursor {
	const head = 36 // of the id
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) <= head {
		return nil
	}
	batch, err := extension.ParseID[extension.BatchID](string(raw[:head]))
	if err != nil {
		return nil
	}
	pressed, err := time.Parse(time.RFC3339Nano, string(raw[head:]))
	if err != nil {
		return nil
	}
	return &extension.BatchCursor{Pressed: pressed, Batch: batch}
}
