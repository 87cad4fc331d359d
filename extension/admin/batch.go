package admin

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/recognise"
	"paperplane/extension/web"
)

// following is what a batch's pages ask of the verb.
type following interface {
	Report(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Report, error)
	Follow(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Batch, extension.Progress, error)
	Entries(ctx context.Context, actor extension.Actor, batch extension.BatchID, filter extension.EntryFilter) (extension.EntryPage, error)
	Batches(ctx context.Context, actor extension.Actor, after *extension.BatchCursor) (extension.BatchPage, error)
}

// mountBatches puts the pages of batches below an organisation.
func (p *Pages) mountBatches(organisation fiber.Router) {
	organisation.Get("/batches", p.read(p.listBatches))
	organisation.Get("/batches/:batch", p.read(p.showBatch))
	organisation.Get("/batches/:batch/events", p.read(p.streamBatch))
	organisation.Get("/batches/:batch/not-sent.csv", p.read(p.notSentFile))
}

const (
	// reloadSeconds is how often a browser without JavaScript looks at a batch that is being sent.
	reloadSeconds = 3
	// idleSeconds is how often it looks at one that waits or rests.
	idleSeconds = 20
)

// batchPath is the address of a batch's page, or of what is below it.
func (v visit) batchPath(batch extension.BatchID, rest string) string {
	return v.path("/batches/" + string(batch) + rest)
}

// batchOf is the batch that a page's address names.
func batchOf(c *fiber.Ctx) (extension.BatchID, error) {
	return extension.ParseID[extension.BatchID](c.Params("batch"))
}

// batchView is what the confirmation screen shows.
type batchView struct {
	visit
	page   web.Page
	report extension.Report
	now    time.Time
	news   batchNews
}

// showBatch shows what became of a batch: first how far it has come, then the confirmation screen.
func (p *Pages) showBatch(c *fiber.Ctx, v visit) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	switch {
	case web.WantsJSON(c):
		return p.followBatch(c, v, id)
	case c.Query("show") != "":
		return p.listEntries(c, v, id)
	}
	report, err := p.inviter.Report(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	now := p.shell.Now()
	view := batchView{visit: v, report: report, now: now, news: newsOf(report.Batch, report.Progress, now)}
	view.page = p.page(c, v, web.Page{Title: view.title(), Crumbs: batchCrumbs(v), Scripts: []string{"batch.js"}, Reload: view.reload()})
	return p.shell.Render(c, fiber.StatusOK, p.batchPage(view))
}

// followBatch answers a script that cannot hold a stream and asks again and again: with the counts alone, however long
// the lists are.
func (p *Pages) followBatch(c *fiber.Ctx, v visit, id extension.BatchID) error {
	batch, progress, err := p.inviter.Follow(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	return c.JSON(newsOf(batch, progress, p.shell.Now()))
}

// batchCrumbs is the way to a batch.
func batchCrumbs(v visit) []web.Crumb {
	return append(crumbs(v), web.Crumb{Text: "Batches", Href: v.path("/batches")})
}

// crumbsBelow is the way to a page below a batch's own.
func crumbsBelow(v visit, batch extension.Batch) []web.Crumb {
	return append(batchCrumbs(v), web.Crumb{Text: batchName(batch), Href: v.batchPath(batch.ID, "")})
}

// state is what the batch is doing as its page sees it: with nothing left to send it is finished, a moment before that is
// written down.
func (v batchView) state() extension.BatchState { return v.news.State }

// live tells whether messages may still go out.
func (v batchView) live() bool { return !v.news.Done }

// follows tells whether the script follows the page: while messages go out, and for as long after as the provider usually
// tells of them. The end of a batch is written down a moment after its last message.
func (v batchView) follows() bool {
	const telling = time.Hour
	finished := v.report.Batch.Finished
	return v.live() || !v.news.Over && (finished.IsZero() || v.now.Sub(finished) < telling)
}

// reload is after how many seconds a browser without JavaScript looks again.
func (v batchView) reload() string {
	switch v.state() {
	case extension.BatchRunning:
		return strconv.Itoa(reloadSeconds)
	case extension.BatchCancelled:
		if v.live() {
			return strconv.Itoa(reloadSeconds)
		}
	case extension.BatchWaiting:
		left := int(v.report.Batch.Starts.Sub(v.now).Seconds()) + 1
		return strconv.Itoa(max(reloadSeconds, min(left, idleSeconds)))
	case extension.BatchPaused:
		return strconv.Itoa(idleSeconds)
	case extension.BatchFinished:
	}
	return ""
}

// byItself tells whether the stop-loss paused the batch, and nobody.
func (v batchView) byItself() bool {
	return v.state() == extension.BatchPaused && v.report.Batch.PausedBy == ""
}

// recognised says what was found in the paste.
func (v batchView) recognised() string {
	text := counted(v.report.Recognised, "address", "addresses")
	if v.report.Duplicates > 0 {
		text += ", " + counted(v.report.Duplicates, "repetition", "repetitions") + " left out"
	}
	return text
}

// usualPlace is where all of a batch's people are invited to; false when its rows named several places.
func usualPlace(report extension.Report) (extension.Assignment, bool) {
	switch len(report.Places) {
	case 0:
		return extension.Assignment{Area: report.Batch.Area, Role: report.Batch.Role}, true
	case 1:
		return report.Places[0].Assignment, true
	}
	return extension.Assignment{}, false
}

// mayGive tells whether the actor may give an entry's user the place that the entry is for. Somebody whom they do not see
// is an administrator's to give it to: having it would show them.
func (v visit) mayGive(delivery extension.Delivery) bool {
	place := delivery.Place
	return isHere(delivery.Outcome) && delivery.User != "" && !delivery.Hidden && !delivery.Placed && place.Area.ID != "" && place.Role.ID != "" &&
		!place.Area.Archived && v.Actor.MayActIn(place.Area.ID) && v.Actor.MayGrant(place.Role)
}

// mayMove tells whether there may be somebody whom this batch gave a wrong place.
func (v batchView) mayMove() bool {
	return v.report.Batch.Kind == extension.BatchInvite && v.report.Progress.Queued > 0 && v.state() != extension.BatchCancelled
}

// isHere tells the outcomes of people who are in the organisation already.
func isHere(outcome extension.Outcome) bool {
	return outcome != extension.OutcomeQueued && outcome != extension.OutcomeInvalid
}

// entryTab is one group of a batch's entries, with how many there are.
type entryTab struct {
	group   extension.EntryGroup
	label   string
	count   int
	base    int // of count: entries that stay in the group whatever is told of the others
	current bool
}

// entryTabs are the groups that pages offer, those without entries hidden until a script finds some.
func entryTabs(progress extension.Progress, notSent int, current extension.EntryGroup) []entryTab {
	tabs := []entryTab{
		{group: extension.EntriesNotSent, label: deliveryWord(extension.DeliveryRefused), count: notSent, base: notSent - progress.Refused},
		{group: extension.EntriesWaiting, label: deliveryWord(extension.DeliveryWaiting), count: progress.Waiting},
		{group: extension.EntriesSent, label: deliveryWord(extension.DeliverySent), count: progress.Sent},
		{group: extension.EntriesDelivered, label: deliveryWord(extension.DeliveryDelivered), count: progress.Delivered},
		{group: extension.EntriesDelayed, label: deliveryWord(extension.DeliveryDelayed), count: progress.Delayed},
		{group: extension.EntriesBounced, label: deliveryWord(extension.DeliveryBounced), count: progress.Bounced},
		{group: extension.EntriesComplained, label: deliveryWord(extension.DeliveryComplained), count: progress.Complained},
	}
	for i := range tabs {
		tabs[i].current = tabs[i].group == current
	}
	return tabs
}

// entriesView is one page of one group of a batch's entries.
type entriesView struct {
	visit
	page   web.Page
	report extension.Report
	group  extension.EntryGroup
	from   int
	list   extension.EntryPage
}

// listEntries shows one group of a batch's entries, page by page. An address that makes no sense leads to the batch.
func (p *Pages) listEntries(c *fiber.Ctx, v visit, id extension.BatchID) error {
	group, from := extension.EntryGroup(c.Query("show")), c.QueryInt("after", -1)+1
	label := ""
	for _, tab := range entryTabs(extension.Progress{}, 0, group) {
		if tab.current {
			label = tab.label
		}
	}
	if label == "" || from < 0 {
		return c.Redirect(v.batchPath(id, ""), fiber.StatusSeeOther)
	}
	report, err := p.inviter.Report(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	view := entriesView{visit: v, report: report, group: group, from: from}
	view.list, err = p.inviter.Entries(c.UserContext(), v.Actor, id, extension.EntryFilter{Group: group, From: from, Limit: extension.MaxPage})
	if err != nil {
		return err
	}
	view.page = p.page(c, v, web.Page{
		Title: label, Lead: "What became of the batch of " + moment(report.Batch.Pressed) + ".",
		Crumbs: crumbsBelow(v, report.Batch),
	})
	return p.shell.Render(c, fiber.StatusOK, p.entriesPage(view))
}

// entries is the address of a list of one group of a batch's entries, after a position; negative is the beginning.
func (v visit) entries(batch extension.BatchID, group extension.EntryGroup, after int) string {
	query := url.Values{"show": {string(group)}}
	if after >= 0 {
		query.Set("after", strconv.Itoa(after))
	}
	return v.batchPath(batch, "?"+query.Encode())
}

// last is the position of the last of these entries; negative without any.
func last(entries []extension.Delivery) int {
	if len(entries) == 0 {
		return -1
	}
	return entries[len(entries)-1].Position
}

// ownPlaceWords names the place of an entry that is for another one than the others; empty when it is not. Of a piece
// that could not be used nobody has found out which place it means, so it says what its row said.
func ownPlaceWords(report extension.Report, delivery extension.Delivery) string {
	place := delivery.Place
	usual, _ := usualPlace(report)
	if delivery.Outcome == extension.OutcomeInvalid {
		if typed := typedPlace(delivery); !strings.EqualFold(typed, placeWords(usual)) {
			return typed
		}
		return ""
	}
	if place.Area.ID == "" || place.Role.ID == "" || place.Area.ID == usual.Area.ID && place.Role.ID == usual.Role.ID {
		return ""
	}
	return placeWords(place)
}

// typedPlace is the service area and role as a row of a table said them; empty when it said neither.
func typedPlace(delivery extension.Delivery) string {
	area, role := delivery.Cells[0], delivery.Cells[1]
	switch {
	case area == "" && role == "":
		return ""
	case area == "":
		area = areaWords(delivery.Place.Area)
	case role == "":
		role = delivery.Place.Role.Name
	}
	if area == "" || role == "" {
		return area + role
	}
	return area + " as " + role
}

// entryLabel stands before what became of an entry where a row is a card.
func entryLabel(group extension.EntryGroup) string {
	if group == extension.EntriesNotSent {
		return "Why"
	}
	return "Became"
}

// moreKind is the weight of the button that leads on: one button of a page is primary, and where a batch waits for
// somebody that is another one.
func (v batchView) moreKind() web.ButtonKind {
	if v.state() == extension.BatchPaused || v.state() == extension.BatchWaiting {
		return web.ButtonSecondary
	}
	return web.ButtonPrimary
}

// whom is how a delivery is called: its address, or what was typed when it is none.
func whom(delivery extension.Delivery) string {
	if delivery.Address == "" {
		return delivery.Text
	}
	return recognise.Display(delivery.Address)
}
