package admin

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// controlling holds a batch, lets it go on and takes back what is not sent yet. Doing the same again changes nothing;
// what makes no sense any more is an InvalidError that says so.
type controlling interface {
	PauseBatch(ctx context.Context, actor extension.Actor, batch extension.BatchID) error
	ResumeBatch(ctx context.Context, actor extension.Actor, batch extension.BatchID) error
	SendNow(ctx context.Context, actor extension.Actor, batch extension.BatchID) error
	CancelBatch(ctx context.Context, actor extension.Actor, batch extension.BatchID) (cancelled int, err error)
}

// mountControl puts the buttons of a batch's page below an organisation.
func (p *Pages) mountControl(organisation fiber.Router) {
	organisation.Post("/batches/:batch/pause", p.change(p.pauseBatch))
	organisation.Post("/batches/:batch/resume", p.change(p.resumeBatch))
	organisation.Post("/batches/:batch/send-now", p.change(p.sendNow))
	organisation.Get("/batches/:batch/cancel", p.read(p.askCancel))
	organisation.Post("/batches/:batch/cancel", p.change(p.cancelBatch))
}

func (p *Pages) pauseBatch(c *fiber.Ctx, v visit) error {
	return p.control(c, v, func(ctx context.Context, id extension.BatchID) (string, error) {
		return "Sending is paused. What was handed to the mail provider already may still arrive.", p.inviter.PauseBatch(ctx, v.Actor, id)
	})
}

func (p *Pages) resumeBatch(c *fiber.Ctx, v visit) error {
	return p.control(c, v, func(ctx context.Context, id extension.BatchID) (string, error) {
		return "Sending goes on.", p.inviter.ResumeBatch(ctx, v.Actor, id)
	})
}

func (p *Pages) sendNow(c *fiber.Ctx, v visit) error {
	return p.control(c, v, func(ctx context.Context, id extension.BatchID) (string, error) {
		return "Sending has begun.", p.inviter.SendNow(ctx, v.Actor, id)
	})
}

func (p *Pages) cancelBatch(c *fiber.Ctx, v visit) error {
	return p.control(c, v, func(ctx context.Context, id extension.BatchID) (string, error) {
		cancelled, err := p.inviter.CancelBatch(ctx, v.Actor, id)
		if cancelled == 0 {
			return "Everything had been handed to the mail provider already, so nothing was left to cancel.", err
		}
		return counted(cancelled, "message was", "messages were") + " cancelled and will not be sent.", err
	})
}

// control does something to the batch of the address and returns to its page with a notice: the one that do gives, or the
// sentence of a verb that refused it, because the page that it was pressed on was old.
func (p *Pages) control(c *fiber.Ctx, v visit, do func(ctx context.Context, id extension.BatchID) (string, error)) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	text, err := do(c.UserContext(), id)
	flash := web.Flash{Kind: web.NoticeSuccess, Text: text}
	if refused, ok := errors.AsType[*extension.InvalidError](err); ok {
		flash = web.Flash{Kind: web.NoticeInfo, Text: sentences(refused)}
	} else if err != nil {
		return err
	}
	return p.backToBatch(c, v, id, flash)
}

// cancelView is the page that asks before what is not sent is cancelled.
type cancelView struct {
	visit
	page     web.Page
	batch    extension.Batch
	progress extension.Progress
}

// askCancel says how many messages would not be sent. With nothing left to cancel it leads to the batch.
func (p *Pages) askCancel(c *fiber.Ctx, v visit) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	batch, progress, err := p.inviter.Follow(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	if progress.Waiting == 0 || !batch.Cancelled.IsZero() {
		return c.Redirect(v.batchPath(id, ""), fiber.StatusSeeOther)
	}
	view := cancelView{visit: v, batch: batch, progress: progress}
	view.page = p.page(c, v, web.Page{
		Title: "Cancel what is not sent yet?", Narrow: true, Crumbs: crumbsBelow(v, batch),
	})
	return p.shell.Render(c, fiber.StatusOK, p.cancelPage(view))
}
