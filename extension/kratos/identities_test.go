package kratos_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"paperplane/extension"
)

// admin calls Kratos' administration API directly, for what Paperplane itself never does.
func (s *stack) admin(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	return fetch(t, method, s.server.AdminURL()+path, body)
}

// fetch calls Kratos without a client and without cookies.
func fetch(t *testing.T, method, target string, body any) map[string]any {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: status %d, %v, %v", method, target, response.StatusCode, answer, err)
	}
	return answer
}

// imported makes an identity that is not ours.
func (s *stack) imported(t *testing.T, body map[string]any) extension.IdentityID {
	t.Helper()
	body["schema_id"] = "member"
	return extension.IdentityID(s.admin(t, http.MethodPost, "/admin/identities", body)["id"].(string))
}

// unsaved compares identities whenever Kratos has written them.
func unsaved() cmp.Option { return cmpopts.IgnoreFields(extension.Identity{}, "Saved") }

func TestAnIdentityIsFoundByItsAddressInAnyCaseAndByNothingElse(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			mobile, mail := freshMobile(), address("Mixed.Case.İ")
			id := s.imported(t, map[string]any{"traits": map[string]any{"email": mail, "phone": mobile}})
			for _, spelling := range []string{mail, strings.ToUpper(mail), strings.ToLower(mail)} {
				found, err := s.client.FindByAddress(t.Context(), spelling)
				if err != nil || found.ID != id || found.Mark != "" || !found.Active {
					t.Errorf("%s: %+v, %v", spelling, found, err)
				}
			}
			for _, other := range []string{mobile, address("nobody"), "not an address", "%"} {
				if found, err := s.client.FindByAddress(t.Context(), other); !errors.Is(err, extension.ErrNotFound) {
					t.Errorf("%s: %+v, %v", other, found, err)
				}
			}
		})
	}
}

func TestRegisteredMeansACredentialThatSignsIn(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			cases := map[string]struct {
				credentials map[string]any
				want        bool
			}{
				"nothing":  {nil, false},
				"password": {map[string]any{"password": map[string]any{"config": map[string]any{"password": password}}}, true},
				"oidc": {map[string]any{"oidc": map[string]any{"config": map[string]any{"providers": []any{
					map[string]any{"subject": extension.NewID[string](), "provider": "example"},
				}}}}, true},
			}
			for name, c := range cases {
				mail := address(name)
				body := map[string]any{"traits": map[string]any{"email": mail}}
				if c.credentials != nil {
					body["credentials"] = c.credentials
				}
				id := s.imported(t, body)
				one, err := s.client.Identity(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				found, err := s.client.FindByAddress(t.Context(), mail)
				if err != nil {
					t.Fatal(err)
				}
				want := extension.Identity{ID: id, Traits: extension.Traits{Email: mail}, Active: true, Registered: c.want, Member: true}
				if diff := cmp.Diff([]extension.Identity{want, want}, []extension.Identity{one, found}, unsaved()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestEnableProvesTheAddressAndDisableEndsNothingButTheState(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.invited(t)
			for _, other := range []string{address("somebody.else"), strings.Replace(p.address, "s", "ſ", 1), ""} {
				if err := s.client.Enable(ctx, p.identity, other); !errors.Is(err, extension.ErrConflict) {
					t.Errorf("enable with %q: %v", other, err)
				}
			}
			if err := s.client.Enable(ctx, p.identity, strings.ToUpper(p.address)); err != nil {
				t.Fatal(err)
			}
			raw := s.admin(t, http.MethodGet, "/admin/identities/"+string(p.identity), nil)
			proven := raw["verifiable_addresses"].([]any)[0].(map[string]any)
			if raw["state"] != "active" || proven["verified"] != true || proven["status"] != "completed" || proven["verified_at"] == nil {
				t.Errorf("state %v, address %v", raw["state"], proven)
			}

			p.admit(t)
			if err := s.client.Disable(ctx, p.identity); err != nil {
				t.Fatal(err)
			}
			if _, err := s.client.Session(ctx, p.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("session of a disabled identity: %v", err)
			}
			if _, _, err := s.client.SettingsForm(ctx, p.browser(), ""); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("settings of a disabled identity: %v", err)
			}
			for range 2 { // the second time there is none left
				if err := s.client.EndSessions(ctx, p.identity); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.client.Enable(ctx, p.identity, p.address); err != nil {
				t.Fatal(err)
			}
			if _, err := s.client.Session(ctx, p.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("an ended session came back: %v", err)
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || identity.Mark == "" || identity.Traits.Email != p.address {
				t.Errorf("after all this: %+v, %v", identity, err)
			}
		})
	}
}

func TestAnUnknownIdentityIsNotFound(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, id := t.Context(), extension.NewID[extension.IdentityID]()
			_, read := s.client.Identity(ctx, id)
			_, published := s.client.Publish(ctx, id, nil)
			for name, err := range map[string]error{
				"read": read, "enable": s.client.Enable(ctx, id, "a@example.com"), "disable": s.client.Disable(ctx, id),
				"end sessions": s.client.EndSessions(ctx, id), "publish": published,
			} {
				if !errors.Is(err, extension.ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestPublishKeepsOtherMetadataAndWritesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			a, b := membership("b-slug", extension.Active), membership("a-slug", extension.Pending)
			for name, metadata := range map[string]any{"null": nil, "foreign keys": map[string]any{"tier": "gold", "nested": map[string]any{"n": 1}}} {
				body := map[string]any{"traits": map[string]any{"email": address("published")}}
				if metadata != nil {
					body["metadata_public"] = metadata
				}
				id := s.imported(t, body)
				read := func() (map[string]any, any) {
					raw := s.admin(t, http.MethodGet, "/admin/identities/"+string(id), nil)
					public, _ := raw["metadata_public"].(map[string]any)
					return public, raw["updated_at"]
				}
				if wrote, err := s.client.Publish(ctx, id, []extension.Membership{a, b}); err != nil || !wrote {
					t.Fatal(wrote, err)
				}
				public, updated := read()
				if want, _ := metadata.(map[string]any); want["tier"] != public["tier"] || (want == nil && len(public) != 1) || (want != nil && len(public) != 3) {
					t.Errorf("%s: metadata is %v", name, public)
				}
				organisations := public["paperplane"].(map[string]any)["organisations"].([]any)
				if len(organisations) != 2 {
					t.Fatalf("%s: %v", name, organisations)
				}
				// The other order says the same, so nothing is written.
				if wrote, err := s.client.Publish(ctx, id, []extension.Membership{b, a}); err != nil || wrote {
					t.Fatal(wrote, err)
				}
				if _, again := read(); again != updated {
					t.Errorf("%s: written again without a change", name)
				}
				b.Status = extension.Active
				if _, err := s.client.Publish(ctx, id, []extension.Membership{b}); err != nil {
					t.Fatal(err)
				}
				public, _ = read()
				want := map[string]any{"organisations": []any{map[string]any{
					"id": string(b.Organisation), "slug": "a-slug", "user": string(b.User), "status": "Active",
					"assignments": []any{map[string]any{
						"area": map[string]any{"id": string(b.Assignments[0].Area.ID), "name": "Ward <1>"},
						"role": map[string]any{"id": string(b.Assignments[0].Role.ID), "name": "Carer & Co"},
					}},
				}}}
				if diff := cmp.Diff(any(want), public["paperplane"]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				if _, err := s.client.Publish(ctx, id, nil); err != nil {
					t.Fatal(err)
				}
				public, _ = read()
				if diff := cmp.Diff(any(map[string]any{"organisations": []any{}}), public["paperplane"]); diff != "" {
					t.Errorf("%s, no membership (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestAProjectionThatKratosLosesIsWrittenAgain(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for lost, kept := range map[int32]bool{2: true, 3: false} {
				id := s.imported(t, map[string]any{"traits": map[string]any{"email": address("lost")}})
				var patches atomic.Int32
				client, err := s.connect(tripper(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodPatch && patches.Add(1) <= lost {
						// As if a settings submit had written the identity back that it had read before.
						r = r.Clone(r.Context())
						r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0
					}
					return http.DefaultTransport.RoundTrip(r)
				}))
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.Publish(t.Context(), id, []extension.Membership{membership("lost", extension.Active)})
				if (err == nil) != kept || (!kept && !errors.Is(err, extension.ErrUnavailable)) || patches.Load() != 3 {
					t.Errorf("%d updates lost: %v after %d patches", lost, err, patches.Load())
				}
			}
		})
	}
}

func membership(slug string, status extension.Status) extension.Membership {
	return extension.Membership{
		Organisation: extension.NewID[extension.OrganisationID](), Slug: slug, User: extension.NewID[extension.UserID](), Status: status,
		Assignments: []extension.Assignment{{
			Area: extension.ServiceArea{ID: extension.NewID[extension.AreaID](), Name: "Ward <1>"},
			Role: extension.Role{ID: extension.NewID[extension.RoleID](), Name: "Carer & Co", Right: extension.RightNone},
		}},
	}
}
