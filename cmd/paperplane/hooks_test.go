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

// The ids of what the guards object to; applications and pages choose words by them.
const (
	objectsPaused = 9000002
	objectsTerms  = 9000003
	objectsFactor = 9000004
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
		reports = slices.DeleteFunc(hooks.of(http.MethodPost, "/hooks/kratos/report/"), func(p passing) bool {
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
		all := hooks.of(http.MethodPost, path)
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

// TestGuards goes past Paperplane to Kratos' settings flow with sessions of users.
func TestGuards(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		admin := &checkpoint{}
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_KRATOS_ADMIN_URL="+admin.start(t, o.ports.kratosAdmin))
		})
		ada := s.administrator(t)
		inTurn(t,
			story{"a paused user whose session still lives is refused", func(t *testing.T) { s.refusesPaused(t, ada, admin) }},
			story{"a proven factor is protected from a session that knows the password alone", func(t *testing.T) { s.protectsFactor(t, ada) }},
			story{"strangers are let through", func(t *testing.T) {
				s.stranger(t, "guest@example.com")
				v := s.visitor(t)
				v.signIn(t, "guest@example.com", goodPassword)
				flow := v.beginsSettings(t)
				if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"email": "guest.moved@example.com"})}); status != http.StatusOK {
					t.Errorf("a stranger's change of address is answered with %d, %v", status, errors)
				}
			}},
			story{"other keys of the published metadata survive", func(t *testing.T) { s.keepsOtherMetadata(t, ada) }},
			story{"only the current terms can be accepted", func(t *testing.T) { s.refusesStaleTerms(t, ada) }},
		)
	})
}

// refusesPaused pauses somebody while Kratos' administration cannot be reached: the session lives on, and the guards obey
// our own setting.
func (s *testStack) refusesPaused(t *testing.T, ada *visitor, admin *checkpoint) {
	t.Helper()
	v := s.member(t, ada, "paused@example.com")
	flow := v.beginsSettings(t)
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete, http.MethodPut} {
		admin.refuse(method, "/admin/identities/")
	}
	ada.pauses(t, "paused@example.com").says(t, 200, "Ory Kratos could not be told yet; that goes on by itself.")
	if v.whoami(t) != http.StatusOK {
		t.Fatal("the session is gone: there is nothing left to guard")
	}
	v.open(t, "/next").says(t, 403, "Your access is paused", "Ask an administrator")
	for method, fields := range map[string]object{
		"profile":  {"traits": flow.traits(object{"name": object{"first": "Mallory", "last": "Sand"}})},
		"password": {"password": "another good password"},
	} {
		status, errors := flow.submit(t, method, fields)
		if status != http.StatusBadRequest || !slices.Contains(errors, objectsPaused) {
			t.Errorf("%s is answered with %d, %v", method, status, errors)
		}
	}
	admin.clear()
	id := s.user(t, "paused@example.com").Identity
	s.looksAgain(t)
	eventually(t, "Kratos is told as soon as it can be", func() bool { return v.whoami(t) == http.StatusUnauthorized && s.state(t, id) == "inactive" })
	if first := s.identity(t, id)["traits"].(object)["name"].(object)["first"]; first != "Robin" {
		t.Errorf("the name is %v", first)
	}
}

// protectsFactor enrols an authenticator app, then comes back with the password alone, as a thief of it would.
func (s *testStack) protectsFactor(t *testing.T, ada *visitor) {
	t.Helper()
	owner := s.member(t, ada, "factor@example.com")
	app := owner.enrols(t)
	eventually(t, "the factor is known", func() bool { return !s.user(t, "factor@example.com").Facts.Secured.IsZero() })
	mobile := s.user(t, "factor@example.com").Mobile

	thief := s.visitor(t)
	thief.signIn(t, "factor@example.com", goodPassword).says(t, 200, "You’re in")
	renamed := object{"first": "Mallory", "last": "Sand"}
	for name, change := range map[string]struct {
		method  string
		traits  object // of the profile
		fields  object // of other methods
		refused bool   // by our guard; otherwise Kratos does not offer it at all
	}{
		"the mobile":               {"profile", object{"phone": s.mobile()}, nil, true},
		"the mobile with the name": {"profile", object{"phone": s.mobile(), "name": renamed}, nil, true},
		"the mobile away":          {"profile", object{"phone": nil}, nil, true},
		"the app away":             {"totp", nil, object{"totp_unlink": true}, true},
		"the app for another":      {"totp", nil, object{"totp_code": "000000"}, true},
		"backup codes anew":        {"lookup_secret", nil, object{"lookup_secret_regenerate": true}, false},
		"backup codes in force":    {"lookup_secret", nil, object{"lookup_secret_confirm": true}, false},
		"backup codes open":        {"lookup_secret", nil, object{"lookup_secret_reveal": true}, false},
		"backup codes away":        {"lookup_secret", nil, object{"lookup_secret_disable": true}, false},
	} {
		t.Run("a thief puts "+name, func(t *testing.T) {
			flow := thief.beginsSettings(t)
			if change.traits != nil {
				change.fields = object{"traits": flow.traits(change.traits)}
			}
			status, errors := flow.submit(t, change.method, change.fields)
			if status < http.StatusBadRequest || change.refused != slices.Contains(errors, objectsFactor) {
				t.Errorf("answered with %d, %v", status, errors)
			}
			if aal := thief.aal(t); aal != "aal1" {
				t.Errorf("the session is %s now", aal)
			}
		})
	}
	if thief.confirms(t, object{"method": "totp", "totp_code": "000000"}) == http.StatusOK {
		t.Error("a wrong code was taken")
	}
	if phone := s.identity(t, s.user(t, "factor@example.com").Identity)["traits"].(object)["phone"]; phone != mobile {
		t.Errorf("the mobile is %v, was %s", phone, mobile)
	}

	if status := thief.confirms(t, object{"method": "totp", "totp_code": app.code(t)}); status != http.StatusOK { // no thief after all
		t.Fatalf("the right code is answered with %d", status)
	}
	flow := thief.beginsSettings(t)
	if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"phone": s.mobile()})}); status != http.StatusOK {
		t.Errorf("at aal2, changing the mobile is answered with %d, %v", status, errors)
	}
	if status, errors := flow.submit(t, "totp", object{"totp_unlink": true}); status != http.StatusOK {
		t.Errorf("at aal2, unlinking is answered with %d, %v", status, errors)
	}
	eventually(t, "the factor is gone", func() bool { return s.user(t, "factor@example.com").Facts.Secured.IsZero() })
}

// keepsOtherMetadata writes keys of another application's and lets Paperplane publish again.
func (s *testStack) keepsOtherMetadata(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invites(t, "metadata@example.com")
	id := s.user(t, "metadata@example.com").Identity
	s.change(t, id, "/metadata_public", object{"theme": "dark", "nested": object{"a": []any{1.0, "b"}}})
	s.change(t, id, "/metadata_admin/other", object{"plan": "gold"})
	s.visitor(t).joins(t, "metadata@example.com")
	check := func(when string) {
		t.Helper()
		identity := s.identity(t, id)
		public, _ := identity["metadata_public"].(object)
		if diff := cmp.Diff(object{"a": []any{1.0, "b"}}, public["nested"]); diff != "" || public["theme"] != "dark" {
			t.Errorf("%s, the public metadata is %v", when, public)
		}
		admin, _ := identity["metadata_admin"].(object)
		if diff := cmp.Diff(object{"paperplane": object{"user": string(s.user(t, "metadata@example.com").ID)}, "other": object{"plan": "gold"}}, admin); diff != "" {
			t.Errorf("%s, the administrators' metadata differs (-want +got):\n%s", when, diff)
		}
	}
	check("once Active")
	ada.pauses(t, "metadata@example.com")
	check("paused")
	public, _ := s.identity(t, id)["metadata_public"].(object)
	if diff := cmp.Diff(object{"organisations": []any{}}, public["paperplane"]); diff != "" {
		t.Errorf("published of somebody paused (-want +got):\n%s", diff)
	}
	ada.resumes(t, "metadata@example.com")
	check("resumed")
}

// refusesStaleTerms publishes new terms. It comes last: everybody has to accept them.
func (s *testStack) refusesStaleTerms(t *testing.T, ada *visitor) {
	t.Helper()
	other := s.foundSecond(t)
	ada.invites(t, "terms@example.com")
	v := s.visitor(t)
	shown := v.registers(t, v.starts(t, s.linkTo(t, "terms@example.com")))
	stale := s.terms(t)
	s.rows(t, `INSERT INTO terms (id, organisation_id, version, title, body, sha256, published_at)
		SELECT $1, organisation_id, version + 1, title, 'Be kind.', sha256, now() FROM terms WHERE id = $2`, extension.NewID[string](), stale)

	flow := v.beginsSettings(t)
	for name, version := range map[string]string{
		"the version before": stale, "an unknown version": extension.NewID[string](), "no version's id": "2026-11",
		"another organisation's version": string(other.Terms.ID),
	} {
		t.Run(name, func(t *testing.T) {
			status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"terms": s.accepting(version)})})
			if status != http.StatusBadRequest || !slices.Contains(errors, objectsTerms) {
				t.Errorf("answered with %d, %v", status, errors)
			}
		})
	}
	s.is(t, "terms@example.com", extension.Pending)

	again := v.press(t, shown, "I accept the terms and conditions")
	again.says(t, 422, "The terms have changed since you opened this page.", "Be kind.", "Version 2")
	v.press(t, again, "I accept the terms and conditions").says(t, 200, "You’re in")
	s.is(t, "terms@example.com", extension.Active)
	if version := s.identity(t, s.user(t, "terms@example.com").Identity)["traits"].(object)["terms"].(object)["version"]; version != s.terms(t) {
		t.Errorf("Kratos holds the version %v", version)
	}
	ada.open(t, "/o/harbour/users").says(t, 200, "Terms and conditions (EULA)", "Be kind.")
}
