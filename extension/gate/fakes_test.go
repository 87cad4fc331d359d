package gate_test

import (
	"context"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/gate"
)

const (
	person    = extension.IdentityID("0f8fad5b-d9cb-469f-a165-70867728950e")
	stranger  = extension.IdentityID("1f8fad5b-d9cb-469f-a165-70867728950e")
	current   = extension.TermsID("00000000-0000-4000-8000-000000000002")
	stale     = extension.TermsID("00000000-0000-4000-8000-000000000001")
	cookie    = "the value of the session cookie"
	cookieKey = "kratos_session_of_this_test"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// rows stands for the database: the interface is the gate's own.
type rows struct {
	members []extension.Member
	terms   []extension.TermsID // current ones of organisations that the person is not paused in
	proven  bool
	proofs  []extension.Factor
	fails   map[string]error // by method
	asked   []string
}

func (r *rows) Members(_ context.Context, identity extension.IdentityID) ([]extension.Member, error) {
	r.asked = append(r.asked, "members")
	if identity != person {
		return nil, r.fails["members"]
	}
	return r.members, r.fails["members"]
}

func (r *rows) CurrentTerms(_ context.Context, identity extension.IdentityID, terms extension.TermsID) (bool, error) {
	r.asked = append(r.asked, "terms")
	for _, id := range r.terms {
		if id == terms && identity == person {
			return true, r.fails["terms"]
		}
	}
	return false, r.fails["terms"]
}

func (r *rows) ProvenFactor(_ context.Context, identity extension.IdentityID) (bool, error) {
	r.asked = append(r.asked, "factor")
	return r.proven && identity == person, r.fails["factor"]
}

func (r *rows) Proofs(context.Context, extension.SessionID) ([]extension.Factor, error) {
	r.asked = append(r.asked, "proofs")
	return r.proofs, r.fails["proofs"]
}

// sessions stands for Kratos' whoami.
type sessions struct {
	session extension.Session
	err     error
	asked   []extension.Browser
}

func (s *sessions) Session(_ context.Context, browser extension.Browser) (extension.Session, error) {
	s.asked = append(s.asked, browser)
	return s.session, s.err
}

func member(slug string, facts extension.Facts) extension.Member {
	id := extension.OrganisationID(slug)
	return extension.Member{
		Organisation: extension.Organisation{ID: id, Slug: slug, Name: slug, TwoFactor: extension.TwoFactorOff},
		User: extension.User{
			ID: extension.UserID("user of " + slug), Organisation: id, Identity: person, Facts: facts,
			FirstName: "Ada", LastName: "Lovelace", Mobile: "+4915112345678",
		},
	}
}

func active() extension.Facts {
	then := noon().Add(-time.Hour)
	return extension.Facts{Invited: then, Started: then, Registered: then, Accepted: then, Activated: then}
}

func paused() extension.Facts {
	f := active()
	f.Paused = noon().Add(-time.Minute)
	return f
}

func traits() extension.Traits {
	return extension.Traits{
		Email: "ada@example.com", FirstName: "Ada", LastName: "Lovelace", Mobile: "+4915112345678",
		Terms: extension.AcceptedTerms{Version: stale, Accepted: noon().Add(-time.Hour)},
	}
}

func newGate(t *testing.T, r *rows, s *sessions) *gate.Gate {
	t.Helper()
	return gate.New(r, s, cookieKey, noon)
}
