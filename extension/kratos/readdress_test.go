package kratos_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// madeFor makes an identity as an invitation of this user does.
func (s *stack) madeFor(t *testing.T, user extension.UserID) *person {
	t.Helper()
	p := &person{stack: s, address: address("Old.Address"), cookies: map[string]string{}}
	made, err := s.client.CreateIdentities(t.Context(), []extension.NewIdentity{{User: user, Address: p.address}})
	if err != nil || made[0].ID == "" {
		t.Fatalf("create: %v %+v", err, made)
	}
	p.identity = made[0].ID
	return p
}

// start goes on to the press of Start.
func (p *person) start(t *testing.T) {
	t.Helper()
	if err := p.client.Enable(t.Context(), p.identity, p.address); err != nil {
		t.Fatal(err)
	}
	p.admit(t)
}

func TestACorrectedAddressLeavesNothingOfWhoeverHadTheOldOne(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, user := t.Context(), extension.NewID[extension.UserID]()
			p := s.madeFor(t, user)
			p.start(t)
			_, reply, err := s.client.SubmitProfile(ctx, p.browser(), p.settings(t), extension.Traits{
				Email: p.address, FirstName: "Eve", LastName: "Dropper", Mobile: freshMobile(),
			})
			if err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			p.enrol(t)

			corrected := address("New.Address")
			for range 2 { // the second time it is there already
				made, err := s.client.Readdress(ctx, p.identity, user, corrected)
				if err != nil || made != (extension.Created{ID: p.identity}) {
					t.Fatalf("%+v, %v", made, err)
				}
			}
			if _, err := s.client.Session(ctx, p.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("the old session: %v", err)
			}
			raw := s.admin(t, http.MethodGet, "/admin/identities/"+string(p.identity)+"?include_credential=totp", nil)
			if diff := cmp.Diff(any(map[string]any{"email": corrected}), raw["traits"]); diff != "" {
				t.Errorf("traits (-want +got):\n%s", diff)
			}
			lower := strings.ToLower(corrected)
			for _, list := range []string{"verifiable_addresses", "recovery_addresses"} {
				addresses := raw[list].([]any)
				only := addresses[0].(map[string]any)
				if len(addresses) != 1 || only["value"] != lower || only["verified"] == true || only["status"] == "completed" || only["verified_at"] != nil {
					t.Errorf("%s: %v", list, addresses)
				}
			}
			credentials, _ := raw["credentials"].(map[string]any)
			if credentials["totp"] != nil {
				t.Errorf("the old app is still there: %v", credentials)
			}
			if _, err := s.client.FindByAddress(ctx, p.address); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("the old address: %v", err)
			}
			identity, err := s.client.FindByAddress(ctx, corrected)
			want := extension.Identity{ID: p.identity, Traits: extension.Traits{Email: corrected}, Active: true, Mark: user, Member: true}
			if diff := cmp.Diff(want, identity, unsaved()); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if err := s.client.Enable(ctx, p.identity, p.address); !errors.Is(err, extension.ErrConflict) {
				t.Errorf("enabled by the old address: %v", err)
			}

			// A link to the new address leads on as any other does.
			p = p.anotherBrowser()
			p.address = corrected
			p.start(t)
			form, reply, err := s.client.SubmitPassword(ctx, p.browser(), p.settings(t), password)
			if err != nil || form.Traits.Email != corrected {
				t.Fatalf("%+v, %v", form.Traits, err)
			}
			p.take(reply)
			if err := p.anotherBrowser().login(t, corrected, password); err != nil {
				t.Errorf("signing in: %v", err)
			}
		})
	}
}

func TestAnAddressIsCorrectedOnlyOnAnIdentityThatIsOursAndWithoutACredential(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, user := t.Context(), extension.NewID[extension.UserID]()
			registered := s.registered(t)
			identity, err := s.client.Identity(ctx, registered.identity)
			if err != nil {
				t.Fatal(err)
			}
			foreign := s.imported(t, map[string]any{"traits": map[string]any{"email": address("foreign")}})
			for name, c := range map[string]struct {
				id   extension.IdentityID
				user extension.UserID
				want error
			}{
				"registered":        {registered.identity, identity.Mark, extension.ErrConflict},
				"of another user":   {s.invited(t).identity, user, extension.ErrConflict},
				"not ours":          {foreign, user, extension.ErrConflict},
				"not ours, no user": {foreign, "", extension.ErrConflict},
				"gone":              {extension.NewID[extension.IdentityID](), user, extension.ErrNotFound},
			} {
				if made, err := s.client.Readdress(ctx, c.id, c.user, address("corrected")); !errors.Is(err, c.want) || made != (extension.Created{}) {
					t.Errorf("%s: %+v, %v", name, made, err)
				}
			}
			if _, err := s.client.Session(ctx, registered.browser()); err != nil {
				t.Errorf("the session of somebody who has registered: %v", err)
			}
		})
	}
}

func TestACorrectedAddressThatKratosDoesNotTakeChangesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, user := t.Context(), extension.NewID[extension.UserID]()
			p, other := s.madeFor(t, user), s.registered(t)
			if made, err := s.client.Readdress(ctx, p.identity, user, strings.ToUpper(other.address)); err != nil || made != (extension.Created{Conflict: true}) {
				t.Errorf("an address of somebody else: %+v, %v", made, err)
			}
			if made, err := s.client.Readdress(ctx, p.identity, user, "no address"); err != nil || made.Refused == "" || made.ID != "" {
				t.Errorf("no address: %+v, %v", made, err)
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || identity.Traits.Email != p.address {
				t.Errorf("afterwards: %+v, %v", identity, err)
			}
		})
	}
}

func TestAPasswordThatComesInBetweenKeepsTheOldAddress(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, user := t.Context(), extension.NewID[extension.UserID]()
			p := s.madeFor(t, user)
			p.start(t)
			form := p.settings(t)
			var patches atomic.Int32
			client, err := s.connect(tripper(func(r *http.Request) (*http.Response, error) {
				// As if the submit had been in flight: its session is still there when the address is about to be written.
				if r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/sessions") {
					return &http.Response{StatusCode: http.StatusNoContent, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
				}
				if r.Method == http.MethodPatch && patches.Add(1) == 1 {
					if _, _, err := s.client.SubmitPassword(ctx, p.browser(), form, password); err != nil {
						t.Errorf("the password in between: %v", err)
					}
				}
				return http.DefaultTransport.RoundTrip(r)
			}))
			if err != nil {
				t.Fatal(err)
			}
			if made, err := client.Readdress(ctx, p.identity, user, address("corrected")); !errors.Is(err, extension.ErrConflict) || made != (extension.Created{}) {
				t.Errorf("%+v, %v", made, err)
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || identity.Traits.Email != p.address || !identity.Registered {
				t.Errorf("afterwards: %+v, %v", identity, err)
			}
		})
	}
}

func TestACorrectedAddressThatKratosLosesIsTrouble(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, user := t.Context(), extension.NewID[extension.UserID]()
			p := s.madeFor(t, user)
			client, err := s.connect(tripper(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPatch {
					// As if a settings submit had written the identity back that it had read before.
					r = r.Clone(r.Context())
					r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0
				}
				return http.DefaultTransport.RoundTrip(r)
			}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Readdress(ctx, p.identity, user, address("corrected")); !errors.Is(err, extension.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
}
