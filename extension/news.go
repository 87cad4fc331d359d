package extension

import (
	"errors"
	"time"
)

// News is a letter that tells somebody what has changed about the way into their account, so that they hear of it who did
// not do it themselves (OWASP Multifactor Authentication Cheat Sheet, "Changing MFA Factors"; NIST SP 800-63B-4 §4.1 and
// §4.2). It holds no code, and no link that signs in.
type News struct {
	ID           NewsID // the same for every attempt to send it
	Identity     IdentityID
	Address      string
	Language     string // BCP 47, of the reader's organisation; empty when they have several that differ
	Organisation string // its name; empty when they have several
	Contact      string // RFC 5322 mailbox whom to ask there; empty when there is none, or several organisations
	Settings     string // the page of their account
	Changes      []AccountChange
}

// AccountChange is one thing that has changed about an account, or has let somebody in, at a moment.
type AccountChange struct {
	Kind    ChangeKind
	Factor  Factor // of ChangeAdded and ChangeRemoved; FactorRecovery for recovery codes
	Address string // of ChangeMobileFreed, and of FactorSMS and FactorEmail: where codes went; masked in News
	At      time.Time
}

// ChangeKind is what has changed about an account.
type ChangeKind string

// The kinds.
const (
	ChangeAdded       ChangeKind = "added"
	ChangeRemoved     ChangeKind = "removed"
	ChangeReset       ChangeKind = "reset"        // an administrator has taken all second factors away
	ChangeMobileFreed ChangeKind = "mobile_freed" // an administrator has taken the number away
	ChangePassword    ChangeKind = "password"     // it was set anew
	ChangeSignIns     ChangeKind = "sign_ins"     // a social sign-in or a passkey was added or removed
	ChangeRecovered   ChangeKind = "recovered"    // a recovery code was used in the place of a second factor
)

// ErrRefused says that a letter was refused for good, so that the same one would be again. It says no more: what a provider
// says of an address quotes it.
var ErrRefused = errors.New("it was refused for good")

// NewsFor is for how long it is tried to send news, from the first attempt on: as long as an invitation to somebody whom the
// mail server puts off.
const NewsFor = PutOffFor
