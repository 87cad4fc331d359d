package extension

import "time"

// BatchKind tells which button made a batch.
type BatchKind string

// The kinds of batch.
const (
	BatchInvite   BatchKind = "invite"
	BatchResend   BatchKind = "resend"   // new invitations to people who have one; the links before stop working
	BatchReminder BatchKind = "reminder" // the same links once more, by themselves
)

// Batch is one press of Invite or of Resend, or one round of reminders, and what became of every piece of its input.
type Batch struct {
	ID           BatchID
	Organisation OrganisationID
	Kind         BatchKind
	Area         ServiceArea // of entries that name none; zero when all name their own, and where every user keeps theirs
	Role         Role        // likewise
	Inviter      string      // the actor's name at that moment
	InviterUser  UserID
	Pressed      time.Time
	Starts       time.Time // nothing is made or sent before: the press, plus the organisation's undo delay, or a time that was chosen
	Paused       time.Time // zero while it runs; a setting, cleared by resume
	PausedBy     string    // the name of whoever paused it; empty when it was the stop-loss
	Cancelled    time.Time // what had not been sent by then never is
	CancelledBy  string
	Finished     time.Time // nothing is left to do
}

// BatchState is what a batch is doing. It is computed, never stored.
type BatchState string

// The states of a batch.
const (
	BatchWaiting   BatchState = "waiting"   // has not begun: it can be taken back as a whole
	BatchRunning   BatchState = "running"   // messages go out
	BatchPaused    BatchState = "paused"    // rests until somebody resumes it
	BatchCancelled BatchState = "cancelled" // what was not sent never will be
	BatchFinished  BatchState = "finished"  // nothing is left to do
)

// State computes what the batch is doing.
func (b Batch) State(now time.Time) BatchState {
	switch {
	case !b.Cancelled.IsZero():
		return BatchCancelled
	case !b.Finished.IsZero():
		return BatchFinished
	case !b.Paused.IsZero():
		return BatchPaused
	case now.Before(b.Starts):
		return BatchWaiting
	default:
		return BatchRunning
	}
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
	OutcomeUndeliverable  Outcome = "undeliverable"   // an earlier message bounced or was complained about
	OutcomeTooSoon        Outcome = "too_soon"        // written to within the cooldown
	OutcomeOnItsWay       Outcome = "on_its_way"      // the newest invitation has not been sent yet
	OutcomeRefused        Outcome = "refused"         // the newest invitation was refused for a Refusal that stands; Reason says which
)

// Refusal is why a queued message was not sent after all.
type Refusal string

// The refusals.
const (
	RefusedExistingAccount Refusal = "existing_account" // Kratos has an account with this address that follows another schema or is not ours to change
	RefusedByKratos        Refusal = "kratos_refused"   // Kratos does not accept the address
	RefusedByProvider      Refusal = "provider_refused" // the mail provider does not accept the message
	RefusedUnknown         Refusal = "unknown"          // the provider never answered; it may have been sent
	RefusedPaused          Refusal = "paused"           // deactivated before the message went out
	RefusedSuperseded      Refusal = "superseded"       // a newer invitation took its place before it went out
	RefusedCancelled       Refusal = "cancelled"        // somebody cancelled what was not sent yet
	RefusedSuppressed      Refusal = "suppressed"       // an earlier message bounced or was complained about before it went out
	RefusedNeedless        Refusal = "needless"         // a reminder of a link that had done its work or run out before it went out
)

// Entry is one piece of a batch's input.
type Entry struct {
	Text    string // as typed, cut to MaxEntryText bytes
	Address string // as it would be mailed to; empty when the piece is no address
	Key     string // the normalised address, unique within an organisation
	Outcome Outcome
	Reason  string      // of an invalid piece: a reason of recognise
	Area    ServiceArea // where a row of a table names its own; zero for the batch's
	Role    Role        // likewise
	Cells   [2]string   // service area and role as typed, for a list of what was not sent that can be pasted back
}

// MaxEntryText is how many bytes of a rejected piece are kept: longer than any legal address (254, RFC 5321 §4.5.3.1.3).
const MaxEntryText = 320

// Delivery is what became of one piece of a batch's input.
type Delivery struct {
	Position int // in the input, from 0
	User     UserID
	Address  string
	Text     string // as typed
	Outcome  Outcome
	Reason   string
	Place    Assignment // the service area and role it is for: its own, else the batch's; zero where neither names them
	Placed   bool       // its user has them
	Hidden   bool       // its user is in no area of the actor's, who may know no more of them
	Cells    [2]string  // service area and role as typed, of a row that named its own
	Refused  Refusal    // empty unless it will not be sent
	Detail   string     // the provider's or Kratos' reason, cleaned
	Letter   LetterFacts
}

// Progress counts a batch's messages.
type Progress struct {
	Queued  int // Sent + Waiting + Refused
	Sent    int // accepted by the provider; the four counts below are among them
	Waiting int
	Refused int

	Delivered  int // a message counts once, under its DeliveryState
	Delayed    int
	Bounced    int
	Complained int

	Trouble string // what holds the batch up now, in one sentence; empty when nothing does
}

// Undecided is how many sent messages may still be told of: neither delivered nor given up.
func (p Progress) Undecided() int { return p.Sent - p.Delivered - p.Bounced - p.Complained }

// Done tells whether every message was sent or refused.
func (p Progress) Done() bool { return p.Waiting == 0 }
