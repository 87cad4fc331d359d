package admin

import (
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
}

// reasonOf puts what became of an address into plain words.
func reasonOf(delivery extension.Delivery) reason {
	if delivery.Refused != "" {
		return reason{Why: refusal(delivery.Refused, delivery.Detail)}
	}
	switch delivery.Outcome {
	case extension.OutcomeInvalid:
		if sentence := recognise.Reason(delivery.Reason).Sentence(); sentence != "" {
			return reason{Why: "Not a valid email address. " + sentence}
		}
		return reason{Why: "Not a valid email address."}
	case extension.OutcomeAlreadyMember:
		return reason{Why: "Already part of this organisation, and Active."}
	case extension.OutcomeAlreadyPending:
		return reason{Why: "Already invited: the invitation is Pending and its link still works."}
	case extension.OutcomeAlreadyExpired:
		return reason{Why: "Already invited, but the invitation has Expired.", Link: "Resend it from the users list", To: "/users?status=expired"}
	case extension.OutcomeInactive:
		return reason{Why: "Already part of this organisation, but Inactive.", Link: "Resume the user in the users list", To: "/users?status=inactive"}
	case extension.OutcomeQueued:
	}
	return reason{Why: "It was not sent."}
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
	}
	if detail = strings.TrimSpace(detail); detail != "" {
		sentence += " It said: “" + detail + "”"
	}
	return sentence
}

// lifetime writes how long a link works.
func lifetime(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return counted(int(d/day), "day", "days")
	}
	return counted(int(d/time.Hour), "hour", "hours")
}
