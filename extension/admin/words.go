package admin

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"paperplane/extension"
	"paperplane/extension/recognise"
)

// number writes a count with commas between the thousands.
func number(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// counted writes a count with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// moment writes a time as pages show it. The zone stands with it because the reader's may be another one.
func moment(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// stamp writes a time for programs (HTML time element).
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// personOf is how notices call a user: the address, because it is what was invited and is never missing.
func personOf(user extension.User) string { return recognise.Display(user.Address) }

// reason is why an address was not sent an invitation, and what the administrator can do about it.
type reason struct {
	Why  string
	Link string // the words of a link to a place of ours; empty when there is nothing to do
	To   string // the place, below the organisation
	At   time.Time
}

// reasonOf puts what became of an address that was not sent a message into plain words. Of somebody whom the actor does
// not see there is no page to lead to.
func reasonOf(delivery extension.Delivery) reason {
	told := whyNotSent(delivery)
	if delivery.Hidden {
		return reason{Why: told.Why + " They are in none of your service areas, so ask an administrator about them.", At: told.At}
	}
	return told
}

func whyNotSent(delivery extension.Delivery) reason {
	if delivery.Refused != "" {
		return reason{Why: refusal(delivery.Refused, delivery.Detail), Link: refusalLink(delivery.Refused), To: person(delivery)}
	}
	switch delivery.Outcome {
	case extension.OutcomeInvalid:
		if sentence := recognise.Reason(delivery.Reason).Sentence(); sentence != "" {
			return reason{Why: invalidWhy(recognise.Reason(delivery.Reason)) + sentence}
		}
		return reason{Why: "Not a valid email address."}
	case extension.OutcomeAlreadyMember:
		return reason{Why: "Already part of this organisation, and Active."}
	case extension.OutcomeAlreadyPending:
		return reason{Why: "Already invited: the invitation is Pending and its link still works.", Link: "Resend it if it cannot be found", To: person(delivery)}
	case extension.OutcomeAlreadyExpired:
		return reason{Why: "Already invited, but the invitation has Expired.", Link: "Resend it", To: person(delivery)}
	case extension.OutcomeInactive:
		return reason{Why: "Already part of this organisation, but Inactive.", Link: "Resume the user", To: person(delivery)}
	case extension.OutcomeUndeliverable:
		return reason{
			Why:  "An earlier message to this address bounced or was reported as spam, so nothing more is sent to it by itself.",
			Link: "Correct the address, or send to it all the same", To: person(delivery),
		}
	case extension.OutcomeTooSoon:
		return reason{Why: "A message went to this address only a short while ago. Wait a little before you send another one."}
	case extension.OutcomeOnItsWay:
		return reason{Why: "An invitation to this address is on its way already. Nothing needs to be done."}
	case extension.OutcomeRefused:
		refused := extension.Refusal(delivery.Reason)
		return reason{Why: refusal(refused, ""), Link: refusalLink(refused), To: person(delivery)}
	case extension.OutcomeQueued:
	}
	return reason{Why: "It was not sent."}
}

// invalidWhy begins the sentence about a piece that cannot be used, where it is the address that is wrong and not the row.
func invalidWhy(wrong recognise.Reason) string {
	ofRows := []recognise.Reason{recognise.MissingAddress, recognise.UnfitRow, recognise.Formula, recognise.UnknownArea, recognise.UnknownRole}
	if slices.Contains(ofRows, wrong) {
		return ""
	}
	return "Not a valid email address. "
}

// person is the page of a delivery's user, or the users list with their address.
func person(delivery extension.Delivery) string {
	if delivery.User != "" {
		return personPath(delivery.User)
	}
	return "/users?" + place{search: oneLine(delivery.Address)}.query()
}

// refusal says why a message was not sent after all.
func refusal(refused extension.Refusal, detail string) string {
	sentence := "It was not sent."
	switch refused {
	case extension.RefusedExistingAccount:
		sentence = "This address already has an account, so no link was sent to it."
	case extension.RefusedByKratos:
		sentence = "The account system does not accept this address."
	case extension.RefusedByProvider:
		sentence = "The mail provider refused the message."
	case extension.RefusedUnknown:
		sentence = "The mail provider never answered, so the message may or may not have been sent. Ask the person before you resend it."
	case extension.RefusedPaused:
		sentence = "The user was deactivated before the message went out."
	case extension.RefusedSuperseded:
		sentence = "A newer invitation took its place before the message went out."
	case extension.RefusedCancelled:
		sentence = "It was cancelled before it was sent."
	case extension.RefusedSuppressed:
		sentence = "An earlier message to this address bounced or was reported as spam before this one went out."
	case extension.RefusedNeedless:
		sentence = "No reminder was needed any more: the link had been used or had run out."
	}
	if detail = strings.TrimSpace(detail); detail != "" {
		sentence += " It said: “" + detail + "”"
	}
	return sentence
}

// refusalLink names what can be done about a refusal on the users list; empty when there is nothing.
func refusalLink(refused extension.Refusal) string {
	switch refused {
	case extension.RefusedByKratos, extension.RefusedByProvider, extension.RefusedSuppressed:
		return "Correct the address"
	case extension.RefusedUnknown:
		return "See the user"
	case extension.RefusedPaused:
		return "Resume the user"
	case extension.RefusedExistingAccount, extension.RefusedSuperseded, extension.RefusedCancelled, extension.RefusedNeedless:
	}
	return ""
}

// fate puts what became of a message into plain words, with what can be done about it.
func fate(delivery extension.Delivery) reason {
	letter := delivery.Letter
	said := ""
	if letter.Detail != "" {
		said = " It said: “" + letter.Detail + "”"
	}
	switch letter.State(delivery.Refused) {
	case extension.DeliveryComplained:
		return reason{
			Why: "Reported as spam by the recipient, so nothing more is sent by itself.", Link: "See the user", To: person(delivery), At: letter.Complained,
		}
	case extension.DeliveryBounced:
		if why, failed := letter.Failed(); failed {
			return reason{Why: "The mail provider could not send it: “" + why + "”", Link: "See the user", To: person(delivery), At: letter.Bounced}
		}
		return reason{Why: "It came back." + said, Link: "Correct the address", To: person(delivery), At: letter.Bounced}
	case extension.DeliveryDelayed:
		return reason{Why: "The recipient’s mail server does not take it yet; the mail provider keeps trying." + said, At: letter.Delayed}
	case extension.DeliveryDelivered:
		return reason{Why: "Delivered to the recipient’s mail server.", At: letter.Delivered}
	case extension.DeliverySent:
		return reason{Why: "Accepted by the mail provider.", At: letter.Sent}
	case extension.DeliveryWaiting:
		return reason{Why: "Still to be sent."}
	case extension.DeliveryRefused:
	}
	return reasonOf(delivery)
}

// duration writes a length of time in the largest unit that it is a whole number of.
func duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return counted(int(d/day), "day", "days")
	case d >= time.Hour && d%time.Hour == 0:
		return counted(int(d/time.Hour), "hour", "hours")
	case d >= time.Minute && d%time.Minute == 0:
		return counted(int(d/time.Minute), "minute", "minutes")
	}
	return counted(int(d/time.Second), "second", "seconds")
}
