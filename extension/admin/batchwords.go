package admin

import (
	"fmt"
	"strings"
	"time"

	"paperplane/extension"
	"paperplane/extension/recognise"
)

// batchNews is what a page that follows a batch is told: small, and equal as long as nothing has changed.
type batchNews struct {
	State    extension.BatchState `json:"state"`
	Done     bool                 `json:"done"`     // nothing is left to send
	Over     bool                 `json:"over"`     // nor to be told of what was sent
	Finished int                  `json:"finished"` // sent or refused
	Queued   int                  `json:"queued"`
	Sentence string               `json:"sentence"`
	Trouble  string               `json:"trouble"`

	Waiting    int `json:"waiting"`
	Refused    int `json:"refused"`
	Sent       int `json:"sent"`
	Delivered  int `json:"delivered"`
	Delayed    int `json:"delayed"`
	Bounced    int `json:"bounced"`
	Complained int `json:"complained"`
}

// newsOf puts a batch into news. With nothing left to send a batch is finished, a moment before that is written down.
func newsOf(batch extension.Batch, progress extension.Progress, now time.Time) batchNews {
	state := batch.State(now)
	if progress.Done() && state != extension.BatchCancelled {
		state = extension.BatchFinished
	}
	return batchNews{
		State: state, Done: progress.Done(), Over: progress.Done() && progress.Undecided() == 0, Finished: progress.Sent + progress.Refused, Queued: progress.Queued,
		Sentence: summary(batch.Kind, progress, state), Trouble: progress.Trouble,
		Waiting: progress.Waiting, Refused: progress.Refused, Sent: progress.Sent, Delivered: progress.Delivered,
		Delayed: progress.Delayed, Bounced: progress.Bounced, Complained: progress.Complained,
	}
}

// summary is the sentence that the user guide promises: how many were sent. It names the whole only when that is another
// number, because the page also says how many addresses were recognised, members and all.
func summary(kind extension.BatchKind, progress extension.Progress, state extension.BatchState) string {
	one, many := "invitation", "invitations"
	if kind == extension.BatchReminder {
		one, many = "reminder", "reminders"
	}
	were := func(n int) string { return counted(n, one+" was", many+" were") }
	switch {
	case progress.Queued == 0 && kind == extension.BatchInvite:
		return "There was nobody new to invite."
	case progress.Queued == 0:
		return "There was nobody to write to."
	case state == extension.BatchWaiting:
		return "Nothing has been sent yet. " + counted(progress.Waiting, one+" is", many+" are") + " ready."
	case !progress.Done():
		return number(progress.Sent) + " of " + were(progress.Queued) + " sent so far."
	case progress.Sent == progress.Queued:
		return were(progress.Sent) + " sent."
	default:
		return number(progress.Sent) + " of " + were(progress.Queued) + " sent."
	}
}

// title says in a word where the batch stands.
func (v batchView) title() string {
	kind, progress := v.report.Batch.Kind, v.report.Progress
	switch v.state() {
	case extension.BatchWaiting:
		return "Waiting to be sent"
	case extension.BatchPaused:
		return "Sending is paused"
	case extension.BatchCancelled:
		switch {
		case v.live():
			return "Cancelling…"
		case progress.Sent > 0:
			return "The rest was cancelled"
		}
		return "Taken back: nothing was sent"
	case extension.BatchRunning, extension.BatchFinished:
	}
	switch {
	case v.live() && kind == extension.BatchReminder:
		return "Sending reminders…"
	case v.live() && kind == extension.BatchResend && progress.Queued > 1:
		return "Sending invitations again…"
	case v.live() && kind == extension.BatchResend:
		return "Sending the invitation again…"
	case v.live():
		return "Sending invitations…"
	case progress.Sent == 0 && kind == extension.BatchReminder:
		return "No reminders were sent"
	case progress.Sent == 0:
		return "No invitations were sent"
	case kind == extension.BatchReminder:
		return "Reminders sent"
	case kind == extension.BatchResend && progress.Sent > 1:
		return "Invitations sent again"
	case kind == extension.BatchResend:
		return "Invitation sent again"
	default:
		return "Invitations sent"
	}
}

// batchName is how lists and paths call a batch.
func batchName(batch extension.Batch) string {
	switch batch.Kind {
	case extension.BatchResend:
		return "Resend of " + moment(batch.Pressed)
	case extension.BatchReminder:
		return "Reminders of " + moment(batch.Pressed)
	case extension.BatchInvite:
	}
	return "Invitations of " + moment(batch.Pressed)
}

// stateWord is a batch's state in a label.
func stateWord(state extension.BatchState) string {
	switch state {
	case extension.BatchWaiting:
		return "Waiting"
	case extension.BatchRunning:
		return "Sending"
	case extension.BatchPaused:
		return "Paused"
	case extension.BatchCancelled:
		return "Cancelled"
	case extension.BatchFinished:
	}
	return "Finished"
}

// stopped says why a batch paused itself, and where its messages fail.
func stopped(report extension.Report) string {
	text := "It paused itself, because too many messages bounced: " + number(report.Progress.Bounced) + " of " + number(report.Progress.Sent) + " so far."
	if len(report.Domains) == 0 {
		return text
	}
	failing := make([]string, len(report.Domains))
	for i, d := range report.Domains {
		domain := strings.TrimPrefix(recognise.Display("@"+d.Domain), "@")
		failing[i] = fmt.Sprintf("%s (%s of %s)", domain, number(d.Bounced), number(d.Sent))
	}
	return text + " They failed at " + strings.Join(failing, ", ") + "."
}

// areaWords names a service area.
func areaWords(area extension.ServiceArea) string {
	if area.Archived {
		return area.Name + " (archived)"
	}
	return area.Name
}

// placeWords names a service area and a role.
func placeWords(place extension.Assignment) string {
	return areaWords(place.Area) + " as " + place.Role.Name
}

// stateColour is the look of a batch's state: that of the status that is most like it.
func stateColour(state extension.BatchState) string {
	switch state {
	case extension.BatchRunning, extension.BatchWaiting:
		return "pending"
	case extension.BatchPaused:
		return "expired"
	case extension.BatchCancelled:
		return "inactive"
	case extension.BatchFinished:
	}
	return "active"
}

// badNews says in a list which messages did not arrive; empty when all did as far as is known.
func badNews(news batchNews) string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{news.Bounced, "bounced"}, {news.Complained, "reported as spam"}} {
		if part.n > 0 {
			parts = append(parts, number(part.n)+" "+part.word)
		}
	}
	return strings.Join(parts, ", ")
}
