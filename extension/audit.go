package extension

import "time"

// Action names what an audit row records. Every change writes one in its own transaction.
type Action string

// The actions.
const (
	ActionOrganisationCreated Action = "organisation.created"
	ActionTermsPublished      Action = "terms.published"
	ActionBatchInvited        Action = "batch.invited"
	ActionBatchResent         Action = "batch.resent"
	ActionBatchReminded       Action = "batch.reminded"
	ActionBatchPaused         Action = "batch.paused"
	ActionBatchResumed        Action = "batch.resumed"
	ActionBatchCancelled      Action = "batch.cancelled"
	ActionBatchRescheduled    Action = "batch.rescheduled"
	ActionSendingChanged      Action = "organisation.sending_changed"
	ActionUserAssigned        Action = "user.assigned"
	ActionUserReaddressed     Action = "user.readdressed"
	ActionUserSuppressed      Action = "user.suppressed"
	ActionUserUnsuppressed    Action = "user.unsuppressed"
	ActionUserInvited         Action = "user.invited"
	ActionUserReminded        Action = "user.reminded"
	ActionUserLinked          Action = "user.linked"
	ActionUserStarted         Action = "user.started"
	ActionUserRegistered      Action = "user.registered"
	ActionUserAccepted        Action = "user.accepted"
	ActionUserActivated       Action = "user.activated"
	ActionUserPaused          Action = "user.paused"
	ActionUserResumed         Action = "user.resumed"
	ActionUserSwept           Action = "user.swept" // made inactive in Kratos after the invitation expired half-way
	ActionFactorProven        Action = "factor.proven"
	ActionFactorRemoved       Action = "factor.removed"
	ActionGuessesSpent        Action = "factor.guesses_spent" // too many wrong codes in a row: no more are looked at
	ActionFactorsReset        Action = "factors.reset"        // everything that somebody had proven is forgotten
	ActionMobileFreed         Action = "mobile.freed"         // a number was taken from an account that had not proven it
	ActionUserDeclined        Action = "user.declined"        // the terms
	ActionSecurityChanged     Action = "organisation.security_changed"
)

// Audit is one row of the audit: who did what to which user, when. It never holds a secret.
type Audit struct {
	At           time.Time
	Organisation OrganisationID
	Actor        string // the actor's name at that moment
	ActorUser    UserID // empty for jobs, webhooks and the command line
	Action       Action
	User         UserID // whom it is about; empty when it is about no single user
	Detail       string
}
