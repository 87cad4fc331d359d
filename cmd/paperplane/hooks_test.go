package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// behindHooks starts a stack whose Kratos calls its hooks through a checkpoint.
func behindHooks(t *testing.T, binary string) (*testStack, *checkpoint) {
	t.Helper()
	hooks := &checkpoint{}
	s := startTestStack(t, binary, func(o *stackOptions) {
		o.settings = append(o.settings, "PAPERPLANE_INTERNAL_URL="+hooks.start(t, o.ports.internal))
	})
	return s, hooks
}

// TestReports loses, repeats and forges what Kratos reports.
func TestReports(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s, hooks := behindHooks(t, binary)
		ada := s.administrator(t)
		inTurn(t,
			story{"lost reports delay nobody who goes on", func(t *testing.T) {
				hooks.refuse(http.MethodPost, "/hooks/kratos/report/")
				defer hooks.clear()
				s.member(t, ada, "silent@example.com")
				s.is(t, "silent@example.com", extension.Active)
				s.published(t, "silent@example.com")
			}},
			story{"lost reports of somebody who went away are made up for", func(t *testing.T) {
				hooks.refuse(http.MethodPost, "/hooks/kratos/report/")
				defer hooks.clear()
				ada.invites(t, "away@example.com")
				v := s.visitor(t)
				terms := v.registers(t, v.starts(t, s.linkTo(t, "away@example.com")))
				accept := v.submission(t, terms, terms.formWith(t, "I accept the terms and conditions"))
				v.do(t, accept.WithContext(withoutRedirects(t.Context()))).says(t, http.StatusSeeOther)
				s.is(t, "away@example.com", extension.Pending)
				s.forgetsLook(t, "away@example.com")
				eventually(t, "the reconciliation finds the acceptance", func() bool { return s.status(t, "away@example.com") == extension.Active })
				s.published(t, "away@example.com")
			}},
			story{"a claim without evidence is asked for on our page", func(t *testing.T) {
				hooks.refuse(http.MethodPost, "/hooks/kratos/report/")
				defer hooks.clear()
				v := s.acceptsAtKratos(t, ada, "claim@example.com")
				s.forgetsLook(t, "claim@example.com")
				terms := v.open(t, "/next")
				terms.says(t, 200, "Terms and conditions (EULA)")
				s.is(t, "claim@example.com", extension.Pending)
				v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in")
			}},
			story{"a report alone turns the user Active", func(t *testing.T) {
				s.acceptsAtKratos(t, ada, "alone@example.com")
				eventually(t, "the report is heard", func() bool { return s.status(t, "alone@example.com") == extension.Active })
				s.published(t, "alone@example.com")
			}},
			story{"a report that comes again changes nothing", func(t *testing.T) { s.repeatsReports(t, ada, hooks) }},
			story{"hooks without the right key are refused", func(t *testing.T) { s.refusesKeys(t, hooks) }},
		)
	})
}

// acceptsAtKratos goes through registration on the pages and accepts the terms at Kratos itself.
func (s *testStack) acceptsAtKratos(t *testing.T, ada *visitor, address string) *visitor {
	t.Helper()
	ada.invites(t, address)
	v := s.visitor(t)
	v.registers(t, v.starts(t, s.linkTo(t, address)))
	flow := v.beginsSettings(t)
	if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"terms": s.accepting(s.terms(t))})}); status != http.StatusOK {
		t.Fatalf("accepting at Kratos answered %d, %v", status, errors)
	}
	return v
}

// forgetsLook makes it two minutes since Kratos was asked about a user.
func (s *testStack) forgetsLook(t *testing.T, address string) {
	t.Helper()
	s.rows(t, `UPDATE identities SET checked_at = clock_timestamp() - interval '2 minutes' WHERE id = $1`, s.user(t, address).Identity)
}

// accepting is the trait that accepts a version of the terms.
func (s *testStack) accepting(version string) object {
	return object{"version": version, "accepted_at": s.clock.now().UTC().Format(time.RFC3339)}
}

// terms is the current version of the demonstration organisation's terms.
func (s *testStack) terms(t *testing.T) string {
	t.Helper()
	return row[string](t, s, `SELECT t.id::text FROM terms t JOIN organisations o ON o.id = t.organisation_id
		WHERE o.slug = $1 ORDER BY t.version DESC LIMIT 1`, demoSlug)
}

// published fails the test unless Kratos soon tells applications where an Active user works, and the mark stands as it
// was.
func (s *testStack) published(t *testing.T, address string) {
	t.Helper()
	user := s.user(t, address)
	var identity object
	eventually(t, "something is published of "+address, func() bool {
		identity = s.identity(t, user.Identity)
		return identity["metadata_public"] != nil
	})
	public, _ := identity["metadata_public"].(object)
	want := object{"organisations": []any{object{
		"id": string(user.Organisation), "slug": demoSlug, "user": string(user.ID), "status": "Active",
		"assignments": []any{object{
			"area": object{"id": string(user.Assignments[0].Area.ID), "name": "North Pier"},
			"role": object{"id": string(user.Assignments[0].Role.ID), "name": "Carer"},
		}},
	}}}
	if diff := cmp.Diff(want, public["paperplane"]); diff != "" {
		t.Errorf("published of %s (-want +got):\n%s", address, diff)
	}
	if diff := cmp.Diff(object{"paperplane": object{"user": string(user.ID)}}, identity["metadata_admin"]); diff != "" {
		t.Errorf("the mark of %s (-want +got):\n%s", address, diff)
	}
}

// repeatsReports sends every report of somebody's again, in another order.
func (s *testStack) repeatsReports(t *testing.T, ada *visitor, hooks *checkpoint) {
	t.Helper()
	v := s.member(t, ada, "again@example.com")
	user := s.user(t, "again@example.com")
	var reports []passing
	eventually(t, "profile, password and acceptance are reported", func() bool {
		reports = slices.DeleteFunc(hooks.of("/hooks/kratos/report/"), func(p passing) bool {
			return !strings.Contains(p.body, string(user.Identity))
		})
		return len(reports) == 3
	})
	s.published(t, "again@example.com")
	identity, audited := cleanJSON(t, s.identity(t, user.Identity)), row[int](t, s, `SELECT count(*)::int FROM audit`)
	slices.Reverse(reports)
	for range 3 {
		for _, report := range reports {
			if status := s.report(t, report.path, report.header.Get("Authorization"), report.body); status != http.StatusNoContent {
				t.Errorf("%s again is answered with %d", report.path, status)
			}
		}
	}
	if diff := cmp.Diff(user, s.user(t, "again@example.com")); diff != "" {
		t.Errorf("the user has changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(identity, cleanJSON(t, s.identity(t, user.Identity))); diff != "" {
		t.Errorf("the identity has changed (-before +after):\n%s", diff)
	}
	if again := row[int](t, s, `SELECT count(*)::int FROM audit`); again != audited {
		t.Errorf("%d audit rows, want %d", again, audited)
	}
	if v.whoami(t) != http.StatusOK {
		t.Error("the session ended")
	}
}

// report posts to the internal listener.
func (s *testStack) report(t *testing.T, path, authorization, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.server.config.Internal.Listen+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	client := &http.Client{Timeout: recovery}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// refusesKeys replays the last report and the last guard with keys that are wrong, and wrong bodies with the right key.
func (s *testStack) refusesKeys(t *testing.T, hooks *checkpoint) {
	t.Helper()
	key := "Bearer " + s.server.config.Internal.HookKey.Reveal()
	for _, path := range []string{"/hooks/kratos/report/profile", "/hooks/kratos/guard/profile"} {
		all := hooks.of(path)
		genuine := all[len(all)-1]
		for name, wrong := range map[string]string{
			"none": "", "empty": "Bearer ", "another": "Bearer " + strings.Repeat("k", 52), "cut": key[:len(key)-1],
			"longer": key + "k", "without its scheme": strings.TrimPrefix(key, "Bearer "), "in another scheme": "Basic " + strings.TrimPrefix(key, "Bearer "),
		} {
			if status := s.report(t, path, wrong, genuine.body); status != http.StatusUnauthorized {
				t.Errorf("%s with the key %s is answered with %d", path, name, status)
			}
		}
		for name, body := range map[string]string{
			"nothing": "", "no object": "[]", "two objects": genuine.body + genuine.body,
			"more than we know": strings.Replace(genuine.body, "{", `{"more":1,`, 1),
			"no identity's id":  strings.ReplaceAll(genuine.body, identityIn(t, genuine.body), "x"),
		} {
			if status := s.report(t, path, key, body); status != http.StatusBadRequest {
				t.Errorf("%s with %s is answered with %d", path, name, status)
			}
		}
		unknown := strings.ReplaceAll(genuine.body, identityIn(t, genuine.body), extension.NewID[string]())
		if status := s.report(t, path, key, unknown); status != http.StatusNoContent {
			t.Errorf("%s about somebody unknown is answered with %d", path, status)
		}
	}
	for path, want := range map[string]int{"/hooks/kratos/report/nonsense": http.StatusNotFound, "/hooks/kratos/report/profile/": http.StatusNotFound} {
		if status := s.report(t, path, key, "{}"); status != want {
			t.Errorf("%s is answered with %d, want %d", path, status, want)
		}
	}
	// The public listener knows no hooks.
	v := s.visitor(t)
	request := v.request(t, http.MethodPost, "/hooks/kratos/report/profile", strings.NewReader("{}"))
	request.Header.Set("Origin", s.page(""))
	request.Header.Set("Authorization", key)
	v.do(t, request).says(t, http.StatusNotFound, "There is no such page")
}

// identityIn is the id of the identity that a hook's body is about.
func identityIn(t *testing.T, body string) string {
	t.Helper()
	var hook struct{ Identity struct{ ID string } }
	if err := json.Unmarshal([]byte(body), &hook); err != nil || hook.Identity.ID == "" {
		t.Fatalf("no identity in the body: %v", err)
	}
	return hook.Identity.ID
}
