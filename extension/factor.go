package extension

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Factor is a kind of second factor. NIST SP 800-63B-4 calls totp a multi-factor OTP or single-factor OTP authenticator
// (§3.1.4), sms a restricted out-of-band authenticator (§3.1.3.3) and does not allow email as one (§3.1.3.1): pages that
// offer email tell administrators so.
type Factor string

// The kinds.
const (
	FactorTOTP     Factor = "totp"     // an authenticator app (RFC 6238)
	FactorSMS      Factor = "sms"      // a code sent to the mobile
	FactorEmail    Factor = "email"    // a code sent to the email address
	FactorWebAuthn Factor = "webauthn" // a security key; only on an organisation's own pages
	// FactorRecovery is Kratos' lookup_secret: codes kept on paper. They stand in for a factor and are none themselves, so
	// they are never among what a user has proven.
	FactorRecovery Factor = "lookup_secret"
)

// KratosFactors lists the kinds that Kratos keeps as credentials, once each was proven, so that asking Kratos tells of
// them. The others are known from our own rows alone.
func KratosFactors() []Factor { return []Factor{FactorTOTP, FactorWebAuthn} }

// Ways lists the kinds that an organisation can allow, in the order in which pages offer them.
func Ways() []Factor { return []Factor{FactorTOTP, FactorSMS, FactorEmail} }

// ProvenFactor is a second factor that somebody has shown to hold.
type ProvenFactor struct {
	Kind    Factor
	Address string // of sms and email: where codes went when it was proven
	At      time.Time
}

// Reaches tells whether codes that go to an address now go where they went when the factor was proven, however it is
// spelled: Kratos lower-cases addresses, and a number can have been typed with spaces on pages that are not ours.
//
// A factor whose number has changed can be shown no more, and stays all the same until another takes its place: the account
// would otherwise be there for whoever knows the password, and sets up the next one sooner than its owner. Sessions that
// have shown it before can still do that.
func (f ProvenFactor) Reaches(address string) bool {
	switch f.Kind {
	case FactorSMS:
		return digits(f.Address) == digits(address)
	case FactorEmail:
		return strings.EqualFold(f.Address, address)
	case FactorTOTP, FactorWebAuthn, FactorRecovery:
	}
	return true
}

func digits(number string) string {
	return string(slices.DeleteFunc([]rune(number), func(r rune) bool { return r < '0' || r > '9' }))
}

// How often a code is sent to one identity by one way at most: every code is a text message to pay for, and a way to
// pester whoever holds the number.
const (
	CodePause      = time.Minute // between two codes
	CodeWindow     = time.Hour
	CodesPerWindow = 5
)

// CodesMustWait says why recovery codes cannot be made now (CodesWait).
const CodesMustWait = "Your settings were open in another browser a short while ago, without the second factor that you have now. Recovery codes can be made a quarter of an hour later: go on without them for now, and make them in your settings then."

// SettingsLifetime is how long a form of Kratos' settings lasts, by the configuration that it is given. It belongs to the
// identity and outlives the session that opened it.
const SettingsLifetime = 15 * time.Minute

// How many emails with a code to recover an account, or to confirm an address, go to one identity at most: anybody who knows
// the address can ask for them. There is no pause between two, because Kratos forgets the code before as soon as another is
// asked for, so that whoever presses twice would be left with none that works.
const (
	NoticeWindow     = time.Hour
	NoticesPerWindow = 5
)

// How many wrong codes are taken of one identity: by each way within a window, so that who has mistyped one way can take
// another, and by all ways together until the end. A guess at an app's code is right three times in a million (six digits,
// RFC 4226 §7.3, with the two steps beside the present one that Kratos takes). A pause alone would not do: at ten in a
// quarter of an hour somebody who has the password would be in within a year more often than not. So there is an end too:
// NIST SP 800-63B-4 §3.2.2 allows at most 100 wrong ones in a row. They leave a chance of three in ten thousand each time
// that the owner's own right code, or an administrator's reset, begins the count anew.
//
// Recovery codes are what is left to the owner when somebody else has used these up, so they have a limit of their own and
// are not among the hundred. They are eight of 36 characters, and a guess at twelve of them is right four times in a
// million million: at a hundred in a quarter of an hour, about once in sixty thousand years.
const (
	GuessWindow              = 15 * time.Minute // begins with the first wrong one
	GuessesPerWindow         = 10               // by one way, unless it is a recovery code
	RecoveryGuessesPerWindow = 100
	GuessesInARow            = 100 // by all ways together but recovery codes
)

// GuessesWithin is how many wrong codes by a way are taken within a GuessWindow.
func GuessesWithin(way Factor) int {
	if way == FactorRecovery {
		return RecoveryGuessesPerWindow
	}
	return GuessesPerWindow
}

// AppCodeTime is for how long a code of an authenticator app can be right: in its own 30 seconds, and in those before and
// after them, which Kratos takes too. It is taken once in that time (RFC 6238 §5.2).
const AppCodeTime = 90 * time.Second

// ErrPastPages says that a second step was taken at Kratos itself, where nobody counts wrong codes, and does not count.
var ErrPastPages = errors.New("second step taken past our pages")

// PastPages is what is said of ErrPastPages.
const PastPages = "This does not count here. Sign in and confirm on the pages of Paperplane."

// TicketField is the field of a submitted code that Kratos' hook hands back: it names the attempt.
const TicketField = "paperplane_ticket"

// ErrCodeUsed says that a code of an authenticator app was taken before, or may have been.
var ErrCodeUsed = errors.New("code used before")

// ErrCodeUnderWay is the ErrCodeUsed of a code that Kratos has been shown, and has not answered yet.
var ErrCodeUnderWay = fmt.Errorf("%w, or about to be", ErrCodeUsed)

// What is said of ErrCodeUsed: of a code that is known, and when one was taken that nobody here has seen.
const (
	CodeUsed     = "This code was used before. Wait for the next one."
	CodeUsedBlur = "A code of this authenticator app was used a moment ago. Wait a minute and a half, then enter the one that it shows."
)

// Guesses are by which ways no code of an identity's is looked at, after too many wrong ones.
type Guesses struct {
	Closed map[Factor]time.Time // until when
	Spent  bool                 // by none but recovery codes, as ErrGuessesSpent says
}

// SpentBy tells whether no code by a way is looked at until the count begins anew.
func (g Guesses) SpentBy(way Factor) bool { return g.Spent && way != FactorRecovery }

// ErrGuessesSpent says that GuessesInARow codes were wrong. A recovery code or a reset of the second factors opens the
// account's second step again.
var ErrGuessesSpent = errors.New("too many wrong codes in a row")

// Allows tells whether a factor is one that the organisation accepts. A security key is stronger than everything that can
// be chosen, so it always is.
func (o Organisation) Allows(factor Factor) bool {
	return factor == FactorWebAuthn || slices.Contains(o.Ways, factor)
}

// Confirmed tells whether a session that was proven with these kinds has shown a factor of the user's and, where required,
// one that the organisation accepts. A kind counts only if it is among the user's own factors, because Kratos sends a code
// to any address of theirs. A recovery code stands in for any of them.
func (m Member) Confirmed(proofs []Factor, required bool) bool {
	counts := func(factor Factor) bool { return !required || m.Organisation.Allows(factor) }
	for _, proof := range proofs {
		if proof == FactorRecovery && slices.ContainsFunc(m.User.Factors, counts) {
			return true
		}
		if slices.Contains(m.User.Factors, proof) && counts(proof) {
			return true
		}
	}
	return false
}

// Relies tells whether the organisation counts on a second factor of the user's: it requires one, and they hold one that it
// accepts.
func (m Member) Relies() bool {
	return m.Organisation.TwoFactor == TwoFactorRequired && m.User.Facts.Begun() && slices.ContainsFunc(m.User.Factors, m.Organisation.Allows)
}

// Unshown finds the member for whose organisation a session has yet to show a second factor before it may change what the
// account holds. False says that there is none: the identity has no factor, or one was shown that each organisation accepts
// which relies on one. The account is the same in all of them, so whoever could enter one by a weaker factor would
// otherwise put their own in the place of another's stronger one (NIST SP 800-63B-4 §4.1.2.1).
func Unshown(members []Member, proofs []Factor) (Member, bool) {
	if i := slices.IndexFunc(members, func(m Member) bool { return m.Relies() && !m.Confirmed(proofs, true) }); i >= 0 {
		return members[i], true
	}
	i := slices.IndexFunc(members, func(m Member) bool { return len(m.User.Factors) > 0 })
	if i < 0 || slices.ContainsFunc(members, func(m Member) bool { return m.Confirmed(proofs, false) }) {
		return Member{}, false
	}
	return members[i], true
}

// NewlyRelied tells whether an organisation would rely on a factor once these are added, and relies on none now.
func NewlyRelied(members []Member, added ...Factor) bool {
	return slices.ContainsFunc(members, func(m Member) bool {
		before := m.Relies()
		m.User.Factors = slices.Concat(m.User.Factors, added)
		return !before && m.Relies()
	})
}
