// Package onboard is the inbound verb: open, start, register, secure, confirm, agree, in. It owns what a link may do, also
// with an address that has an account already; the one dispatcher (Next) that every invitee page ends in; when a second
// factor may be set up or shown; the recording of facts that Kratos reports; and telling people what has changed about their
// account.
//
// It does not own what a session may enter or change (gate), nor who writes invitations (invite). Passwords, codes and
// secrets pass through it on their way to Kratos and are kept nowhere.
//
// Read link.go, start.go, register.go, confirm.go, secure.go, agree.go and next.go in this order.
package onboard

import (
	"time"

	"paperplane/extension"
)

// Landing is what the page behind a link shows before anything happens.
type Landing struct {
	Invitation   extension.InvitationID
	Organisation extension.Organisation
	Identity     extension.IdentityID
	Inviter      string
	Area         string
	Role         string
	Address      string
	Expires      time.Time
	Resume       bool // the invitee has started before
}

// Place is where a session stands: the step that is due and what its page needs.
type Place struct {
	Step         extension.Step
	Organisation extension.Organisation
	User         extension.User
	Inviter      string
	Terms        extension.Terms    // the organisation's current ones, with their text if the reader asked for a language
	Proofs       []extension.Factor // what this session was confirmed with
	// Asking has yet to be shown a second factor before the account may be changed, and at StepConfirm before anything: this
	// organisation, or another one of theirs. Zero when there is none.
	Asking    extension.Organisation
	Lost      bool       // at StepSecure: they had a second factor, which is gone
	Standings []Standing // in every organisation of the identity, by name; this place is one of them
}

// Wish is what a reader would rather have, where there is a choice. It gives no right to anything.
type Wish struct {
	Slug     string // of the organisation that they work in now; empty for what is due first
	Language string // BCP 47, in which the terms are read; empty when nobody reads them, and then they come without their text
}

// Standing is where a session stands in one organisation.
type Standing struct {
	Organisation extension.Organisation
	Status       extension.Status
	Step         extension.Step
	Begun        bool // they have taken the invitation on, so the organisation has a say in the account
}

// Way is a second factor that the person can use or set up now.
type Way struct {
	Kind   extension.Factor
	Masked string    // of sms and email: where codes go, so that its holder knows it and nobody else learns it
	Next   time.Time // of sms and email: when the next code can be sent; zero for now
	Proven bool      // one of the person's own, which they can show; false for one to be set up
	Closed time.Time // until when none of its codes is looked at, after too many wrong ones; zero when they are
	Spent  bool      // none is looked at until a recovery code is shown, or an administrator resets the second factor
}

// Confirmation is a code that somebody typed to show a second factor.
type Confirmation struct {
	Way  extension.Factor // FactorRecovery for a recovery code
	Sent string           // what SendCode gave; of ways whose codes are sent
	Code string
}

// Witnessed is what Kratos' login hook tells of a second factor that it has just checked in a session.
type Witnessed struct {
	Identity extension.IdentityID
	Session  extension.SessionID
	Method   string   // Kratos' word: totp, code, lookup_secret or webauthn
	Codes    []string // of the method code: where the flow may have sent it; none once a wrong one was typed
	Flow     string   // Kratos' own, of the form that took it
	Ticket   string   // our own, when the code was typed on our page
}

// Registration is what an invitee typed.
type Registration struct {
	FirstName string
	LastName  string
	Mobile    string
	Email     string // read-only on the page; refused when it is not the invited one
	Password  string
}

// LinkReason is why a link leads nowhere.
type LinkReason string

// The reasons. Unknown, forged, revoked and used-up links are all LinkDead, so that nobody learns which.
const (
	LinkDead     LinkReason = "dead"
	LinkExpired  LinkReason = "expired"
	LinkPaused   LinkReason = "paused"
	LinkDisabled LinkReason = "disabled" // somebody else switched the identity off in Kratos
	LinkForeign  LinkReason = "foreign"  // the account is of another kind, or has another address by now
	LinkOccupied LinkReason = "occupied" // somebody made the account before, and what they sign in with cannot be deleted
	LinkSignIn   LinkReason = "sign_in"  // registered and not yet in: the newest link leads to sign-in and no further
	LinkAccount  LinkReason = "account"  // the address has an account with a credential: its holder signs in, then accepts
	LinkConfirm  LinkReason = "confirm"  // its holder is signed in, and shows the second factor that the account has, then accepts
)

// LinkError says that a link leads nowhere and whom to ask. The fields are empty for LinkDead.
type LinkError struct {
	Reason       LinkReason
	Organisation string
	Inviter      string
	ReplyTo      string
	Expired      time.Time
}

// Error tells the reason and nothing of the link.
func (e *LinkError) Error() string { return "the link leads nowhere: " + string(e.Reason) }

// StepError says that what was asked for is not what is due, or that this session may not do it. It is an ErrConflict:
// lead the person to the step that is due.
type StepError struct {
	Step extension.Step // what is due instead
}

// Error tells the step.
func (e *StepError) Error() string { return "another step is due: " + string(e.Step) }

// Is makes it an ErrConflict.
func (e *StepError) Is(target error) bool { return target == extension.ErrConflict }
