package kratos_test

import (
	"errors"
	"net/http"
	"testing"

	"paperplane/extension"
)

func TestAllSessionsButTheKeptOnesEnd(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p, stranger := s.registered(t), s.registered(t)
			browsers := []*person{p, p.signedIn(t), p.signedIn(t), p.signedIn(t)}
			id := func(p *person) extension.SessionID {
				session, err := s.client.Session(ctx, p.browser())
				if err != nil {
					t.Fatal(err)
				}
				return session.ID
			}
			kept := []extension.SessionID{id(browsers[1]), id(browsers[3]), extension.NewID[extension.SessionID]()}
			for range 2 { // again changes nothing
				if err := s.client.EndSessionsBut(ctx, p.identity, kept); err != nil {
					t.Fatal(err)
				}
			}
			for i, browser := range append(browsers, stranger) {
				_, err := s.client.Session(ctx, browser.browser())
				if lives := i%2 == 1 || i == 4; lives != (err == nil) || !lives && !errors.Is(err, extension.ErrNoSession) {
					t.Errorf("session %d: %v", i, err)
				}
			}
			if err := s.client.EndSessionsBut(ctx, p.identity, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.client.Session(ctx, browsers[1].browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("with none to keep: %v", err)
			}
			for _, nobody := range []extension.IdentityID{p.identity, s.invited(t).identity, extension.NewID[extension.IdentityID]()} {
				if err := s.client.EndSessionsBut(ctx, nobody, kept); err != nil {
					t.Errorf("of somebody without sessions: %v", err)
				}
			}
		})
	}
}

// Kratos keeps sessions that have ended, and lists one page at a time.
func TestNoSessionHidesBehindAPageOfOthers(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.registered(t)
			for range 4 {
				p.signedIn(t)
			}
			kept, err := s.client.Session(t.Context(), p.browser())
			if err != nil {
				t.Fatal(err)
			}
			short, err := s.connect(tripper(func(r *http.Request) (*http.Response, error) {
				if query := r.URL.Query(); query.Has("page_size") {
					query.Set("page_size", "2")
					query.Set("per_page", "2")
					r = r.Clone(r.Context())
					r.URL.RawQuery = query.Encode()
				}
				return http.DefaultTransport.RoundTrip(r)
			}))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time, those that have ended come first
				if err := short.EndSessionsBut(t.Context(), p.identity, []extension.SessionID{kept.ID}); err != nil {
					t.Fatal(err)
				}
				if devices, err := s.client.Devices(t.Context(), p.browser()); err != nil || len(devices) != 1 {
					t.Fatalf("left: %+v, %v", devices, err)
				}
				p.signedIn(t)
			}
		})
	}
}

func TestASessionThatCannotBeEndedIsAnError(t *testing.T) {
	t.Parallel()
	s := kratoses[0]
	p := s.registered(t)
	failing, err := s.connect(tripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodDelete {
			return nil, errors.New("connection refused")
		}
		return http.DefaultTransport.RoundTrip(r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := failing.EndSessionsBut(t.Context(), p.identity, nil); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("ending: %v", err)
	}
	if _, err := s.client.Session(t.Context(), p.browser()); err != nil {
		t.Errorf("the session: %v", err)
	}
}
