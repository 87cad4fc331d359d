package main

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/extension/roster"
)

// demands changes what the demonstration organisation asks of everybody's second factor.
func (s *testStack) demands(t *testing.T, twoFactor extension.TwoFactor) {
	t.Helper()
	organisation, err := s.server.roster.Organisation(t.Context(), demoSlug)
	if err != nil {
		t.Fatal(err)
	}
	seen := roster.SecurityOf(organisation)
	wanted := seen
	wanted.TwoFactor = twoFactor
	if err := s.server.policy.ChangeSecurity(t.Context(), s.system(t), seen, wanted); err != nil {
		t.Fatal(err)
	}
}

// asksForFactor turns two-factor authentication on while people are in.
func (g *gated) asksForFactor(t *testing.T, app *front, ada *visitor) {
	t.Helper()
	const address = "factor@example.com"
	wanted := app.address + "/page?x=1&token=" + queryToken
	v := g.member(t, ada, address)
	g.demands(t, extension.TwoFactorRequired)
	defer g.demands(t, extension.TwoFactorOff)
	v.asProgram(t, http.MethodGet, wanted).isRefused(t, http.StatusForbidden, "secure")
	if set := v.open(t, wanted); set.path() != "/secure" {
		t.Errorf("without a factor, the application leads to %s", set.path())
	}
	phone := v.enrols(t)
	eventually(t, "the factor is known", func() bool { return !g.user(t, address).Facts.Secured.IsZero() })
	told := echoedIn(t, v.asProgram(t, http.MethodGet, wanted))
	if told.claims()["Paperplane-Aal"] != "aal2" {
		t.Errorf("just set up: %v", told.claims())
	}

	later := g.visitor(t)
	login := later.open(t, wanted)
	confirm := later.press(t, login, "Sign in", "identifier", address, "password", goodPassword)
	if confirm.says(t, 200, "Confirm that it is you"); confirm.path() != "/confirm" {
		t.Fatalf("a session that has shown the password alone is led to %s", confirm.path())
	}
	later.asProgram(t, http.MethodGet, wanted).isRefused(t, http.StatusForbidden, "confirm")
	later.press(t, confirm, "Confirm", "code", "000000").says(t, 422)
	later.asProgram(t, http.MethodGet, wanted).isRefused(t, http.StatusForbidden, "confirm")
	later.goesBack(t, later.press(t, confirm, "Confirm", "code", phone.code(t))).isAt(t, wanted)
	if told := echoedIn(t, later.asProgram(t, http.MethodGet, wanted)); told.claims()["Paperplane-Aal"] != "aal2" {
		t.Errorf("confirmed: %v", told.claims())
	}

	token, nobody := g.nativeSession(t, address), g.visitor(t)
	ask := func() page { return nobody.asProgram(t, http.MethodGet, wanted, "Authorization", "Bearer "+token) }
	ask().isRefused(t, http.StatusForbidden, "confirm")
	if status := g.confirmsNatively(t, token, "000000"); status != http.StatusBadRequest {
		t.Errorf("a wrong code of a program: %d", status)
	}
	ask().isRefused(t, http.StatusForbidden, "confirm")
	if status := g.confirmsNatively(t, token, phone.code(t)); status != http.StatusOK {
		t.Fatalf("a program's code: %d", status)
	}
	if told := echoedIn(t, ask()); told.claims()["Paperplane-Aal"] != "aal2" {
		t.Errorf("confirmed by a program: %v", told.claims())
	}
}

// nativeSession signs in as a program does that is no browser, and gives the session token.
func (s *testStack) nativeSession(t *testing.T, address string) string {
	t.Helper()
	client := &http.Client{Timeout: recovery}
	_, flow := s.callKratos(t, client, http.MethodGet, s.kratos.PublicURL()+"/self-service/login/api", nil)
	status, done := s.callKratos(t, client, http.MethodPost, s.kratos.PublicURL()+"/self-service/login?flow="+flow["id"].(string), object{
		"method": "password", "identifier": address, "password": goodPassword,
	})
	token, _ := done["session_token"].(string)
	if status != http.StatusOK || !strings.HasPrefix(token, "ory_st_") {
		t.Fatalf("a program's sign-in answered %d", status)
	}
	s.log.mustNotHold(token)
	return token
}

// tokenRider sends a session token with every request.
type tokenRider struct{ token string }

// RoundTrip implements http.RoundTripper.
func (r tokenRider) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("X-Session-Token", r.token)
	return http.DefaultTransport.RoundTrip(request)
}

// confirmsNatively shows a code of an authenticator app for a program's session and gives Kratos' answer.
func (s *testStack) confirmsNatively(t *testing.T, token, code string) int {
	t.Helper()
	s.appsRest(t)
	client := &http.Client{Timeout: recovery, Transport: tokenRider{token: token}}
	status, flow := s.callKratos(t, client, http.MethodGet, s.kratos.PublicURL()+"/self-service/login/api?aal=aal2", nil)
	if status != http.StatusOK {
		t.Fatalf("a program's second step answered %d: %v", status, flow)
	}
	status, _ = s.callKratos(t, client, http.MethodPost, s.kratos.PublicURL()+"/self-service/login?flow="+flow["id"].(string), object{
		"method": "totp", "totp_code": code,
	})
	return status
}

// publishesTerms makes a text the demonstration organisation's next version.
func (s *testStack) publishesTerms(t *testing.T, text string, grace time.Duration) {
	t.Helper()
	actor, policy := s.system(t), s.server.policy
	if err := policy.SaveDraft(t.Context(), actor, extension.TermsDraft{Language: "en", Title: "Terms and conditions (EULA)", Text: text}, ""); err != nil {
		t.Fatal(err)
	}
	publication, err := policy.Publication(t.Context(), actor)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Publish(t.Context(), actor, publication.Seal, grace); err != nil {
		t.Fatal(err)
	}
}

// asksForTerms publishes new terms twice, the second time with a day to read them.
func (g *gated) asksForTerms(t *testing.T, app *front, v *visitor) {
	t.Helper()
	wanted := app.address + "/page?token=" + queryToken
	v.asProgram(t, http.MethodGet, wanted).isAt(t, wanted)
	g.publishesTerms(t, "Be kind.", 0)
	v.asProgram(t, http.MethodGet, wanted).isRefused(t, http.StatusForbidden, "agree")
	terms := v.open(t, wanted)
	if terms.says(t, 200, "Be kind."); terms.path() != "/agree" {
		t.Fatalf("with terms due, the application leads to %s", terms.path())
	}
	v.goesBack(t, v.press(t, terms, "I accept the terms and conditions")).isAt(t, wanted)
	v.asProgram(t, http.MethodGet, wanted).isAt(t, wanted)

	g.publishesTerms(t, "Be very kind.", 24*time.Hour)
	v.asProgram(t, http.MethodGet, wanted).isAt(t, wanted)
	g.clock.advance(24*time.Hour + time.Minute)
	v.asProgram(t, http.MethodGet, wanted).isRefused(t, http.StatusForbidden, "agree")
	terms = v.open(t, wanted)
	declined := v.press(t, terms, "Decline")
	declined.says(t, 200)
	v.asProgram(t, http.MethodGet, wanted).isRefused(t, http.StatusForbidden, "agree")
	v.press(t, v.open(t, wanted), "I accept the terms and conditions")
	v.asProgram(t, http.MethodGet, wanted).isAt(t, wanted)
}

// attacks are addresses that must lead nobody away, whatever reads them. here is an origin that people may go back to.
func attacks(here string) []string {
	host := strings.TrimPrefix(here, "http://")
	_, port, _ := strings.Cut(host, ":")
	return []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example\`, "http:evil.example", "http:/evil.example", `http:\\evil.example`,
		"https://" + host + "/", "HTTPS://" + host + "/", "ftp://" + host + "/", "javascript:alert(1)//" + host, "data:text/html,evil",
		here + "@evil.example/", "http://evil@" + host + "/", here + ".evil.example/", here + "0/", "http://evil.example#" + host, "http://evil.example?" + here,
		`http://evil.example\@` + host + "/", "http://127。0。0。1:" + port + "/", "http://１２７.0.0.1:" + port + "/",
		"http://2130706433:" + port + "/", "http://localhost:" + port + "/", "http://evil.example%2f@" + host + "/",
		" " + here + "@evil.example/", "\t//evil.example", "http://" + host + "%00.evil.example/", "%2f%2fevil.example", "https%3A%2F%2Fevil.example%2F",
		"http%253A%252F%252F" + host + "%252F", here + "\r\nSet-Cookie: evil=1", here + "/" + strings.Repeat("x", 3000), "http://[::ffff:7f00:1]:" + port + "/",
	}
}

// sendsNobodyAway tries to have people led to another site after they have signed in.
func (g *gated) sendsNobodyAway(t *testing.T, app *front, v *visitor) {
	t.Helper()
	nobody := g.visitor(t)
	for _, attack := range attacks(app.address) {
		g.onlyLocal(t, "in, "+attack, v.open(t, "/enter/harbour?return_to="+url.QueryEscape(attack)))
		asked := nobody.asProgram(t, http.MethodGet, "/gate/harbour?redirect=browser", "X-Original-Url", strings.NewReplacer("\r", "", "\n", "").Replace(attack))
		where, err := url.Parse(asked.header.Get("Paperplane-Location"))
		if err != nil || asked.status != http.StatusUnauthorized {
			t.Errorf("%s: %d, %v", attack, asked.status, err)
			continue
		}
		if back := where.Query().Get("return_to"); back != "" && !strings.HasPrefix(back, app.address+"/") && back != app.address+"Set-Cookie: evil=1" {
			t.Errorf("%s is to lead to %s", attack, back)
		}
	}
	for _, attack := range []string{"//evil.example/", "https://evil.example/", "/enter/harbour?return_to=//evil.example", "/\\evil.example"} {
		out := g.visitor(t)
		for _, way := range []string{"/enter/harbour?return_to=", "/login?return_to="} {
			login := out.open(t, way+url.QueryEscape(attack))
			g.onlyLocal(t, "out, "+attack, login)
		}
		back := out.press(t, out.open(t, "/enter/harbour?return_to="+url.QueryEscape(attack)), "Sign in", "identifier", "in@example.com", "password", goodPassword)
		g.onlyLocal(t, "signed in, "+attack, back)
		if diff := cmp.Diff([]string{g.server.config.Public.URL.Host}, out.reached(t)); diff != "" {
			t.Errorf("%s leads to other hosts:\n%s", attack, diff)
		}
	}
	for _, planted := range []string{"/enter/../..//evil.example", "https://evil.example/", "/enter/harbour?return_to=https://evil.example/", `/enter/\evil.example`} {
		thrown := v.keepsCookies(t)
		thrown.takeCookie(t, "/", "pp_return", base64.RawURLEncoding.EncodeToString([]byte(planted)))
		g.onlyLocal(t, "planted "+planted, thrown.open(t, "/next"))
	}
	host := g.visitor(t).request(t, http.MethodGet, app.address+"/x", http.NoBody).WithContext(withoutRedirects(t.Context()))
	host.Host = "evil.example"
	if where := nobody.do(t, host).header.Get("Location"); where != g.page("/enter/harbour") {
		t.Errorf("with another host's name, the application leads to %s", where)
	}
	g.believesOnlyProxies(t, app)
}

// believesOnlyProxies asks from an address that is no trusted proxy's.
func (g *gated) believesOnlyProxies(t *testing.T, app *front) {
	t.Helper()
	far := g.visitor(t)
	wire := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}
	t.Cleanup(wire.CloseIdleConnections)
	far.client.Transport = recorder{visitor: far, next: wire}
	at, err := url.Parse(app.address)
	if err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]string{
		{"X-Original-Url", app.address + "/x"}, {"X-Forwarded-Proto", "http", "X-Forwarded-Host", at.Host, "X-Forwarded-Uri", "/x"},
	} {
		for name, c := range map[string]struct {
			v    *visitor
			want string
		}{
			"the proxy":     {g.visitor(t), g.page("/enter/harbour?return_to=" + url.QueryEscape(app.address+"/x"))},
			"somebody else": {far, g.page("/enter/harbour")},
		} {
			if got := c.v.asProgram(t, http.MethodGet, "/gate/harbour", headers...).header.Get("Paperplane-Location"); got != c.want {
				t.Errorf("%s with %s is told %s, want %s", name, headers[0], got, c.want)
			}
		}
	}
}

// isShutInOutages ends what the gate asks, or makes it slow.
func (g *gated) isShutInOutages(t *testing.T, app *front, v *visitor) {
	t.Helper()
	address := app.address + "/x"
	token := g.nativeSession(t, "in@example.com")
	shut := func(t *testing.T, way string) {
		t.Helper()
		for _, headers := range [][]string{nil, {"Accept", "text/html"}, {"Authorization", "Bearer " + token}} {
			v.asProgram(t, http.MethodGet, address, headers...).isUnavailable(t)
			if way == "" {
				v.asProgram(t, http.MethodGet, "/gate/harbour?redirect=browser", headers...).isUnavailable(t)
			}
		}
	}
	open := func(what string) {
		eventually(t, what, func() bool { return v.asProgram(t, http.MethodGet, address).status == http.StatusOK })
	}
	open("the session is in")

	slow, cancel := g.slows(t)
	var asking sync.WaitGroup
	for range slow {
		asking.Go(func() { v.asProgram(t, http.MethodGet, address).isUnavailable(t) })
		asking.Go(func() { v.asProgram(t, http.MethodGet, "/gate/harbour").isUnavailable(t) })
	}
	asking.Wait()
	cancel()
	open("what was slow answers again")

	if err := g.kratos.Kill(); err != nil {
		t.Fatal(err)
	}
	shut(t, "")
	if err := g.kratos.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	open("Kratos is back")

	if err := g.postgres.Kill(); err != nil {
		t.Fatal(err)
	}
	shut(t, "")
	if err := g.postgres.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	open("PostgreSQL is back")

	g.application.Close()
	if gone := v.asProgram(t, http.MethodGet, address); gone.status != http.StatusBadGateway {
		t.Errorf("without the application: %d", gone.status)
	}
}

// slows makes Kratos hold the answer to one question of the gate's, and PostgreSQL those to all others. It gives how many
// requests to make, and what ends it.
func (g *gated) slows(t *testing.T) (requests int, cancel func()) {
	t.Helper()
	locked, err := g.database(t).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked.Exec(t.Context(), `LOCK TABLE users IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	_, release := g.public.hold(http.MethodGet, "/sessions/whoami")
	return 2, func() {
		release()
		if err := locked.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// inKratosRows changes Kratos' own database, past Kratos.
func (g *gated) inKratosRows(t *testing.T, statement string, values ...any) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), g.postgres.DSN("kratos"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	if _, err := connection.Exec(t.Context(), statement, values...); err != nil {
		t.Fatal(err)
	}
}

// onlyLocal fails the test unless an answer keeps a browser on our own pages.
func (g *gated) onlyLocal(t *testing.T, name string, p page) {
	t.Helper()
	home := g.server.config.Public.URL.Host
	if p.header.Get("Refresh") != "" || p.address.Host != home {
		t.Errorf("%s: at %s, refresh %q", name, p.address, p.header.Get("Refresh"))
	}
	for node := range p.elements("a", "form", "meta") {
		for _, attributeName := range []string{"href", "action", "content"} {
			if value, _ := attribute(node, attributeName); strings.Contains(value, "evil") && !strings.HasPrefix(value, "/") {
				t.Errorf("%s: the page has %s=%q", name, attributeName, value)
			}
		}
	}
}

// reached lists the hosts that a visitor's requests went to.
func (v *visitor) reached(t testing.TB) []string {
	t.Helper()
	var hosts []string
	for _, a := range v.answers() {
		address, err := url.Parse(a.address)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(hosts, address.Host) {
			hosts = append(hosts, address.Host)
		}
	}
	return hosts
}
