package extension

import (
	"context"
	"fmt"
	"time"
)

// LetterVersion counts the wordings of the invitation letter. A chunk keeps the version it was first written in, so a
// retry after an upgrade sends the same bytes.
const LetterVersion = 3

// Chunk is one call to the mail provider, written down before it is made: who gets it, under which link key, with which
// expiry and which words. Its id is the idempotency key, so every retry has the same bytes (the provider remembers keys
// for 24 hours and refuses a known key with other bytes).
type Chunk struct {
	ID           ChunkID
	Organisation OrganisationID
	Batch        BatchID
	KeyID        string // of Links
	Letter       Letter
	Recipients   []Recipient
	Stale        bool // a call may have been obeyed, so long ago that the provider may have forgotten the key
}

// Letter is what all messages of a chunk have in common.
type Letter struct {
	Version      int       `json:"version"`
	Organisation string    `json:"organisation"`
	Inviter      string    `json:"inviter"`
	Language     string    `json:"language"`
	Sender       string    `json:"sender"`   // RFC 5322 mailbox of the From header
	ReplyTo      string    `json:"reply_to"` // may be empty
	PublicURL    string    `json:"public_url"`
	Expires      time.Time `json:"expires"`            // of links that are made with this chunk
	Reminder     bool      `json:"reminder,omitempty"` // repeats links that went out before; from version 2
}

// Recipient is one person of a chunk: one message each, never a shared To header.
type Recipient struct {
	Invitation InvitationID
	Address    string
	Area       string // names, as they were when the invitation was made
	Role       string
	LinkOf     InvitationID // whose link it is: the invitation's own, or of a reminder, the one that it repeats
	Expires    time.Time    // of that link
	Handed     bool         // an earlier attempt began to hand this message over, and nobody knows how it ended
	Link       string       // filled in just before the call, never stored
}

// Receipt is what the provider said about one recipient.
type Receipt struct {
	Invitation InvitationID
	MessageID  string // the provider's id of the accepted message
	Refused    string // the provider's reason when it never will accept it
	Unknown    bool   // it may or may not have been sent, and must not be sent again by itself
	Untried    bool   // it certainly was not sent, and goes into another chunk
	PutOff     string // of one that is Untried: the server's reason why this very person must be tried later
	Marked     bool   // this very attempt had marked it; set by whoever gave the Mark
}

// How long somebody who was put off waits for the next attempt: as long as they have been put off already, within these
// bounds. RFC 5321 §4.5.4.1 asks for half an hour; the first attempts come sooner because a server that greylists
// (RFC 6647 §2.2) takes the second one after a few minutes. It also asks for four or five days before giving up. The
// server that we hand over to does that; one that does not take a message for PutOffFor will not, and the administrator
// who waits for the invitation had better know.
const (
	ShortestPutOff = 5 * time.Minute
	LongestPutOff  = 30 * time.Minute
	PutOffFor      = 48 * time.Hour // from the first time on; whoever is put off after that is refused with the server's words
)

// Mark writes down, durably, that a message is about to be handed over by a protocol that does not remember what it was
// handed (SMTP), and tells whether nobody began before. Only then may the message be handed over.
type Mark func(ctx context.Context, invitation InvitationID) (first bool, err error)

// TroubleError says that a part we depend on does not do its work now and that the same call should be made again
// later. Sentence is shown to administrators, so it holds no secret. It is an ErrUnavailable.
type TroubleError struct {
	Sentence string
	After    time.Duration // how long the part asked us to wait; zero when it did not say
	Refused  bool          // the part answered, and certainly did nothing: the call need not be remembered as perhaps obeyed
	Cause    error
}

// Error tells the sentence and the cause.
func (e *TroubleError) Error() string {
	if e.Cause == nil {
		return e.Sentence
	}
	return fmt.Sprintf("%s: %v", e.Sentence, e.Cause)
}

// Unwrap gives the cause.
func (e *TroubleError) Unwrap() error { return e.Cause }

// Is makes every trouble an ErrUnavailable.
func (e *TroubleError) Is(target error) bool { return target == ErrUnavailable }
