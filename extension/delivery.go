package extension

import (
	"strings"
	"time"
)

// LetterFacts are what is known of one message: what we did, and what the provider told since. Times are set once, in
// any order, any number of times.
type LetterFacts struct {
	Sent       time.Time // accepted by the provider
	Delayed    time.Time // the recipient's server puts the provider off
	Delivered  time.Time // accepted by the recipient's server, which may still send it back later
	Bounced    time.Time // given up by the provider or refused by the recipient's server
	Complained time.Time // reported as spam by the recipient
	Detail     string    // the provider's reason for the delay or the bounce, cleaned
}

// DeliveryState is how far a message has come. It is computed, never stored.
type DeliveryState string

// The states of a message.
const (
	DeliveryWaiting    DeliveryState = "waiting" // still to be sent
	DeliveryRefused    DeliveryState = "refused" // will not be sent
	DeliverySent       DeliveryState = "sent"    // accepted by the provider
	DeliveryDelayed    DeliveryState = "delayed"
	DeliveryDelivered  DeliveryState = "delivered"
	DeliveryBounced    DeliveryState = "bounced"
	DeliveryComplained DeliveryState = "complained"
)

// DeliveryStates lists all states in the order in which pages offer them.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{
		DeliveryWaiting, DeliverySent, DeliveryDelayed, DeliveryDelivered, DeliveryBounced, DeliveryComplained, DeliveryRefused,
	}
}

// State computes the state: the worst news stands, because a message can bounce after it was delivered. The SQL function
// delivery_state in migrations says the same.
func (l LetterFacts) State(refused Refusal) DeliveryState {
	switch {
	case !l.Complained.IsZero():
		return DeliveryComplained
	case !l.Bounced.IsZero():
		return DeliveryBounced
	case !l.Delivered.IsZero():
		return DeliveryDelivered
	case !l.Delayed.IsZero():
		return DeliveryDelayed
	case !l.Sent.IsZero():
		return DeliverySent
	case refused != "":
		return DeliveryRefused
	default:
		return DeliveryWaiting
	}
}

// Failed tells whether it was the provider that could not send the message, and the provider's reason. Such a message is
// DeliveryBounced, but nothing came back, and nothing is said against the address.
func (l LetterFacts) Failed() (reason string, failed bool) {
	if l.Bounced.IsZero() {
		return "", false
	}
	return strings.CutPrefix(l.Detail, FailedDetail)
}

// MailEventKind is what a mail provider tells of a message.
type MailEventKind string

// The kinds of event.
const (
	MailSent       MailEventKind = "sent"
	MailDelayed    MailEventKind = "delayed"
	MailDelivered  MailEventKind = "delivered"
	MailBounced    MailEventKind = "bounced" // also: suppressed by the provider after an earlier bounce
	MailFailed     MailEventKind = "failed"  // given up by the provider, which says nothing against the address
	MailComplained MailEventKind = "complained"
)

// FailedDetail begins the detail of a message that the provider itself could not send (MailFailed). What follows is the
// provider's reason.
const FailedDetail = "The mail provider could not send the message: "

// MailEvent is one event of the mail provider, after its signature was checked.
type MailEvent struct {
	ID         string // the provider's id of the event: the same one may come again
	Kind       MailEventKind
	Message    string       // the provider's id of the message
	Invitation InvitationID // from the message's tag; empty when it carries none of ours
	At         time.Time    // by the provider's clock
	Detail     string       // the provider's reason, cleaned; empty when it gave none
}

// Suppression is why an address gets no mail from us until somebody decides otherwise.
type Suppression string

// The suppressions.
const (
	SuppressedBounce    Suppression = "bounced"
	SuppressedComplaint Suppression = "complained"
)

// Stumble is the last mistake that an invitee was told of on the way in.
type Stumble struct {
	At       time.Time
	Step     Step
	Sentence string // as the invitee read it; holds nothing that was typed
}

// FailingDomain is how the messages of a batch to one mail domain fared.
type FailingDomain struct {
	Domain  string
	Sent    int
	Bounced int
}
