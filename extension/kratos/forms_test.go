package kratos_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// refusal returns the errors of a refused form.
func refusal(t *testing.T, err error) []extension.FieldMessage {
	t.Helper()
	var refused *extension.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("not refused: %v", err)
	}
	for _, message := range refused.Form.Messages {
		if message.ID == 1050001 {
			t.Errorf("a refused form says %q", message.Text)
		}
	}
	return refused.Form.Errors()
}

// ids keeps fields and message ids: the words differ between versions.
func ids(messages []extension.FieldMessage) map[string]int64 {
	found := map[string]int64{}
	for _, m := range messages {
		found[m.Field] = m.ID
	}
	return found
}

func TestAWrongPasswordAndAnUnknownAddressGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.registered(t).anotherBrowser()
			want := map[string]int64{"": 4000006}
			err := p.login(t, p.address, "wrong "+password)
			if diff := cmp.Diff(want, ids(refusal(t, err))); diff != "" {
				t.Errorf("wrong password (-want +got):\n%s", diff)
			}
			err = p.login(t, address("nobody"), password)
			if diff := cmp.Diff(want, ids(refusal(t, err))); diff != "" {
				t.Errorf("unknown address (-want +got):\n%s", diff)
			}
			err = p.login(t, "", "")
			if len(refusal(t, err)) == 0 {
				t.Error("nothing typed, and nothing said")
			}
			if err = p.login(t, strings.ToUpper(p.address), password); err != nil {
				t.Errorf("right password, address in capitals: %v", err)
			}
		})
	}
}

func TestADisabledIdentityIsToldSoAfterTheRightPasswordOnly(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.registered(t)
			if err := s.client.Disable(t.Context(), p.identity); err != nil {
				t.Fatal(err)
			}
			p = p.anotherBrowser()
			if err := p.login(t, p.address, password); !errors.Is(err, extension.ErrDisabled) {
				t.Errorf("right password: %v", err)
			}
			err := p.login(t, p.address, "wrong "+password)
			if diff := cmp.Diff(map[string]int64{"": 4000006}, ids(refusal(t, err))); diff != "" {
				t.Errorf("wrong password (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnUnknownWayOfSigningInIsInvalid(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{"magic", ""} {
				_, err := s.client.SubmitLogin(t.Context(), extension.Browser{}, "flow", map[string]string{"method": method, "password": password})
				var invalid *extension.InvalidError
				if !errors.As(err, &invalid) || strings.Contains(err.Error(), password) {
					t.Errorf("method %q: %v", method, err)
				}
			}
		})
	}
}

func TestAWeakPasswordIsRefusedAtItsField(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.started(t)
			for weak, id := range map[string]int64{"short": 4000032, p.address: 4000031, strings.Repeat("long", 20): 4000033} {
				form, reply, err := s.client.SettingsForm(t.Context(), p.browser(), "")
				if err != nil {
					t.Fatal(err)
				}
				p.take(reply)
				_, _, err = s.client.SubmitPassword(t.Context(), p.browser(), form, weak)
				if diff := cmp.Diff(map[string]int64{"password": id}, ids(refusal(t, err))); diff != "" {
					t.Errorf("%q (-want +got):\n%s", weak, diff)
				}
				if strings.Contains(err.Error(), weak) {
					t.Errorf("the error holds the password: %v", err)
				}
			}
			if identity, err := s.client.Identity(t.Context(), p.identity); err != nil || identity.Registered {
				t.Errorf("after refused passwords: %+v, %v", identity, err)
			}
		})
	}
}

func TestAMobileThatIsNoneOrTakenIsRefusedAndTheFormCanGoOn(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			taken := freshMobile()
			s.imported(t, map[string]any{"traits": map[string]any{"email": address("first"), "phone": taken}})
			p := s.started(t)
			form := p.settings(t)
			submit := func(mobile string) error {
				next, reply, err := s.client.SubmitProfile(t.Context(), p.browser(), form, extension.Traits{Email: p.address, FirstName: "Ada", Mobile: mobile})
				p.take(reply)
				if err == nil {
					form = next
				}
				return err
			}
			if err := submit(freshMobile()); err != nil {
				t.Fatal(err)
			}
			// v26 still holds "Your changes have been saved!" in the flow; refusal fails if it shows.
			invalid := map[string]int64{"traits.phone": map[string]int64{"v1": 4000001, "v26": 4000041}[s.family]}
			if diff := cmp.Diff(invalid, ids(refusal(t, submit("my number")))); diff != "" {
				t.Errorf("no number (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]int64{"": 4000007}, ids(refusal(t, submit(taken)))); diff != "" {
				t.Errorf("taken number (-want +got):\n%s", diff)
			}
			if err := submit(""); err != nil || form.Traits.Mobile != "" {
				t.Errorf("without a number: %+v, %v", form.Traits, err)
			}
			if errs := form.Errors(); len(errs) > 0 {
				t.Errorf("a form that was taken still shows %+v", errs)
			}
			if diff := cmp.Diff(extension.Traits{Email: p.address, FirstName: "Ada"}, p.settings(t).Traits); diff != "" {
				t.Errorf("traits in the end (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheSettingsFormHasEveryNodeInPlainWords(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.started(t)
			nodes := map[string]extension.Node{}
			for _, node := range p.settings(t).Nodes {
				if len(node.Messages) > 0 {
					t.Errorf("%s has messages: %+v", node.Name, node.Messages)
				}
				nodes[node.Name] = node
			}
			wanted := []extension.Node{
				{Group: "profile", Kind: "input", Type: "email", Name: "traits.email", Value: p.address, Label: "Email address", Required: true, Complete: "email"},
				{Group: "profile", Kind: "input", Type: "text", Name: "traits.name.first", Label: "First name"},
				{Group: "profile", Kind: "input", Type: "text", Name: "traits.name.last", Label: "Last name"},
				{Group: "profile", Kind: "input", Type: "tel", Name: "traits.phone", Label: "Mobile number", Complete: "tel"},
				{Group: "password", Kind: "input", Type: "password", Name: "password", Label: "Password", Required: true, Complete: "new-password"},
			}
			for _, want := range wanted {
				got := nodes[want.Name]
				if want.Complete == "" {
					got.Complete = ""
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", want.Name, diff)
				}
			}
			for name, kind := range map[string]string{"totp_qr": "img", "totp_secret_key": "text", "csrf_token": "input", "totp_code": "input"} {
				if node := nodes[name]; node.Kind != kind || (kind != "input" && node.Value == "") {
					t.Errorf("%s: %+v", name, node)
				}
			}
			if !strings.HasPrefix(nodes["totp_qr"].Value, "data:image/png;base64,") {
				t.Errorf("the picture is %.40q", nodes["totp_qr"].Value)
			}
		})
	}
}

func TestFlowsOfOthersAndUnknownOnesHaveExpired(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			mine, theirs := s.started(t), s.started(t)
			form := theirs.settings(t)
			unknown := extension.NewID[string]()
			_, _, otherSettings := s.client.SettingsForm(ctx, mine.browser(), form.ID)
			_, _, otherSubmit := s.client.SubmitPassword(ctx, mine.browser(), form, password)
			_, _, unknownSettings := s.client.SettingsForm(ctx, mine.browser(), unknown)
			_, _, unknownSubmit := s.client.SubmitPassword(ctx, mine.browser(), extension.Form{ID: unknown}, password)
			_, _, noToken := s.client.SubmitPassword(ctx, theirs.browser(), extension.Form{ID: form.ID}, password)

			visitor := mine.anotherBrowser()
			login, _, err := s.client.LoginForm(ctx, visitor.browser(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			_, _, unknownLogin := s.client.LoginForm(ctx, visitor.browser(), unknown, "")
			// The visitor did not take the cookie of the form's token.
			_, noCookie := s.client.SubmitLogin(ctx, visitor.browser(), login.ID, map[string]string{"identifier": mine.address, "password": password})
			for name, err := range map[string]error{
				"other's settings": otherSettings, "submit to other's settings": otherSubmit, "unknown settings": unknownSettings,
				"submit to unknown settings": unknownSubmit, "submit without token": noToken,
				"unknown sign-in": unknownLogin, "sign-in without cookie": noCookie,
			} {
				if !errors.Is(err, extension.ErrFlowExpired) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestWithoutASessionThereIsNone(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			for _, cookies := range []string{"", "other=1", "ory_kratos_session=forged", "ory_kratos_session=; \x00broken"} {
				browser := extension.Browser{Cookies: cookies}
				_, session := s.client.Session(ctx, browser)
				_, _, settings := s.client.SettingsForm(ctx, browser, "")
				_, logout := s.client.Logout(ctx, browser)
				for name, err := range map[string]error{"session": session, "settings": settings, "sign out": logout} {
					if !errors.Is(err, extension.ErrNoSession) {
						t.Errorf("%s with cookies %q: %v", name, cookies, err)
					}
				}
			}
			// A session that ends while its form is open.
			p := s.started(t)
			form := p.settings(t)
			if err := s.client.EndSessions(ctx, p.identity); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.client.SubmitPassword(ctx, p.browser(), form, password); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("submit after the session ended: %v", err)
			}
		})
	}
}
