package kratos_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/kratos"
)

// everyCall makes each call of a client once, as somebody with secrets.
func everyCall(ctx context.Context, c *kratos.Client) map[string]error {
	const id = "00000000-0000-4000-8000-000000000001"
	browser := extension.Browser{Cookies: "ory_kratos_session=" + secret, UserAgent: "test", IP: "203.0.113.7"}
	form := extension.Form{ID: id, Nodes: []extension.Node{{Name: "csrf_token", Type: "hidden", Value: secret}}}
	errs := map[string]error{}
	_, errs["create"] = c.CreateIdentities(ctx, []extension.NewIdentity{{User: id, Address: secret + "@example.com"}})
	_, errs["find"] = c.FindByAddress(ctx, secret+"@example.com")
	_, errs["identity"] = c.Identity(ctx, id)
	errs["enable"] = c.Enable(ctx, id, secret+"@example.com")
	errs["disable"] = c.Disable(ctx, id)
	errs["end sessions"] = c.EndSessions(ctx, id)
	_, errs["publish"] = c.Publish(ctx, id, nil)
	_, errs["admit"] = c.Admit(ctx, id, browser)
	errs["ready"] = c.Ready(ctx)
	_, errs["session"] = c.Session(ctx, browser)
	_, _, errs["settings"] = c.SettingsForm(ctx, browser, "")
	_, _, errs["profile"] = c.SubmitProfile(ctx, browser, form, extension.Traits{Email: secret + "@example.com"})
	_, _, errs["password"] = c.SubmitPassword(ctx, browser, form, secret)
	_, _, errs["login form"] = c.LoginForm(ctx, browser, "", "")
	_, errs["login"] = c.SubmitLogin(ctx, browser, id, map[string]string{"identifier": secret, "password": secret, "csrf_token": secret})
	_, errs["logout"] = c.Logout(ctx, browser)
	_, errs["flow error"] = c.FlowError(ctx, id)
	return errs
}

const secret = "s3cr3t"

func TestKratosThatDoesNotAnswerIsTroubleForEveryCall(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) http.RoundTripper {
		return tripper(func(r *http.Request) (*http.Response, error) {
			recorder := httptest.NewRecorder()
			recorder.Header().Set("Content-Type", "application/json")
			recorder.WriteHeader(status)
			_, _ = recorder.WriteString(body)
			response := recorder.Result()
			response.Request = r
			return response, nil
		})
	}
	for name, transport := range map[string]http.RoundTripper{
		"refused":         &http.Transport{},
		"error":           answer(http.StatusInternalServerError, `{"error":{"code":500,"message":"`+secret+`"}}`),
		"proxy's page":    answer(http.StatusBadGateway, "<html>"+secret+"</html>"),
		"busy":            answer(http.StatusTooManyRequests, "slow down, "+secret),
		"hook is down":    answer(http.StatusBadRequest, `{"error":{"code":500,"message":"POST http://hooks/`+secret+` giving up after 3 attempt(s)"}}`),
		"connection lost": tripper(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }),
		"half an answer": tripper(func(r *http.Request) (*http.Response, error) {
			body := io.NopCloser(io.MultiReader(strings.NewReader(`{"id":"`), failing{}))
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
		}),
		"no answer": tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := kratos.New(kratos.Options{
				PublicURL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:1/", Transport: transport, HTTPTimeout: 50 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			for call, err := range everyCall(t.Context(), client) {
				var trouble *extension.TroubleError
				if !errors.As(err, &trouble) || trouble.Sentence != "The sign-in service (Ory Kratos) does not answer." {
					t.Errorf("%s: %v", call, err)
				} else if strings.Contains(err.Error(), secret) {
					t.Errorf("%s: the error holds a secret: %v", call, err)
				}
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestACallerThatGivesUpIsNoTroubleOfKratos(t *testing.T) {
	t.Parallel()
	client, err := kratos.New(kratos.Options{PublicURL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for call, err := range everyCall(ctx, client) {
		if !errors.Is(err, context.Canceled) || errors.Is(err, extension.ErrUnavailable) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestAnAnswerThatMeansNothingIsAnErrorWithoutItsText(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"error":{"code":418,"id":"teapot","reason":"` + secret + `"}}`, `["` + secret + `"]`, ``} {
		client, err := kratos.New(kratos.Options{
			PublicURL: "http://kratos.test", AdminURL: "http://kratos.test",
			Transport: tripper(func(r *http.Request) (*http.Response, error) {
				header := http.Header{"Content-Type": {"application/json"}}
				return &http.Response{StatusCode: http.StatusTeapot, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		for call, err := range everyCall(t.Context(), client) {
			if err == nil || strings.Contains(err.Error(), secret) || errors.Is(err, extension.ErrUnavailable) {
				t.Errorf("%s: %v", call, err)
			}
		}
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "kratos:4433", "ftp://kratos", "http://", "http://user:" + secret + "@kratos", "http://kratos?x=1", "http://%"} {
		_, err := kratos.New(kratos.Options{PublicURL: bad, AdminURL: "http://kratos:4434"})
		if err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "PublicURL") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
