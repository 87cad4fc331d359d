package oidc_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"paperplane/tools/oidc"
)

const (
	callback = "http://127.0.0.1:4455/callback"
	verifier = "a-verifier-of-more-than-forty-three-characters-1"
)

func provider(t *testing.T) (*oidc.Provider, string) {
	t.Helper()
	p, err := oidc.New(oidc.Options{ClientID: "client", ClientSecret: "secret", Person: oidc.Person{Subject: "ada", Email: "ada@example.com", EmailVerified: true}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL
}

// get reads JSON, or the page that a redirect leads to.
func get(t *testing.T, address string, into any) *url.URL {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if into != nil {
		if err := json.NewDecoder(response.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
		return nil
	}
	target, err := response.Location()
	if err != nil {
		t.Fatalf("%s: %v", response.Status, err)
	}
	return target
}

func authorization(base string, change func(url.Values)) string {
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {"client"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email"}, "state": {"s"},
		"nonce": {"n"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	change(query)
	return base + "/authorize?" + query.Encode()
}

// redeem exchanges a code and returns the status and the ID token.
func redeem(t *testing.T, base string, form url.Values) (status int, token string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body struct {
		Token string `json:"id_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body.Token
}

func exchange(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {"client"}, "client_secret": {"secret"},
		"code_verifier": {verifier},
	}
}

func TestACodeBecomesASignedTokenOnceAndOnlyForWhoAskedForIt(t *testing.T) {
	t.Parallel()
	p, base := provider(t)
	code := func() string {
		return get(t, authorization(base, func(url.Values) {}), nil).Query().Get("code")
	}
	for name, change := range map[string]func(url.Values){
		"another secret":   func(v url.Values) { v.Set("client_secret", "guess") },
		"another redirect": func(v url.Values) { v.Set("redirect_uri", callback+"2") },
		"another verifier": func(v url.Values) { v.Set("code_verifier", "guess") },
		"another grant":    func(v url.Values) { v.Set("grant_type", "password") },
		"another code":     func(v url.Values) { v.Set("code", "guess") },
	} {
		form := exchange(code())
		change(form)
		if status, token := redeem(t, base, form); status < 400 || token != "" {
			t.Errorf("%s: status %d, token %q", name, status, token)
		}
	}

	p.SetPerson(oidc.Person{Subject: "grace", Email: "grace@example.com"})
	form := exchange(code())
	status, token := redeem(t, base, form)
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	var keys jose.JSONWebKeySet
	get(t, base+"/jwks", &keys)
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(keys)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"iss": base, "sub": "grace", "aud": "client", "nonce": "n", "email": "grace@example.com", "email_verified": false} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if status, _ := redeem(t, base, form); status != http.StatusBadRequest {
		t.Errorf("the code twice: status %d", status)
	}
}

func TestRefusalsGoBackToTheClientAndNowhereElse(t *testing.T) {
	t.Parallel()
	p, base := provider(t)
	for want, change := range map[string]func(url.Values){
		"unsupported_response_type": func(v url.Values) { v.Set("response_type", "token") },
		"invalid_scope":             func(v url.Values) { v.Set("scope", "email") },
		"invalid_request":           func(v url.Values) { v.Set("code_challenge_method", "plain") },
	} {
		if got := get(t, authorization(base, change), nil).Query(); got.Get("error") != want || got.Get("state") != "s" || got.Has("code") {
			t.Errorf("%v, want %s", got, want)
		}
	}
	p.SetPerson(oidc.Person{Subject: "ada", Declines: true})
	if got := get(t, authorization(base, func(url.Values) {}), nil).Query().Get("error"); got != "access_denied" {
		t.Errorf("somebody who declines: %s", got)
	}
	for name, change := range map[string]func(url.Values){
		"another client": func(v url.Values) { v.Set("client_id", "other") },
		"another site":   func(v url.Values) { v.Set("redirect_uri", "http://example.com/") },
	} {
		recorder := httptest.NewRecorder()
		p.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, authorization(base, change), http.NoBody))
		if recorder.Code != http.StatusBadRequest || recorder.Header().Get("Location") != "" {
			t.Errorf("%s: status %d", name, recorder.Code)
		}
	}
}
