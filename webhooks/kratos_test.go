package webhooks_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
)

// registered are the traits of the captured profile hooks.
func registered() extension.Traits {
	return extension.Traits{
		Email: "invitee@example.com", FirstName: "Ada", LastName: "Lovelace", Mobile: "+4915112345678",
		Terms: extension.AcceptedTerms{Version: "00000000-0000-4000-8000-000000000003", Accepted: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)},
	}
}

func TestGuardHooksOfBothVersionsAreUnderstood(t *testing.T) {
	t.Parallel()
	before := extension.Traits{Email: "invitee@example.com"}
	for name, want := range map[string]gate.Change{
		"guard_profile.v1":   {Method: extension.MethodProfile, Identity: invitee, Before: before, After: registered(), Cookie: cookie},
		"guard_profile.v26":  {Method: extension.MethodProfile, Identity: invitee, Before: before, After: registered(), Session: session},
		"guard_password.v1":  {Method: extension.MethodPassword, Identity: invitee, Before: before, After: before, Cookie: cookie},
		"guard_password.v26": {Method: extension.MethodPassword, Identity: invitee, Before: before, After: before, Session: session},
	} {
		h := setup(&verbs{})
		status, body := h.ask(t, http.MethodPost, "/hooks/kratos/guard/"+string(want.Method), bearer, captured(t, name))
		if status != http.StatusNoContent || body != "" {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if diff := cmp.Diff([]gate.Change{want}, h.verbs.changes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReportHooksOfBothVersionsAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"report_profile.v1", "report_profile.v26", "report_password.v1", "report_password.v26"} {
		h := setup(&verbs{})
		method, _, _ := strings.Cut(strings.TrimPrefix(name, "report_"), ".")
		status, body := h.ask(t, http.MethodPost, "/hooks/kratos/report/"+method, bearer, captured(t, name))
		if status != http.StatusNoContent || body != "" {
			t.Errorf("%s: %d %s", name, status, body)
		}
		want := []onboard.Report{{
			Identity: invitee, Evidence: onboard.Evidence{IP: "203.0.113.7", UserAgent: "Paperplane test browser"}, Method: extension.SettingsMethod(method),
			Change: method + " 00000000-0000-4000-8000-000000000002 2026-11-23T09:30:00Z",
		}}
		if diff := cmp.Diff(want, h.verbs.reports); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEveryUrlTellsItsMethod(t *testing.T) {
	t.Parallel()
	for _, method := range extension.SettingsMethods() {
		h := setup(&verbs{})
		if status, _ := h.ask(t, http.MethodPost, "/hooks/kratos/guard/"+string(method), bearer, captured(t, "guard_profile.v26")); status != http.StatusNoContent {
			t.Errorf("%s: %d", method, status)
		}
		if len(h.verbs.changes) != 1 || h.verbs.changes[0].Method != method || len(h.verbs.reports) != 0 {
			t.Errorf("%s became %+v", method, h.verbs.changes)
		}
		if status, _ := h.ask(t, http.MethodPost, "/hooks/kratos/report/"+string(method), bearer, captured(t, "report_profile.v26")); status != http.StatusNoContent {
			t.Errorf("report of %s: %d", method, status)
		}
		if len(h.verbs.reports) != 1 || len(h.verbs.changes) != 1 {
			t.Errorf("a report of %s became %+v", method, h.verbs)
		}
	}
}

// Kratos shows such an answer at the field, gives 400 to the browser and saves nothing.
func TestAnObjectionIsSaidInTheWordsOfAParseHook(t *testing.T) {
	t.Parallel()
	for pointer, objection := range map[string]gate.Objection{
		"#/traits/email":         {Trait: "email", ID: gate.ObjectionEmail, Sentence: "Your email address cannot be changed here."},
		"#/traits/terms/version": {Trait: "terms/version", ID: gate.ObjectionTerms, Sentence: "Old."},
		"#/traits/phone":         {Trait: "phone", ID: gate.ObjectionFactor, Sentence: "First \"confirm\" <it>."},
		"#/":                     {ID: gate.ObjectionPaused, Sentence: "Paused."},
	} {
		h := setup(&verbs{objection: &objection})
		status, body := h.ask(t, http.MethodPost, "/hooks/kratos/guard/profile", bearer, captured(t, "guard_profile.v26"))
		if status != http.StatusBadRequest {
			t.Errorf("%s: %d", pointer, status)
		}
		want := map[string]any{"messages": []any{map[string]any{
			"instance_ptr": pointer,
			"messages": []any{map[string]any{
				"id": float64(objection.ID), "text": objection.Sentence, "type": "error", "context": map[string]any{},
			}},
		}}}
		var got any
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v in %s", pointer, err, body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pointer, diff)
		}
		if !strings.Contains(body, `"id":900000`) {
			t.Errorf("%s: the id is no plain number in %s", pointer, body)
		}
	}
}

func TestIdentitiesOfOtherSchemasReachTheGuard(t *testing.T) {
	t.Parallel()
	foreign := []string{
		`{}`, `{"username":"ada"}`, `{"email":"ada@example.com","groups":["a","b"]}`, `{"email":{"work":"ada@example.com"}}`, `{"name":"Ada"}`,
		`{"terms":true}`, `{"terms":{"accepted_at":"yesterday"}}`, `{"phone":49151}`,
	}
	for _, traits := range foreign {
		h := setup(&verbs{})
		guard := `{"flow_id":"f","identity":{"id":"` + string(invitee) + `","state":"active","traits":` + traits + `},"previous_traits":` + traits + `,"session":null,"cookie":"c"}`
		if status, body := h.ask(t, http.MethodPost, "/hooks/kratos/guard/profile", bearer, guard); status != http.StatusNoContent {
			t.Errorf("guard of %s: %d %s", traits, status, body)
		}
		report := `{"flow_id":"f","identity":{"id":"` + string(invitee) + `","state":"active","traits":` + traits + `,"updated_at":"2026-11-23T09:30:00Z"},"previous_traits":` + traits + `,"aal":null,"user_agent":null,"client_ip":null}`
		if status, body := h.ask(t, http.MethodPost, "/hooks/kratos/report/profile", bearer, report); status != http.StatusNoContent {
			t.Errorf("report of %s: %d %s", traits, status, body)
		}
		if len(h.verbs.changes) != 1 || len(h.verbs.reports) != 1 {
			t.Errorf("%s reached %+v", traits, h.verbs)
		}
	}
}

func TestTraitsThatCannotBeReadAreMarkedAndNotGuessed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after string
		malformed     bool
	}{
		"both of ours":          {`{"email":"a@example.com"}`, `{"email":"a@example.com"}`, false},
		"more than ours":        {`{"email":"a@example.com","x":1}`, `{"email":"a@example.com","y":2}`, false},
		"empty ones":            {`{"name":{},"terms":{}}`, `{}`, false},
		"another shape before":  {`{"email":1}`, `{"email":"a@example.com"}`, true},
		"another shape after":   {`{"email":"a@example.com"}`, `{"email":["a@example.com"]}`, true},
		"a date that is none":   {`{}`, `{"terms":{"accepted_at":""}}`, true},
		"a list instead":        {`[]`, `{}`, true},
		"a text instead, after": {`{}`, `"a@example.com"`, true},
	} {
		h := setup(&verbs{})
		body := `{"identity":{"id":"` + string(invitee) + `","traits":` + c.after + `},"previous_traits":` + c.before + `}`
		h.ask(t, http.MethodPost, "/hooks/kratos/guard/profile", bearer, body)
		if len(h.verbs.changes) != 1 || (h.verbs.changes[0].Malformed != nil) != c.malformed {
			t.Errorf("%s: %+v", name, h.verbs.changes)
		}
	}
	h := setup(&verbs{})
	h.ask(t, http.MethodPost, "/hooks/kratos/guard/profile", bearer, `{"identity":{"id":"`+string(invitee)+`","traits":{}}}`)
	if len(h.verbs.changes) != 1 || h.verbs.changes[0].Malformed == nil {
		t.Errorf("without the traits before: %+v", h.verbs.changes)
	}
	want := gate.Change{Method: extension.MethodProfile, Identity: invitee}
	if diff := cmp.Diff(want, h.verbs.changes[0], cmpopts.IgnoreFields(gate.Change{}, "Malformed")); diff != "" {
		t.Errorf("without the traits before, something was guessed: %s", diff)
	}
}

// FuzzAHookIsUnderstoodOrRefused: whatever comes, the answer is one of two, and what reaches a verb names an identity.
func FuzzAHookIsUnderstoodOrRefused(f *testing.F) {
	for _, name := range []string{"guard_profile.v1", "guard_password.v26", "report_profile.v26", "courier_email.v26"} {
		f.Add(captured(f, name))
	}
	f.Add(`{"identity":{"id":"00000000-0000-4000-8000-000000000001"},"previous_traits":{}}}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		h := setup(&verbs{})
		for _, path := range []string{"/hooks/kratos/guard/profile", "/hooks/kratos/report/profile"} {
			before := h.verbs.calls()
			status, _ := h.ask(t, http.MethodPost, path, bearer, body)
			if status != http.StatusNoContent && status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d", path, status)
			}
			if got := h.verbs.calls() - before; (got == 1) != (status == http.StatusNoContent) {
				t.Errorf("%s: %d, and the verb was asked %d times", path, status, got)
			}
		}
		for _, change := range h.verbs.changes {
			if _, err := extension.ParseID[extension.IdentityID](string(change.Identity)); err != nil || !json.Valid([]byte(body)) {
				t.Errorf("%q was taken for %+v", body, change)
			}
		}
	})
}
