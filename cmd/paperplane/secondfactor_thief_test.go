package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/tools/oidc"
)

// TestAThiefOfThePassword drives Kratos directly, without a page of ours, with sessions that have shown the password alone.
func TestAThiefOfThePassword(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		site, options := withSocial(t)
		site.SetPerson(oidc.Person{Subject: "mallory", Email: "mallory@example.com"})
		s := startTestStack(t, binary, func(o *stackOptions) { options(o); direct(o) })
		s.asksForFactor(t, extension.Ways()...)
		inTurn(t,
			story{"who came before the factor was proven, and opened settings", func(t *testing.T) { s.meetsEarlyThief(t) }},
			story{"who comes later, in a browser and as a program", func(t *testing.T) { s.meetsLateThief(t) }},
			story{"who resends a code to another way's address", func(t *testing.T) { s.meetsResender(t) }},
			story{"who takes the second step to the form of the first", func(t *testing.T) { s.meetsUserOfTheFirstForm(t) }},
			story{"who types a wrong code before a right one", func(t *testing.T) { s.meetsGuesser(t) }},
			story{"who has Kratos write another address into a form", func(t *testing.T) { s.meetsForger(t) }},
			story{"who puts a telephone of their own into the account", func(t *testing.T) { s.meetsOwnerOfAnotherPhone(t) }},
			story{"who reads the mailbox and recovers the account", func(t *testing.T) { s.meetsReaderOfMail(t) }},
			story{"and the owner, who has shown the factor, changes everything", func(t *testing.T) { s.letsOwnerChangeAll(t) }},
		)
	})
}

// deed is a change of settings at Kratos that a proven factor protects.
type deed struct {
	name   string
	method string
	traits object // of the profile
	fields object // of other methods
}

func (s *testStack) deeds() []deed {
	return []deed{
		{"change the mobile", "profile", object{"phone": s.mobile()}, nil},
		{"change the mobile with the name", "profile", object{"phone": s.mobile(), "name": object{"first": "Mallory", "last": "Sand"}}, nil},
		{"take the mobile away", "profile", object{"phone": nil}, nil},
		{"unlink the app", "totp", nil, object{"totp_unlink": true}},
		{"enrol another app", "totp", nil, object{"totp_code": "000000"}},
		{"add a security key", "webauthn", nil, object{"webauthn_register": "{}", "webauthn_register_displayname": "key"}},
		{"add a passkey", "passkey", nil, object{"passkey_settings_register": "{}"}},
		{"link a social sign-in", "oidc", nil, object{"link": "example"}},
		{"put new recovery codes in force", "lookup_secret", nil, object{"lookup_secret_confirm": true}},
		{"take the recovery codes away", "lookup_secret", nil, object{"lookup_secret_disable": true}},
		{"change the password", "password", nil, object{"password": "another good password"}},
	}
}

// looks are what Kratos does with recovery codes without asking anybody: only closed settings keep them from a thief.
func looks() []deed {
	return []deed{
		{"reveal recovery codes", "lookup_secret", nil, object{"lookup_secret_reveal": true}},
		{"regenerate recovery codes", "lookup_secret", nil, object{"lookup_secret_regenerate": true}},
	}
}

// isRefused fails the test unless Kratos refuses a deed in this flow. A social sign-in is judged when its provider has sent
// the browser back.
func (f *settings) isRefused(t *testing.T, d deed) {
	t.Helper()
	fields := object{"method": d.method, "csrf_token": f.attribute("csrf_token", "value")}
	maps.Copy(fields, d.fields)
	if d.traits != nil {
		fields["traits"] = f.traits(d.traits)
	}
	status, answer := f.visitor.inKratos(t, http.MethodPost, "/self-service/settings?flow="+f.flow["id"].(string), fields)
	if status < http.StatusBadRequest || status == http.StatusForbidden { // which says that the csrf_token is wrong
		t.Errorf("%s is answered with %d: %v", d.name, status, answer["error"])
	}
	if to, _ := answer["redirect_browser_to"].(string); to != "" {
		f.visitor.open(t, to)
	}
}

// meetsEarlyThief lets somebody sign in and open settings while there is no factor yet. The session ends when there is one;
// the flow lives on for a while, and a new session can use it: so long there are no recovery codes that it could show.
func (s *testStack) meetsEarlyThief(t *testing.T) {
	t.Helper()
	owner, ways := s.holder(t, "early@example.com")
	thief := s.visitor(t)
	thief.signIn(t, owner.address, goodPassword).says(t, 200, "Set up a second factor")
	flow := thief.beginsSettings(t)
	protection := thief.csrf(t)
	waits := owner.opensApp(t, ways)
	waits.says(t, 409, "Recovery codes have to wait", "a quarter of an hour later")
	owner.arrives(t, owner.press(t, waits, "Go on without recovery codes"))
	before := s.holds(t, owner.address)

	if status := thief.whoami(t); status != http.StatusUnauthorized {
		t.Errorf("the session from before the factor is answered with %d", status)
	}
	for _, d := range slices.Concat(s.deeds(), looks()) {
		flow.isRefused(t, d)
	}
	if owner.whoami(t) != http.StatusOK {
		t.Error("the session in which the factor was proven has ended too")
	}

	thief.signIn(t, owner.address, goodPassword)
	thief.opensNoSettings(t)
	thief.client.Jar.SetCookies(thief.address(t, "/"), protection)
	for _, d := range s.deeds() {
		flow.isRefused(t, d)
	}
	for _, d := range looks() { // Kratos asks nobody; what it shows never counts
		flow.submit(t, d.method, d.fields)
	}
	if status, errors := owner.beginsSettings(t).makesCodes(t); status != http.StatusBadRequest || !slices.Contains(errors, objectsCodes) {
		t.Errorf("at Kratos, the owner's recovery codes are answered with %d, %v", status, errors)
	}
	if after := s.holds(t, owner.address); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if factors := s.factors(t, owner.address); factors != "totp" {
		t.Errorf("the factors are %q", factors)
	}
	thief.opensNoSettings(t)
	thief.staysOut(t)

	s.rows(t, `UPDATE settings_openings SET opened_at = opened_at - interval '16 minutes'`)
	s.endSettings(t)
	owner.keeps(t, owner.open(t, "/secure/codes"))
	for _, d := range slices.Concat(s.deeds(), looks()) {
		flow.isRefused(t, d)
	}
}

// makesCodes has Kratos make recovery codes and puts them in force.
func (f *settings) makesCodes(t *testing.T) (status int, errors []int64) {
	t.Helper()
	if status, errors := f.submit(t, "lookup_secret", object{"lookup_secret_regenerate": true}); status != http.StatusOK {
		return status, errors
	}
	return f.submit(t, "lookup_secret", object{"lookup_secret_confirm": true})
}

// endSettings lets every settings flow that Kratos has opened run out.
func (s *testStack) endSettings(t *testing.T) {
	t.Helper()
	kratos, err := pgx.Connect(t.Context(), s.postgres.DSN("kratos"))
	if err != nil {
		t.Fatal(err)
	}
	defer kratos.Close(t.Context())
	if _, err := kratos.Exec(t.Context(), `UPDATE selfservice_settings_flows SET expires_at = now() - interval '1 minute'`); err != nil {
		t.Fatal(err)
	}
}

// csrf are the visitor's cookies against forged requests, which Kratos replaces when somebody signs in.
func (v *visitor) csrf(t *testing.T) []*http.Cookie {
	t.Helper()
	var kept []*http.Cookie
	for _, cookie := range v.client.Jar.Cookies(v.address(t, "/")) {
		if strings.HasPrefix(cookie.Name, "csrf_token") {
			kept = append(kept, &http.Cookie{Name: cookie.Name, Value: cookie.Value, Path: "/"})
		}
	}
	if len(kept) == 0 {
		t.Fatal("Kratos has set no such cookie")
	}
	return kept
}

// staysOut fails the test unless the second factor is still asked of the visitor, everywhere.
func (v *visitor) staysOut(t *testing.T) {
	t.Helper()
	if proofs := v.proofs(t); proofs != "" {
		t.Errorf("the session has shown %q", proofs)
	}
	for _, path := range []string{"/next", "/settings", "/welcome", "/secure", "/secure/codes"} {
		if p := v.open(t, path); p.path() != "/confirm" {
			t.Errorf("%s leads to %s (%d): %s", path, p.path(), p.status, p.text())
		}
	}
	if status := v.once(t, http.MethodGet, "/gate/harbour").status; status != http.StatusForbidden && status != http.StatusSeeOther {
		t.Errorf("the gate answers %d", status)
	}
}

// meetsLateThief lets somebody sign in who has nothing but the password.
func (s *testStack) meetsLateThief(t *testing.T) {
	t.Helper()
	owner := s.secured(t, "late@example.com")
	before := s.holds(t, owner.address)
	thief, _ := owner.comesBack(t)
	thief.opensNoSettings(t)
	if status := thief.confirms(t, object{"method": "totp", "totp_code": "000000"}); status == http.StatusOK {
		t.Error("a wrong code is taken")
	}
	if status := thief.confirms(t, object{"method": "lookup_secret", "lookup_secret": "abcd1234"}); status == http.StatusOK {
		t.Error("a made-up recovery code is taken")
	}
	program := s.program(t, owner.address)
	if status, answer := program.inKratos(t, http.MethodGet, "/self-service/settings/api", nil); status < http.StatusBadRequest || answer["ui"] != nil {
		t.Errorf("settings are opened for a program: %d, %v", status, answer)
	}
	thief.staysOut(t)

	flow := owner.beginsSettings(t) // of the owner, in the hands of the thief
	foreign := &settings{visitor: thief.visitor, flow: flow.flow}
	for _, d := range s.deeds() {
		fields := maps.Clone(d.fields)
		if d.traits != nil {
			fields = object{"traits": foreign.traits(d.traits)}
		}
		if status, errors := foreign.submit(t, d.method, fields); status < http.StatusBadRequest {
			t.Errorf("in the owner's flow, to %s is answered with %d, %v", d.name, status, errors)
		}
	}
	if after := s.holds(t, owner.address); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// program is what signs in at Kratos with the password alone, and holds a session token instead of cookies: Kratos v1.3.1
// names neither to our hooks.
type program struct {
	stack *testStack
	token string
}

func (s *testStack) program(t *testing.T, address string) *program {
	t.Helper()
	p := &program{stack: s}
	status, flow := p.inKratos(t, http.MethodGet, "/self-service/login/api", nil)
	if status != http.StatusOK {
		t.Fatalf("login answered %d: %v", status, flow)
	}
	status, answer := p.inKratos(t, http.MethodPost, "/self-service/login?flow="+flow["id"].(string),
		object{"method": "password", "identifier": address, "password": goodPassword})
	if p.token, _ = answer["session_token"].(string); status != http.StatusOK || p.token == "" {
		t.Fatalf("signing in answered %d: %v", status, answer)
	}
	s.log.mustNotHold(p.token)
	return p
}

func (p *program) inKratos(t *testing.T, method, path string, body any) (int, object) {
	t.Helper()
	client := &http.Client{Timeout: recovery, Transport: p}
	return p.stack.callKratos(t, client, method, p.stack.kratos.PublicURL()+path, body)
}

// RoundTrip implements http.RoundTripper: it sends the session token along.
func (p *program) RoundTrip(request *http.Request) (*http.Response, error) {
	if p.token != "" {
		request = request.Clone(request.Context())
		request.Header.Set("X-Session-Token", p.token)
	}
	return http.DefaultTransport.RoundTrip(request)
}
