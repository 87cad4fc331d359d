package extension

import "time"

// DefaultLinkLifetime is how long an invitation's link works unless the organisation says otherwise: the user guide's
// seven days. NIST SP 800-63A-4 §3.8 allows confirmation codes 24 hours; an invitation is no identity proofing, but an
// organisation may shorten it.
const DefaultLinkLifetime = 7 * 24 * time.Hour

// TwoFactor is an organisation's policy on second factors.
type TwoFactor string

// The policies.
const (
	TwoFactorOff      TwoFactor = "off"
	TwoFactorRequired TwoFactor = "required"
)

// Organisation is the tenant. Every user, area, role, batch and EULA version belongs to exactly one.
type Organisation struct {
	ID           OrganisationID
	Slug         string // in addresses of pages: /o/{slug}/…
	Name         string
	TwoFactor    TwoFactor
	Ways         []Factor // the second factors that it allows, at least one
	LinkLifetime time.Duration
	Language     string // BCP 47, of letters
	Region       string // ISO 3166-1 alpha-2: how a mobile number without + is read; empty means that + is needed
	ReplyTo      string // where invitees' answers go; empty means that the sender's address is used
	Sending      Sending
}

// Sending is how an organisation wants its batches sent.
type Sending struct {
	UndoDelay time.Duration // between the press and the first message: time to take it back; zero for none
	Reminders []int         // days after the invitation was sent, rising; none by default
	StopLoss  StopLoss
}

// StopLoss is when a batch pauses itself: a provider stops sending for accounts with many bounces.
type StopLoss struct {
	Percent int // of sent messages that bounced; more than this pauses; zero for never
	After   int // messages sent before it is judged
}

// The limits of Sending; the schema says the same. A new organisation has no undo delay and no reminders, and pauses at
// more than 3 % of at least 50 messages (Resend asks for bounce rates below 4 %).
const (
	MaxUndoDelay = time.Hour
	MaxReminders = 2
)

// ServiceArea is a part of an organisation (a site, a department) that users work in.
type ServiceArea struct {
	ID       AreaID
	Name     string
	Archived bool
}

// Right is what a role lets its holder do in Paperplane.
type Right string

// The rights, each including the one before.
const (
	RightNone          Right = "none"
	RightInviter       Right = "inviter"       // invite to and see one's own areas
	RightAdministrator Right = "administrator" // everything in the organisation
)

// rank orders the rights, so that nobody grants more than they hold.
func (r Right) rank() int {
	switch r {
	case RightAdministrator:
		return 2
	case RightInviter:
		return 1
	case RightNone:
		return 0
	}
	return 0
}

// Known tells whether r is one of the rights.
func (r Right) Known() bool { return r == RightNone || r == RightInviter || r == RightAdministrator }

// Includes tells whether r covers other.
func (r Right) Includes(other Right) bool { return r.rank() >= other.rank() }

// Role is what a user may do in an organisation.
type Role struct {
	ID    RoleID
	Name  string
	Right Right
}

// Assignment is one service area and one role of one user.
type Assignment struct {
	Area ServiceArea
	Role Role
}
