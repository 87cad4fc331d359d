package kratos_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// update rewrites the captured hook bodies: go test ./extension/kratos -update, with KRATOS_BIN set.
var update = flag.Bool("update", false, "rewrite webhooks/testdata from what Kratos sends")

func TestAGuardRefusesAChangeOfTheAddress(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.started(t)
			s.hooks.answer(p.identity, http.StatusBadRequest, `{"messages":[{"instance_ptr":"#/traits/email","messages":[
				{"id":9000001,"text":"The address cannot be changed.","type":"error","context":{}}]}]}`)
			form := p.settings(t)
			stolen := extension.Traits{Email: address("thief"), FirstName: "Eve"}
			_, _, err := s.client.SubmitProfile(t.Context(), p.browser(), form, stolen)
			want := []extension.FieldMessage{{Field: "traits.email", Message: extension.Message{ID: 9000001, Text: "The address cannot be changed.", Error: true}}}
			if diff := cmp.Diff(want, refusal(t, err)); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
			if identity, err := s.client.Identity(t.Context(), p.identity); err != nil || identity.Traits != (extension.Traits{Email: p.address}) {
				t.Errorf("after the refusal: %+v, %v", identity, err)
			}
			guard := s.hooks.of(p.identity, "/kratos/guard/profile")
			if len(guard) != 1 || guard[0].key != hooksKey {
				t.Fatalf("the guard was asked %d times: %+v", len(guard), guard)
			}
			if reports := s.hooks.of(p.identity, "/kratos/report/profile"); len(reports) > 0 {
				t.Errorf("a refused change was reported: %+v", reports)
			}
		})
	}
}

func TestAGuardForTheFormAsAWholeRefusesAPassword(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.started(t)
			s.hooks.answer(p.identity, http.StatusForbidden, `{"messages":[{"instance_ptr":"#/","messages":[
				{"id":9000002,"text":"Your access is switched off.","type":"error","context":{}}]}]}`)
			_, _, err := s.client.SubmitPassword(t.Context(), p.browser(), p.settings(t), password)
			if diff := cmp.Diff(map[string]int64{"": 9000002}, ids(refusal(t, err))); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
			if identity, err := s.client.Identity(t.Context(), p.identity); err != nil || identity.Registered {
				t.Errorf("after the refusal: %+v, %v", identity, err)
			}
		})
	}
}

func TestAGuardThatIsDownIsTroubleAndNothingIsSaved(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.started(t)
			s.hooks.answer(p.identity, http.StatusServiceUnavailable, `{}`)
			_, _, err := s.client.SubmitPassword(t.Context(), p.browser(), p.settings(t), password)
			if !errors.Is(err, extension.ErrUnavailable) {
				t.Errorf("submit: %v", err)
			}
			if identity, err := s.client.Identity(t.Context(), p.identity); err != nil || identity.Registered {
				t.Errorf("after the trouble: %+v, %v", identity, err)
			}
		})
	}
}

func TestEveryKindOfHookSaysWhatWasCaptured(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.started(t)
			form := p.settings(t)
			traits := extension.Traits{
				Email: p.address, FirstName: "Ada", LastName: "Lovelace", Mobile: freshMobile(),
				Terms: extension.AcceptedTerms{Version: extension.NewID[extension.TermsID](), Accepted: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)},
			}
			known := map[string]string{
				p.address: "invitee@example.com", traits.Mobile: "+4915112345678",
				string(p.identity): "00000000-0000-4000-8000-000000000001", form.ID: "00000000-0000-4000-8000-000000000002",
				string(traits.Terms.Version): "00000000-0000-4000-8000-000000000003",
			}
			check := func(method string) {
				known[p.cookies["ory_kratos_session"]] = "the value of the session cookie"
				for _, kind := range []string{"guard", "report"} {
					path := "/kratos/" + kind + "/" + method
					eventually(t, path+" is told", func() bool { return len(s.hooks.of(p.identity, path)) == 1 })
					call := s.hooks.of(p.identity, path)[0]
					if call.key != hooksKey {
						t.Errorf("%s: key %q", path, call.key)
					}
					checkSecrets(t, path, s.family, p, call.raw)
					compare(t, kind+"_"+method+"."+s.family+".json", call.body, known)
				}
			}
			_, reply, err := s.client.SubmitPassword(t.Context(), p.browser(), form, password)
			if err != nil {
				t.Fatal(err)
			}
			check("password")
			p.take(reply)
			if _, _, err := s.client.SubmitProfile(t.Context(), p.browser(), form, traits); err != nil {
				t.Fatal(err)
			}
			check("profile")
		})
	}
}

// checkSecrets fails when a body holds a cookie that it must not hold: only a guard of v1, which does not say whose
// session it is, has Kratos' session cookie.
func checkSecrets(t *testing.T, path, family string, p *person, body string) {
	t.Helper()
	for name, value := range p.cookies {
		allowed := name == "ory_kratos_session" && family == "v1" && strings.HasPrefix(path, "/kratos/guard/")
		if strings.Contains(body, value) != allowed {
			t.Errorf("%s: the cookie %s is there: %v, want %v", path, name, !allowed, allowed)
		}
	}
	for _, never := range []string{"self-service", "csrf", "recovery", password} {
		if strings.Contains(body, never) {
			t.Errorf("%s holds %q: %s", path, never, body)
		}
	}
}

// compare holds a body against the captured one, after everything that differs from run to run was given a fixed name.
func compare(t *testing.T, name string, body map[string]any, known map[string]string) {
	t.Helper()
	got, err := json.MarshalIndent(steady("", body, known), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("..", "..", "webhooks", "testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(string(want), string(got)))
	}
}

// steady replaces what differs from run to run: known values, and times and ids that only Kratos knows.
func steady(key string, value any, known map[string]string) any {
	switch value := value.(type) {
	case map[string]any:
		all := make(map[string]any, len(value))
		for k, v := range value {
			all[k] = steady(k, v, known)
		}
		return all
	case []any:
		all := make([]any, len(value))
		for i, v := range value {
			all[i] = steady(key, v, known)
		}
		return all
	case string:
		if name, ok := known[value]; ok {
			return name
		}
		if _, err := time.Parse(time.RFC3339, value); err == nil && key == "updated_at" {
			return "2026-11-23T09:30:00Z"
		}
		if _, err := extension.ParseID[string](value); err == nil {
			return "00000000-0000-4000-8000-00000000000f"
		}
	}
	return value
}
