// Package onboard is the inbound verb: open, start, register, agree, in. It owns what a link may do, the one
// dispatcher (Next) that every invitee page ends in, and the recording of facts that Kratos reports.
//
// It does not own second factors or existing accounts: an identity that is not ours is never touched by a link.
package onboard

import (
	"context"
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
	Terms        extension.Terms    // the organisation's current ones, in a language that the reader asked for
	Proofs       []extension.Factor // what this session was confirmed with
	Standings    []Standing         // in every organisation of the identity, by name; this place is one of them
}

// Standing is where a session stands in one organisation.
type Standing struct {
	Organisation extension.Organisation
	Status       extension.Status
	Step         extension.Step
}

// Way is a second factor that the person can use or set up now.
type Way struct {
	Kind   extension.Factor
	Masked string    // of sms and email: where codes go, so that its holder knows it and nobody else learns it
	Next   time.Time // of sms and email: when the next code can be sent; zero for now
	Proven bool      // one of the person's own; false for one to be set up
}

// Confirmation is a code that somebody typed to show a second factor.
type Confirmation struct {
	Way  extension.Factor // FactorRecovery for a recovery code
	Flow string           // the Kratos flow that the code belongs to
	Code string
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
	LinkForeign  LinkReason = "foreign"  // the address has an account that is not ours
	LinkSignIn   LinkReason = "sign_in"  // registered and not yet in: the newest link leads to sign-in and no further
	LinkAccount  LinkReason = "account"  // the address has an account with a credential: its holder signs in, then accepts
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

// Store is what the verb asks of the database.
type Store interface {
	Invited(ctx context.Context, invitation extension.InvitationID) (extension.Invited, error)
	RecordOpened(ctx context.Context, invitation extension.InvitationID, at time.Time) error
	// Record sets a fact of a user unless it is set, with an audit row when it was not. It tells whether it was new.
	Record(ctx context.Context, user extension.User, fact extension.Fact, at time.Time) (bool, error)
	// RecordProfile keeps the names and the mobile that Kratos holds, for lists and letters.
	RecordProfile(ctx context.Context, identity extension.IdentityID, traits extension.Traits) error
	// RecordAcceptance keeps the evidence; the first one of a user and a version stands.
	RecordAcceptance(ctx context.Context, acceptance extension.Acceptance) error
	// ConfirmAcceptance says that Kratos has taken it.
	ConfirmAcceptance(ctx context.Context, user extension.User, terms extension.TermsID, at time.Time) error
	// SetFactors keeps which proven second factors Kratos holds.
	SetFactors(ctx context.Context, identity extension.IdentityID, proven []extension.Factor, at time.Time) error
	// Proofs lists the kinds of factor that a session was confirmed with.
	Proofs(ctx context.Context, session extension.SessionID) ([]extension.Factor, error)
	// RecordStumble keeps the last mistake that the invitee was told of.
	RecordStumble(ctx context.Context, user extension.UserID, stumble extension.Stumble) error
	// Members lists the users of an identity with their organisations.
	Members(ctx context.Context, identity extension.IdentityID) ([]extension.Member, error)
	// Exclusive runs f while no other caller holds the same name, on any replica.
	Exclusive(ctx context.Context, name string, f func(ctx context.Context) error) error
	// LeftInactive tells whether it was us who left the identity inactive.
	LeftInactive(ctx context.Context, identity extension.IdentityID) (bool, error)
	SetLeftInactive(ctx context.Context, identity extension.IdentityID, at time.Time) error
	// Unreported hands out identities of users who are half-way, longest unasked first, and marks them as asked.
	Unreported(ctx context.Context, now time.Time, most int) ([]extension.IdentityID, error)
	// HalfWay hands out identities that are still on although their user's invitation ran out, or was replaced, between
	// Start and registration.
	HalfWay(ctx context.Context, now time.Time, most int) ([]extension.IdentityID, error)
	// Realign puts an identity on the list of those to be aligned with Kratos.
	Realign(ctx context.Context, identity extension.IdentityID) error
}

// Identities is what the verb asks of Kratos as its administrator.
type Identities interface {
	Identity(ctx context.Context, id extension.IdentityID) (extension.Identity, error)
	Enable(ctx context.Context, id extension.IdentityID, address string) error
	Disable(ctx context.Context, id extension.IdentityID) error
	EndSessions(ctx context.Context, id extension.IdentityID) error
	Admit(ctx context.Context, id extension.IdentityID, browser extension.Browser) (extension.Reply, error)
}

// Settings is what the verb asks of Kratos in the name of the invitee's browser.
type Settings interface {
	SettingsForm(ctx context.Context, browser extension.Browser, flowID string) (extension.Form, extension.Reply, error)
	SubmitProfile(ctx context.Context, browser extension.Browser, form extension.Form, traits extension.Traits) (extension.Form, extension.Reply, error)
	SubmitPassword(ctx context.Context, browser extension.Browser, form extension.Form, password string) (extension.Form, extension.Reply, error)
}

// Mobiles brings a mobile number into the one spelling that is stored (E.164). A number without + is read as one of the
// region (ISO 3166-1 alpha-2). What cannot be read is an InvalidError about the field mobile.
type Mobiles func(number, region string) (string, error)

// Aligner brings Kratos in line with our rows: state and published metadata.
type Aligner interface {
	Align(ctx context.Context, identity extension.IdentityID) error
}

// Service is the verb.
type Service struct {
	store      Store
	identities Identities
	settings   Settings
	mobiles    Mobiles
	aligner    Aligner
	links      extension.Links
	now        func() time.Time
}

// Options are what a Service is made of.
type Options struct {
	Store      Store
	Identities Identities
	Settings   Settings
	Mobiles    Mobiles
	Aligner    Aligner
	Links      extension.Links
	Now        func() time.Time
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, identities: o.Identities, settings: o.Settings, mobiles: o.Mobiles,
		aligner: o.Aligner, links: o.Links, now: o.Now,
	}
}
