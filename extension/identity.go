package extension

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Traits are what the identity schema holds. All of them are user-writable in Kratos while the session is privileged,
// so they are claims, never authority.
type Traits struct {
	Email     string
	FirstName string
	LastName  string
	Mobile    string // E.164
	Terms     AcceptedTerms
}

// AcceptedTerms is the claim of an acceptance in the traits.
type AcceptedTerms struct {
	Version  TermsID
	Accepted time.Time
}

// Identity is what Paperplane needs to know of a Kratos identity. Credentials are reduced to one yes or no at the border.
type Identity struct {
	ID         IdentityID
	Traits     Traits
	Active     bool
	Mark       UserID   // the user it was made for, from metadata_admin; empty for identities that are not ours
	Registered bool     // holds a first-factor credential: a password, a passkey or a social sign-in
	Factors    []Factor // those of KratosFactors that it holds
	Recovery   bool     // holds recovery codes (lookup_secret)
	Verified   bool     // its address is proven to be its holder's
	Member     bool     // follows our identity schema
	// Saved is when a credential of it was last written, by Kratos' clock; zero without any. v1.3.1 writes them all anew at
	// every change of the identity.
	Saved time.Time
}

// NewIdentity asks for one pre-created identity.
type NewIdentity struct {
	User    UserID
	Address string
}

// Created is what Kratos made of one NewIdentity: an id, or a conflict, or a refusal.
type Created struct {
	ID       IdentityID // set when made
	Conflict bool       // the address belongs to an identity already
	Refused  string     // Kratos' reason when it does not accept the address
}

// AAL is Kratos' authenticator assurance level of a session.
type AAL string

// The levels.
const (
	AAL1 AAL = "aal1"
	AAL2 AAL = "aal2"
)

// Session is a Kratos session. It does not mean that its identity has registered: after Start there is a session
// before there is a password. Its AAL is Kratos' word alone; what counts as a second factor is in our own proofs.
type Session struct {
	ID       SessionID
	Identity IdentityID
	Email    string
	AAL      AAL
}

// Proof says that we have witnessed a Kratos session being confirmed with a second factor.
type Proof struct {
	Session  SessionID
	Identity IdentityID
	Kind     Factor
	Address  string // of sms and email: where the code went
	At       time.Time
	Adds     bool // what it shows may become one more of the identity's own factors
}

// Browser is what a relay hands on from the person's browser to Kratos, so that Kratos sees the person and not us.
type Browser struct {
	Cookies   string // the Cookie header, Kratos' cookies only
	UserAgent string
	IP        string
}

// With returns the browser as it will be once it has taken the cookies of a reply, so that one request of the person's
// can make several calls to Kratos. A cookie that the reply ends or empties is gone (RFC 6265 §5.3); domain and path
// don't matter, because Kratos sets each of its names in one place only. Cookies that others have set for the same host
// go through as they are, however odd: they must not cost the person the session.
func (b Browser) With(reply Reply) Browser {
	if len(reply.SetCookies) == 0 {
		return b
	}
	var pairs []string
	for pair := range strings.SplitSeq(b.Cookies, ";") {
		if pair = strings.TrimSpace(pair); pair != "" {
			pairs = append(pairs, pair)
		}
	}
	now := time.Now() // as the browser does it: Kratos' times are never compared with an injected clock
	for _, line := range reply.SetCookies {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		pairs = slices.DeleteFunc(pairs, func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return name == c.Name
		})
		if c.Value != "" && !ended(c, now) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	b.Cookies = strings.Join(pairs, "; ")
	return b
}

// ended tells whether a Set-Cookie line takes its cookie away. Max-Age goes before Expires (RFC 6265 §5.3 step 3).
func ended(c *http.Cookie, now time.Time) bool {
	if c.MaxAge != 0 {
		return c.MaxAge < 0 // net/http's word for zero or less
	}
	return !c.Expires.IsZero() && !c.Expires.After(now)
}

// Membership is one organisation's entry in an identity's published metadata.
type Membership struct {
	Organisation OrganisationID
	Slug         string
	User         UserID
	Status       Status
	Assignments  []Assignment
}
