package admin

import (
	"context"
	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/recognise"
	"paperplane/extension/web"
)

// following is what a batch's page asks of the verb.
type following interface {
	Report(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Report, error)
	Progress(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Progress, error)
}

// mountBatches puts the pages of batches below an organisation.
func (p *Pages) mountBatches(organisation fiber.Router) {
	organisation.Get("/batches/:batch", p.read(p.showBatch))
}

// reloadSeconds is how often a browser without JavaScript looks at a batch that is still being sent.
const reloadSeconds = "3"

// batchView is what the confirmation screen shows.
type batchView struct {
	visit
	page   web.Page
	report extension.Report
}

// progress is what the script of a batch's page asks for while it is being sent.
type progress struct {
	Done     bool   `json:"done"`
	Finished int    `json:"finished"` // sent or refused
	Queued   int    `json:"queued"`
	Sentence string `json:"sentence"`
	Trouble  string `json:"trouble"`
}

// showBatch shows what became of a batch: first how far it has come, then the confirmation screen.
func (p *Pages) showBatch(c *fiber.Ctx, v visit) error {
	id, err := extension.ParseID[extension.BatchID](c.Params("batch"))
	if err != nil {
		return err
	}
	if web.WantsJSON(c) {
		return p.followBatch(c, v, id)
	}
	report, err := p.inviter.Report(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	view := batchView{visit: v, report: report}
	view.page = p.page(c, v, web.Page{Title: view.title(), Crumbs: crumbs(v), Scripts: []string{"batch.js"}})
	if !report.Progress.Done() {
		view.page.Reload = reloadSeconds
	}
	return p.shell.Render(c, fiber.StatusOK, p.batchPage(view))
}

// followBatch answers the script, which asks again and again: with the counts alone, however long the lists are.
func (p *Pages) followBatch(c *fiber.Ctx, v visit, id extension.BatchID) error {
	now, err := p.inviter.Progress(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	return c.JSON(progress{
		Done: now.Done(), Finished: finished(now), Queued: now.Queued, Sentence: summary(now), Trouble: now.Trouble,
	})
}

// finished is how many invitations are sent or refused.
func finished(progress extension.Progress) int { return progress.Sent + progress.Refused }

// title says in a word where the batch stands.
func (v batchView) title() string {
	again := v.report.Batch.Kind == extension.BatchResend
	switch {
	case !v.report.Progress.Done() && again:
		return "Sending the invitation again…"
	case !v.report.Progress.Done():
		return "Sending invitations…"
	case v.report.Progress.Sent == 0:
		return "No invitations were sent"
	case again:
		return "Invitation sent again"
	default:
		return "Invitations sent"
	}
}

// summary is the sentence that the user guide promises: how many were sent. It names the whole only when that is another
// number, because the page also says how many addresses were recognised, members and all.
func summary(progress extension.Progress) string {
	switch {
	case progress.Queued == 0:
		return "There was nobody new to invite."
	case !progress.Done():
		return number(progress.Sent) + " of " + counted(progress.Queued, "invitation was", "invitations were") + " sent so far."
	case progress.Sent == progress.Queued:
		return counted(progress.Sent, "invitation was", "invitations were") + " sent."
	default:
		return number(progress.Sent) + " of " + counted(progress.Queued, "invitation was", "invitations were") + " sent."
	}
}

// recognised says what was found in the paste.
func (v batchView) recognised() string {
	text := counted(v.report.Recognised, "address", "addresses")
	if v.report.Duplicates > 0 {
		text += ", " + counted(v.report.Duplicates, "repetition", "repetitions") + " left out"
	}
	return text
}

// whom is how a delivery is called: its address, or what was typed when it is none.
func whom(delivery extension.Delivery) string {
	if delivery.Address == "" {
		return delivery.Text
	}
	return recognise.Display(delivery.Address)
}
