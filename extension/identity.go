package extension

import (
	"net/http"
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
	Mark       UserID // the user it was made for, from metadata_admin; empty for identities that are not ours
	Registered bool   // holds a first-factor credential: a password, a passkey or a social sign-in
	Secured    bool   // holds a second factor that Kratos has seen proven: totp or webauthn
	TOTP       bool   // holds an authenticator app, which Kratos saves only once a code has proven it
	WebAuthn   bool   // holds a security key as second factor, proven likewise
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
// before there is a password.
type Session struct {
	Identity IdentityID
	Email    string
	AAL      AAL
}

// Browser is what a relay hands on from the person's browser to Kratos, so that Kratos sees the person and not us.
type Browser struct {
	Cookies   string // the Cookie header, Kratos' cookies only
	UserAgent string
	IP        string
}

// With returns the browser as it will be once it has taken the cookies of a reply, so that one request of the person's
// can make several calls to Kratos.
func (b Browser) With(reply Reply) Browser {
	if len(reply.SetCookies) == 0 {
		return b
	}
	sent, _ := http.ParseCookie(b.Cookies) // a header that does not parse holds no cookie of Kratos'
	jar := make(map[string]string, len(sent)+len(reply.SetCookies))
	var order []string
	put := func(name, value string) {
		if _, known := jar[name]; !known {
			order = append(order, name)
		}
		jar[name] = value
	}
	for _, c := range sent {
		put(c.Name, c.Value)
	}
	for _, line := range reply.SetCookies {
		if c, err := http.ParseSetCookie(line); err == nil {
			put(c.Name, c.Value)
		}
	}
	pairs := make([]string, 0, len(order))
	for _, name := range order {
		if jar[name] != "" {
			pairs = append(pairs, name+"="+jar[name])
		}
	}
	b.Cookies = strings.Join(pairs, "; ")
	return b
}

// Membership is one organisation's entry in an identity's published metadata.
type Membership struct {
	Organisation OrganisationID
	Slug         string
	User         UserID
	Status       Status
	Assignments  []Assignment
}
