package gate_test

import (
	"context"
	"slices"
	"sync"
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
	here      = extension.SessionID("2f8fad5b-d9cb-469f-a165-70867728950e")
	elsewhere = extension.SessionID("3f8fad5b-d9cb-469f-a165-70867728950e")
	cookie    = "the value of the session cookie"
	cookieKey = "kratos_session_of_this_test"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// rows stands for the database: the interface is the gate's own.
type rows struct {
	members []extension.Member
	terms   []extension.TermsID                        // current ones of organisations that the person is not paused in
	proofs  map[extension.SessionID][]extension.Factor // by session
	fails   map[string]error                           // by method

	open  []extension.OpenSettings // that were opened elsewhere
	after string                   // what is asked when a factor has just gone, with its proofs

	mu     sync.Mutex
	opened []extension.SessionID
	asked  []string
	proven []extension.Proof
	learnt []extension.Factor
}

func (r *rows) ask(part string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, part)
	if part == r.after {
		r.members, r.proofs = []extension.Member{member("east", active())}, nil
	}
	return r.fails[part]
}

func (r *rows) Members(_ context.Context, identity extension.IdentityID) ([]extension.Member, error) {
	err := r.ask("members")
	if identity != person {
		return nil, err
	}
	return r.members, err
}

func (r *rows) Entry(_ context.Context, identity extension.IdentityID, session extension.SessionID, slug string) (extension.Member, []extension.Factor, error) {
	if err := r.ask("entry"); err != nil {
		return extension.Member{}, nil, err
	}
	for _, m := range r.members {
		if identity == person && m.Organisation.Slug == slug {
			return m, r.proofs[session], nil
		}
	}
	return extension.Member{}, nil, extension.ErrNotFound
}

func (r *rows) CurrentTerms(_ context.Context, identity extension.IdentityID, terms extension.TermsID) (bool, error) {
	err := r.ask("terms")
	return slices.Contains(r.terms, terms) && identity == person, err
}

func (r *rows) Proofs(_ context.Context, session extension.SessionID) ([]extension.Factor, error) {
	err := r.ask("proofs")
	return r.proofs[session], err
}

func (r *rows) Prove(_ context.Context, proof extension.Proof) error {
	err := r.ask("prove")
	r.proven = append(r.proven, proof)
	return err
}

func (r *rows) LearnFactors(_ context.Context, _ extension.IdentityID, held []extension.Factor, _ time.Time) error {
	r.learnt = append(r.learnt, held...)
	return r.ask("learn factors")
}

func (r *rows) NoteOpening(_ context.Context, _ extension.IdentityID, session extension.SessionID) error {
	err := r.ask("note opening")
	r.opened = append(r.opened, session)
	return err
}

func (r *rows) OpenElsewhere(context.Context, extension.IdentityID, extension.SessionID) ([]extension.OpenSettings, error) {
	return r.open, r.ask("open elsewhere")
}

// sessions stands for Kratos' whoami, and for what it holds of an identity.
type sessions struct {
	held    []extension.Factor
	mark    extension.UserID
	silent  error // when asked for the identity
	session extension.Session
	err     error
	asked   []extension.Browser
	tokens  []string
}

func (s *sessions) Session(_ context.Context, browser extension.Browser) (extension.Session, error) {
	s.asked = append(s.asked, browser)
	return s.session, s.err
}

func (s *sessions) SessionOfToken(_ context.Context, token string) (extension.Session, error) {
	s.tokens = append(s.tokens, token)
	return s.session, s.err
}

func (s *sessions) Identity(_ context.Context, id extension.IdentityID) (extension.Identity, error) {
	return extension.Identity{ID: id, Mark: s.mark, Factors: s.held}, s.silent
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

// secured is a member who has proven these factors and accepts every way.
func secured(slug string, factors ...extension.Factor) extension.Member {
	m := member(slug, active())
	m.Organisation.TwoFactor, m.Organisation.Ways = extension.TwoFactorRequired, extension.Ways()
	m.User.Factors, m.User.Facts.Secured = factors, noon().Add(-time.Hour)
	return m
}

// proven is what the session of the tests was confirmed with.
func proven(kinds ...extension.Factor) map[extension.SessionID][]extension.Factor {
	return map[extension.SessionID][]extension.Factor{here: kinds}
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
