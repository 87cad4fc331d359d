package webhooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/webhooks"
)

func TestHooksBeforeSettingsOfBothVersionsAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]gate.Opening{
		"before.v1":  {Identity: invitee, Cookie: cookie},
		"before.v26": {Identity: invitee, Session: session},
	} {
		h := setup(&verbs{})
		status, body := h.ask(t, http.MethodPost, "/hooks/kratos/before", bearer, captured(t, name))
		if status != http.StatusNoContent || body != "" {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if diff := cmp.Diff([]gate.Opening{want}, h.verbs.openings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSettingsThatMustStayShutAreRefusedInWords(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{objection: &gate.Objection{ID: gate.ObjectionFactor, Sentence: "Confirm first."}})
	status, body := h.ask(t, http.MethodPost, "/hooks/kratos/before", bearer, captured(t, "before.v26"))
	if status != http.StatusBadRequest || !strings.Contains(body, `"instance_ptr":"#/"`) || !strings.Contains(body, "Confirm first.") {
		t.Errorf("%d %s", status, body)
	}
}

func TestLoginHooksOfBothVersionsAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, family := range []string{"v1", "v26"} {
		for _, method := range []string{"totp", "lookup_secret", "code"} {
			want := onboard.Witnessed{Identity: invitee, Session: session, Method: method, Codes: []string{}, Flow: "00000000-0000-4000-8000-000000000002"}
			if method == "code" {
				want.Codes = []string{"+4915112345678"}
			}
			h := setup(&verbs{})
			status, body := h.ask(t, http.MethodPost, "/hooks/kratos/login/"+method, bearer, captured(t, "login_"+method+"."+family))
			if status != http.StatusNoContent || body != "" {
				t.Errorf("%s of %s: %d %s", method, family, status, body)
			}
			if diff := cmp.Diff([]onboard.Witnessed{want}, h.verbs.witnessed); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", method, family, diff)
			}
		}
	}
}

func TestAnAttemptOnOurPagesIsNamedByItsTicketAndOneThatWasUsedIsRefusedInWords(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{err: fmt.Errorf("take a code: %w", extension.ErrCodeUsed)})
	body := strings.Replace(captured(t, "login_totp.v26"), `"ticket": null`, `"ticket": "of this attempt"`, 1)
	status, answer := h.ask(t, http.MethodPost, "/hooks/kratos/login/totp", bearer, body)
	if status != http.StatusBadRequest || !strings.Contains(answer, "was used a moment ago") || !strings.Contains(answer, "9000007") {
		t.Errorf("%d %s", status, answer)
	}
	if len(h.verbs.witnessed) != 1 || h.verbs.witnessed[0].Ticket != "of this attempt" {
		t.Errorf("witnessed %+v", h.verbs.witnessed)
	}
}

// A security key can also be the first step; it is no second factor then.
func TestTheFirstStepOfASignInIsNoSecondFactor(t *testing.T) {
	t.Parallel()
	for _, aal := range []string{`"aal1"`, `"aal0"`, `""`, `null`} {
		h := setup(&verbs{})
		body := strings.Replace(captured(t, "login_totp.v26"), `"aal2"`, aal, 1)
		for _, method := range webhooks.LoginMethods() {
			if status, answer := h.ask(t, http.MethodPost, "/hooks/kratos/login/"+method, bearer, body); status != http.StatusNoContent {
				t.Errorf("%s at %s: %d %s", method, aal, status, answer)
			}
		}
		if len(h.verbs.witnessed) != 0 {
			t.Errorf("%s: witnessed %+v", aal, h.verbs.witnessed)
		}
	}
}

func TestASessionIsNamedByAnIdOrNotAtAll(t *testing.T) {
	t.Parallel()
	for path, name := range map[string]string{
		"/hooks/kratos/guard/totp": "guard_profile.v26", "/hooks/kratos/before": "before.v26", "/hooks/kratos/login/totp": "login_totp.v26",
	} {
		h := setup(&verbs{})
		for _, id := range []string{"", "x", strings.ToUpper(string(session)), "' OR 1=1; --xxxxxxxxxxxxxxxxxxxxxxxxxx"} {
			body := strings.Replace(captured(t, name), string(session), id, 1)
			if status, answer := h.ask(t, http.MethodPost, path, bearer, body); status != http.StatusBadRequest {
				t.Errorf("%q at %s: %d %s", id, path, status, answer)
			}
		}
		if h.verbs.calls() != 0 {
			t.Errorf("%s: it was answered", path)
		}
	}
}

func TestAFlowWithMoreAddressesThanAnybodyHasIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{})
	one := `"+4915112345678"`
	body := strings.Replace(captured(t, "login_totp.v26"), `"codes": []`, `"codes": [`+strings.Repeat(one+",", 40)+one+`]`, 1)
	if status, answer := h.ask(t, http.MethodPost, "/hooks/kratos/login/code", bearer, body); status != http.StatusBadRequest || h.verbs.calls() != 0 {
		t.Errorf("%d %s", status, answer)
	}
}

func TestMessagesOfBothVersionsAreHandedOn(t *testing.T) {
	t.Parallel()
	for template, kind := range map[string]extension.NoticeKind{
		"login_code_valid": extension.NoticeSecondFactor, "recovery_code_valid": extension.NoticeRecovery, "verification_code_valid": extension.NoticeVerification,
	} {
		for _, family := range []string{"v1", "v26"} {
			h := setup(&verbs{})
			body := strings.Replace(captured(t, "courier_email."+family), "login_code_valid", template, 1)
			if status, answer := h.ask(t, http.MethodPost, "/hooks/kratos/courier", bearer, body); status != http.StatusNoContent || answer != "" {
				t.Errorf("%s of %s: %d %s", template, family, status, answer)
			}
			if len(h.verbs.notices) != 1 {
				t.Fatalf("%s of %s: %d notices", template, family, len(h.verbs.notices))
			}
			want := extension.Notice{Kind: kind, Address: "invitee@example.com", Code: "123456", Minutes: 15, Key: h.verbs.notices[0].Key}
			if diff := cmp.Diff(want, h.verbs.notices[0]); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", template, family, diff)
			}
		}
	}
}

// Kratos delivers at least once and gives no id.
func TestARepeatedMessageHasTheSameKeyAndNoOtherHas(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{})
	first := captured(t, "courier_email.v26")
	bodies := []string{
		first, first, strings.Replace(first, "123456", "123457", 1), strings.Replace(first, "invitee@", "other@", 1), strings.Replace(first, "login_", "recovery_", 1),
	}
	for _, body := range bodies {
		h.ask(t, http.MethodPost, "/hooks/kratos/courier", bearer, body)
	}
	keys := map[string]int{}
	for _, notice := range h.verbs.notices {
		keys[notice.Key]++
		if len(notice.Key) != 64 || strings.Contains(notice.Key, "123456") {
			t.Errorf("key %q", notice.Key)
		}
	}
	if len(keys) != 4 || keys[h.verbs.notices[0].Key] != 2 {
		t.Errorf("keys %v", keys)
	}
}

// Kratos asks again for whatever is refused, hundreds of times.
func TestMessagesThatCannotGoOutAreGivenUpAndLogged(t *testing.T) {
	t.Parallel()
	first := captured(t, "courier_email.v26")
	for name, c := range map[string]struct {
		old, new string
		calls    int
		err      error
	}{
		"another template": {old: "login_code_valid", new: "registration_code_valid"},
		"no template":      {old: `"login_code_valid"`, new: "null"},
		"a text message":   {old: `"email"`, new: `"sms"`},
		"no code":          {old: `"123456"`, new: `""`},
		"no address":       {old: `"invitee@example.com"`, new: "null"},
		"a long address":   {old: "invitee@", new: strings.Repeat("x", 300) + "@"},
		"refused":          {calls: 1, err: fmt.Errorf("mail a code: %w", onboard.ErrUndeliverable)},
	} {
		h := setup(&verbs{err: c.err})
		status, _ := h.ask(t, http.MethodPost, "/hooks/kratos/courier", bearer, strings.Replace(first, c.old, c.new, 1))
		if status != http.StatusNoContent || h.verbs.calls() != c.calls {
			t.Errorf("%s: %d, %d calls", name, status, h.verbs.calls())
		}
		if !strings.Contains(h.log.String(), "message given up") {
			t.Errorf("%s: the log does not tell: %s", name, h.log)
		}
		if strings.Contains(h.log.String(), "123456") || strings.Contains(h.log.String(), "invitee@") {
			t.Errorf("%s: the log says too much: %s", name, h.log)
		}
	}
}
