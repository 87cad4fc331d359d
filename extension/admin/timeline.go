package admin

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"paperplane/extension"
	"paperplane/extension/recognise"
	"paperplane/extension/roster"
)

// happened is one moment of somebody's way in.
type happened struct {
	at     time.Time
	sorted time.Time // at, or a moment later where what went before was told by a clock that is ahead
	order  int       // of what comes one after the other, for what is told of the same moment
	words  string
	detail string // somebody else's own words
}

// The order of what happens to one message, and to somebody after the link.
const (
	orderPressed = iota
	orderSent
	orderDelayed
	orderDelivered
	orderBounced
	orderComplained
	orderOpened
	orderStarted
	orderEnded
	ordersOfMessage

	orderLost       = ordersOfMessage * (roster.PostingsShown + 1)
	orderRegistered = orderLost + 1
	orderSecured    = orderLost + 2
	orderUnsigned   = orderLost + 3
	orderAccepted   = orderLost + 4
	orderActive     = orderLost + 5
	orderPaused     = orderLost + 6
	orderDeeds      = orderLost + 7
)

// timeline is everything that is known, the newest first.
func (v personView) timeline() []happened {
	var all []happened
	for i, posting := range v.postings {
		all = append(all, chain(func(add adding) { v.addPosting(add, (len(v.postings)-i)*ordersOfMessage, posting) })...)
	}
	all = append(all, chain(v.addFacts)...)
	for i, deed := range v.deeds {
		all = append(all, chain(func(add adding) { add(deed.At, v.orderOf(deed, len(v.deeds)-i), deedWords(deed), "") })...)
	}
	told := orderLost
	if v.user.Stumble.Step == extension.StepAgree {
		told = orderUnsigned
	}
	all = append(all, chain(func(add adding) { add(v.user.Stumble.At, told, "Was told", v.user.Stumble.Sentence) })...)
	slices.SortStableFunc(all, func(a, b happened) int {
		return cmp.Or(b.sorted.Compare(a.sorted), cmp.Compare(b.order, a.order))
	})
	return all
}

// adding tells of something that happened, unless it has no time.
type adding func(at time.Time, order int, words, detail string)

// clocksDiffer is how far apart the clocks are at most that times come from: ours, the database's and the mail provider's.
const clocksDiffer = time.Minute

// chain lists what happens in this order and no other. Where the clocks say otherwise, but not by more than they differ, the
// order is right.
func chain(tell func(add adding)) []happened {
	var all []happened
	var latest time.Time
	tell(func(at time.Time, order int, words, detail string) {
		if at.IsZero() {
			return
		}
		sorted := at
		if sorted.Before(latest) && latest.Sub(sorted) < clocksDiffer {
			sorted = latest
		}
		latest = sorted
		all = append(all, happened{at: at, sorted: sorted, order: order, words: words, detail: detail})
	})
	return all
}

// addFacts tells of the steps.
func (v personView) addFacts(add adding) {
	facts := v.user.Facts
	add(facts.Registered, orderRegistered, "Registered: there is a password", "")
	if !v.has(extension.ActionFactorProven) {
		add(facts.Secured, orderSecured, "Second factor proven", "")
	}
	add(facts.Accepted, orderAccepted, "Terms and conditions (EULA) accepted", "")
	add(facts.Activated, orderActive, "Active", "")
	if !v.has(extension.ActionUserPaused) {
		add(facts.Paused, orderPaused, "Deactivated", "")
	}
}

// has tells whether a deed of this kind is told: then the fact that it left need not be told too.
func (v personView) has(action extension.Action) bool {
	return slices.ContainsFunc(v.deeds, func(d extension.Audit) bool { return d.Action == action })
}

func (v personView) addPosting(add adding, order int, posting extension.Posting) {
	to := recognise.Display(posting.Address)
	add(posting.Pressed, order+orderPressed, postingName(posting)+postedBy(posting), "")
	add(posting.Facts.Sent, order+orderSent, "Message to "+to+" accepted by the mail provider", "")
	delayed, bounced := posting.Facts.Detail, ""
	if !posting.Facts.Bounced.IsZero() {
		delayed, bounced = "", posting.Facts.Detail
	}
	add(posting.Facts.Delayed, order+orderDelayed, "Delayed on its way to "+to, delayed)
	add(posting.Facts.Delivered, order+orderDelivered, "Delivered to "+to, "")
	if reason, failed := posting.Facts.Failed(); failed {
		add(posting.Facts.Bounced, order+orderBounced, "The mail provider could not send the message to "+to, reason)
	} else {
		add(posting.Facts.Bounced, order+orderBounced, "Bounced from "+to, bounced)
	}
	add(posting.Facts.Complained, order+orderComplained, "Reported as spam at "+to, "")
	add(posting.Opened, order+orderOpened, "Link opened, perhaps by a mail scanner", "")
	add(posting.Started, order+orderStarted, "Start pressed", "")
	if !posting.Expires.IsZero() && !v.list.Now.Before(posting.Expires) && posting.Kind != extension.BatchReminder && !posting.Revoked {
		add(posting.Expires, order+orderEnded, "Link ended", "")
	}
}

// orderOf puts a deed of the same moment before the invitation that came of it, a factor where it stands on the way in, and
// any other behind all else.
func (v personView) orderOf(deed extension.Audit, number int) int {
	if deed.Action == extension.ActionFactorProven || deed.Action == extension.ActionFactorRemoved {
		return orderSecured
	}
	if deed.Action == extension.ActionUserReaddressed || deed.Action == extension.ActionUserUnsuppressed {
		for i, posting := range slices.Backward(v.postings) {
			if !posting.Pressed.Before(deed.At) {
				return (len(v.postings)-i)*ordersOfMessage - 1
			}
		}
	}
	return orderDeeds + number
}

// deedWords says what somebody decided about a user.
func deedWords(deed extension.Audit) string {
	by := ""
	if deed.Actor != "" {
		by = " by " + deed.Actor
	}
	switch deed.Action {
	case extension.ActionUserReaddressed:
		was, is, _ := strings.Cut(strings.TrimPrefix(deed.Detail, "from "), " to ")
		return "Address corrected from " + recognise.Display(was) + " to " + recognise.Display(is) + by
	case extension.ActionUserUnsuppressed:
		return "Mail to this address allowed again" + by
	case extension.ActionUserPaused:
		return "Deactivated" + by
	case extension.ActionUserResumed:
		return "Resumed" + by
	case extension.ActionUserAssigned:
		if also, beside := strings.CutPrefix(deed.Detail, "also to "); beside {
			return "Also given " + also + by
		}
		return "Moved " + deed.Detail + by
	case extension.ActionFactorProven:
		return "Second factor proven: " + wayName(extension.Factor(deed.Detail))
	case extension.ActionFactorRemoved:
		return "Second factor removed: " + wayName(extension.Factor(deed.Detail))
	case extension.ActionGuessesSpent:
		return "Too many wrong codes in a row: no more are taken until a recovery code is shown or the second factors are reset"
	case extension.ActionFactorsReset:
		return "Second factors reset" + by
	case extension.ActionMobileFreed:
		return "Mobile number taken from another account" + by
	case extension.ActionUserDeclined:
		return "Declined the terms"
	default:
		return string(deed.Action) + by
	}
}
