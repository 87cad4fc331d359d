package extension

import "time"

// Facts are the times that decide a user's Status and Step. A zero time means that the fact has not happened. Times
// are set once and never cleared, except Paused, which is an administrator's setting, and Expires, which follows the
// newest invitation.
type Facts struct {
	Invited    time.Time
	Sent       time.Time // of the newest invitation: accepted by the mail provider
	Opened     time.Time // of the newest invitation: perhaps by a mail scanner, so it decides nothing
	Expires    time.Time // of the newest invitation; zero until its letter is first handed to the provider
	Started    time.Time // by the newest invitation's link: a resend ends what was begun by an older one
	Registered time.Time // Kratos holds a first-factor credential
	Secured    time.Time // a second factor that the organisation allows was proven
	Accepted   time.Time // the current terms, confirmed by Kratos
	Agreed     time.Time // an earlier version of the terms, the newest of those, confirmed by Kratos
	Activated  time.Time
	Paused     time.Time
}

// Fact names a fact of a user that is recorded as coalesce(old, new): once, in any order, any number of times.
type Fact string

// The facts of a user.
const (
	FactStarted    Fact = "started"
	FactRegistered Fact = "registered"
	FactActivated  Fact = "activated"
)

// Status is what the user list shows. It is computed, never stored.
type Status string

// The statuses, in the user guide's words.
const (
	Active   Status = "Active"
	Inactive Status = "Inactive"
	Pending  Status = "Pending"
	Expired  Status = "Expired"
)

// Statuses lists all statuses in the order in which pages offer them.
func Statuses() []Status { return []Status{Active, Inactive, Pending, Expired} }

// Status computes the label: paused is Inactive; activated is Active; a newest invitation that has run out is Expired;
// everything else is Pending. The SQL function user_status in migrations says the same.
func (f Facts) Status(now time.Time) Status {
	switch {
	case !f.Paused.IsZero():
		return Inactive
	case !f.Activated.IsZero():
		return Active
	case !f.Expires.IsZero() && !now.Before(f.Expires):
		return Expired
	default:
		return Pending
	}
}

// Begun tells whether the user has taken the invitation on. An organisation has no say in somebody's account before.
func (f Facts) Begun() bool { return !f.Started.IsZero() || !f.Registered.IsZero() }

// Complete tells whether every fact that Active needs has been recorded.
func (f Facts) Complete(policy TwoFactor) bool {
	return !f.Registered.IsZero() && !f.Accepted.IsZero() && (policy != TwoFactorRequired || !f.Secured.IsZero())
}

// Need is what a user needs of the identity's state in Kratos.
type Need string

// The needs, the stronger first: one identity can have several users.
const (
	NeedOn   Need = "on"   // may sign in
	NeedHeld Need = "held" // as Start left it: only the link switches on somebody who has not registered
	NeedOff  Need = "off"  // must not be able to sign in
)

// Need tells what a user with these facts needs: on when Active or registered, held while half-way and in time, off when
// paused, never started, or when the invitation ran out or was replaced before registration.
func (f Facts) Need(now time.Time) Need {
	switch f.Status(now) {
	case Active:
		return NeedOn
	case Inactive:
		return NeedOff
	case Pending, Expired:
	}
	switch {
	case !f.Registered.IsZero():
		return NeedOn
	case f.Status(now) == Pending && !f.Started.IsZero():
		return NeedHeld
	default:
		return NeedOff
	}
}
