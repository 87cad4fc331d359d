package extension

import "time"

// BatchKind tells which button made a batch.
type BatchKind string

// The kinds of batch.
const (
	BatchInvite BatchKind = "invite"
	BatchResend BatchKind = "resend"
)

// Batch is one press of Invite or of Resend, and what became of every piece of its input.
type Batch struct {
	ID           BatchID
	Organisation OrganisationID
	Kind         BatchKind
	Area         ServiceArea // zero for a resend, where every user keeps their own
	Role         Role        // zero for a resend
	Inviter      string      // the actor's name at that moment
	InviterUser  UserID
	Pressed      time.Time
}

// Outcome is what became of one piece of a batch's input.
type Outcome string

// The outcomes at the press of Invite. Only Queued leads to a message.
const (
	OutcomeQueued         Outcome = "queued"
	OutcomeInvalid        Outcome = "invalid"         // no address; Reason says why
	OutcomeAlreadyMember  Outcome = "already_member"  // Active in this organisation, whatever the area
	OutcomeAlreadyPending Outcome = "already_pending" // invited before and the link still works
	OutcomeAlreadyExpired Outcome = "already_expired" // invited before and the link has run out
	OutcomeInactive       Outcome = "inactive"        // deactivated in this organisation
)

// Refusal is why a queued message was not sent after all.
type Refusal string

// The refusals.
const (
	RefusedExistingAccount Refusal = "existing_account" // Kratos has an account with this address that is not ours
	RefusedByKratos        Refusal = "kratos_refused"   // Kratos does not accept the address
	RefusedByProvider      Refusal = "provider_refused" // the mail provider does not accept the message
	RefusedUnknown         Refusal = "unknown"          // the provider never answered; it may have been sent
	RefusedPaused          Refusal = "paused"           // deactivated before the message went out
	RefusedSuperseded      Refusal = "superseded"       // a newer invitation took its place before it went out
)

// Entry is one piece of a batch's input.
type Entry struct {
	Text    string // as typed, cut to MaxEntryText bytes
	Address string // as it would be mailed to; empty when the piece is no address
	Key     string // the normalised address, unique within an organisation
	Outcome Outcome
	Reason  string // of an invalid piece: a reason of recognise
}

// MaxEntryText is how many bytes of a rejected piece are kept: longer than any legal address (254, RFC 5321 §4.5.3.1.3).
const MaxEntryText = 320

// Delivery is how far one message of a batch has come.
type Delivery struct {
	User    UserID
	Address string
	Text    string // as typed
	Outcome Outcome
	Reason  string
	Sent    time.Time // zero until the provider accepted the message
	Refused Refusal   // empty unless it will not be sent
	Detail  string    // the provider's or Kratos' reason, cleaned
}

// Progress counts a batch's messages.
type Progress struct {
	Queued  int // Sent + Waiting + Refused
	Sent    int
	Waiting int
	Refused int
	Trouble string // what holds the batch up now, in one sentence; empty when nothing does
}

// Done tells whether every message was sent or refused.
func (p Progress) Done() bool { return p.Waiting == 0 }
