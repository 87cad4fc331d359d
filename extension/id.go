package extension

import (
	"crypto/rand"
	"encoding/hex"
)

// The identifiers are UUIDs in their canonical text form (RFC 9562 §4). Each kind has a type of its own, so that
// the compiler refuses one in the place of another.
type (
	// OrganisationID names a tenant.
	OrganisationID string
	// AreaID names a service area of one organisation.
	AreaID string
	// RoleID names a role of one organisation.
	RoleID string
	// UserID names one address in one organisation.
	UserID string
	// IdentityID is Kratos' own id of an identity.
	IdentityID string
	// SessionID is Kratos' own id of a session. It lets nobody in: the cookie does.
	SessionID string
	// BatchID names one press of Invite or of Resend.
	BatchID string
	// InvitationID names one link sent to one user. It is random and never guessable, because the link is built on it.
	InvitationID string
	// ChunkID names one call to the mail provider and is its idempotency key.
	ChunkID string
	// NewsID names one letter about changes of an account.
	NewsID string
	// TermsID names one immutable version of an organisation's EULA, unique across organisations.
	TermsID string
)

// NewID returns a random identifier: UUID version 4, 122 random bits (RFC 9562 §5.4).
func NewID[T ~string]() T {
	var b [16]byte
	rand.Read(b[:]) // documented never to fail: crypto/rand crashes the program instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	s[8] = '-'
	hex.Encode(s[9:13], b[4:6])
	s[13] = '-'
	hex.Encode(s[14:18], b[6:8])
	s[18] = '-'
	hex.Encode(s[19:23], b[8:10])
	s[23] = '-'
	hex.Encode(s[24:36], b[10:16])
	return T(s[:])
}

// ParseID checks that text is a UUID in canonical, lower-case form and returns it typed. Anything else is ErrNotFound:
// an id that cannot exist and one that does not are told apart nowhere.
func ParseID[T ~string](text string) (T, error) {
	if len(text) != 36 {
		return "", ErrNotFound
	}
	for i, c := range []byte(text) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return "", ErrNotFound
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return "", ErrNotFound
			}
		}
	}
	return T(text), nil
}
