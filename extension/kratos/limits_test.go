package kratos_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"paperplane/extension"
)

// TestShortLivesAndAnOlderWayOfMovingOn uses a Kratos whose flows and privileged sessions end after a second and that
// answers a recovery with 422 instead of continue_with, as it does unless it is told otherwise.
func TestShortLivesAndAnOlderWayOfMovingOn(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			own := s.special(t, func(file map[string]any) {
				delete(file, "feature_flags")
				flow(file, "settings")["lifespan"] = "2s"
				flow(file, "settings")["privileged_session_max_age"] = "1s"
				flow(file, "login")["lifespan"] = "1s"
			})
			p := own.invited(t)
			if err := own.client.Enable(t.Context(), p.identity, p.address); err != nil {
				t.Fatal(err)
			}
			page, err := url.Parse(p.admit(t).ReturnTo)
			if err != nil || page.Path != "/settings" || page.Query().Get("flow") == "" {
				t.Errorf("admitted to %v, %v", page, err)
			}

			form := p.settings(t)
			eventually(t, "the session is too old for a password", func() bool {
				form := p.settings(t)
				_, _, err := own.client.SubmitPassword(t.Context(), p.browser(), form, "short")
				return errors.Is(err, extension.ErrStaleSession)
			})
			eventually(t, "the settings flow expires", func() bool {
				_, _, err := own.client.SettingsForm(t.Context(), p.browser(), form.ID)
				return errors.Is(err, extension.ErrFlowExpired)
			})
			if _, _, err := own.client.SubmitPassword(t.Context(), p.browser(), form, password); !errors.Is(err, extension.ErrFlowExpired) {
				t.Errorf("submit to the expired settings flow: %v", err)
			}

			visitor := p.anotherBrowser()
			login, reply, err := own.client.LoginForm(t.Context(), visitor.browser(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			visitor.take(reply)
			eventually(t, "the sign-in flow expires", func() bool {
				_, _, err := own.client.LoginForm(t.Context(), visitor.browser(), login.ID, "")
				return errors.Is(err, extension.ErrFlowExpired)
			})
			_, err = own.client.SubmitLogin(t.Context(), visitor.browser(), login.ID, map[string]string{
				"csrf_token": login.Hidden("csrf_token"), "identifier": p.address, "password": password,
			})
			if !errors.Is(err, extension.ErrFlowExpired) {
				t.Errorf("submit to the expired sign-in flow: %v", err)
			}
		})
	}
}

func TestAKratosThatWantsASecondFactorFirstNamesNoSession(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			own := s.special(t, func(file map[string]any) {
				file["session"].(map[string]any)["whoami"].(map[string]any)["required_aal"] = "highest_available"
				method(file, "code")["mfa_enabled"] = true
			})
			p := own.started(t)
			if _, err := own.client.Session(t.Context(), p.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("session below the level that is demanded: %v", err)
			}
		})
	}
}

func TestAnErrorPageFindsWhatKratosWantedToSay(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			// Nobody registers by themselves, and Kratos tells a browser so on the error page.
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.PublicURL()+"/self-service/registration/browser", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept", "text/html")
			response, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			page, err := response.Location()
			if err != nil || page.Path != "/error" {
				t.Fatalf("Kratos sends the browser to %v, %v", page, err)
			}
			message, err := s.client.FlowError(t.Context(), page.Query().Get("id"))
			if err != nil || !message.Error || message.Text == "" || message.ID < 400 {
				t.Errorf("%+v, %v", message, err)
			}
			for _, unknown := range []string{extension.NewID[string](), "no id"} {
				if message, err := s.client.FlowError(t.Context(), unknown); !errors.Is(err, extension.ErrNotFound) {
					t.Errorf("%s: %+v, %v", unknown, message, err)
				}
			}
		})
	}
}
