package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/invite"
)

// queryToken is a secret of the application's in addresses that people are sent back to. Nobody may write it down.
const queryToken = "S3cret-of-the-application"

// TestTheGate puts the real nginx, with the configuration of docs/gate, in front of an application.
func TestTheGate(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		keys := newTokenKeys(t)
		g := newGated(t, binary, func(o *stackOptions) { o.tokenKeys = keys.url })
		g.log.mustNotHold(queryToken)
		app := g.front(t, demoSlug)
		ada := g.administrator(t)
		v := g.member(t, ada, "in@example.com")
		inTurn(t,
			story{"without a session, people are led to sign-in and back", func(t *testing.T) { g.leadsToSignIn(t, app) }},
			story{"without a session, programs are told in words", func(t *testing.T) { g.tellsPrograms(t, app) }},
			story{"the application is told who it is, and nothing else passes under these names", func(t *testing.T) { g.tellsWho(t, app, v) }},
			story{"requests pass as they are", func(t *testing.T) { g.passesRequests(t, app, v) }},
			story{"a pause holds from the very next request on", func(t *testing.T) { g.obeysPauses(t, app, ada) }},
			story{"a pause holds while many ask at once", func(t *testing.T) { g.obeysPausesUnderLoad(t, app, ada) }},
			story{"a session that has ended is none", func(t *testing.T) { g.refusesEnded(t, app) }},
			story{"an account that is not invited is told to ask", func(t *testing.T) { g.refusesStrangers(t, app, v) }},
			story{"two organisations, two answers, and names that lie", func(t *testing.T) { g.tellsOrganisationsApart(t, app, ada, keys) }},
			story{"a session token is as good as a cookie", func(t *testing.T) { g.takesTokens(t, app, ada) }},
			story{"nobody is sent to another site", func(t *testing.T) { g.sendsNobodyAway(t, app, v) }},
			story{"the session tokenizer carries what was published", func(t *testing.T) { g.tokenizes(t, ada, keys) }},
			story{"a second factor is asked for, by page and by program", func(t *testing.T) { g.asksForFactor(t, app, ada) }},
			story{"new terms are asked for, and grace is given", func(t *testing.T) { g.asksForTerms(t, app, v) }},
			story{"with a part down or slow, nobody enters", func(t *testing.T) { g.isShutInOutages(t, app, v) }},
		)
		if g.output.holds(queryToken) || app.output.holds(queryToken) {
			t.Error("Kratos, PostgreSQL or nginx has written the token of an address down")
		}
	})
}

// leadsToSignIn goes to a page of the application, signs in on the way and ends at that very page.
func (g *gated) leadsToSignIn(t *testing.T, app *front) {
	t.Helper()
	wanted := app.address + "/deep/a%2Fb;c=d?x=1&y=%C3%A4&token=" + queryToken + "&z=a%26b+c"
	v := g.visitor(t)
	login := v.open(t, wanted)
	if login.says(t, 200, "Sign in"); login.path() != "/login" {
		t.Fatalf("without a session the application leads to %s", login.path())
	}
	v.press(t, login, "Sign in", "identifier", "in@example.com", "password", "wrong horse battery").says(t, 422, "is not right")
	back := v.press(t, login, "Sign in", "identifier", "in@example.com", "password", goodPassword)
	arrived := v.goesBack(t, back)
	arrived.isAt(t, wanted)
	if told := echoedIn(t, arrived); told.URI != strings.TrimPrefix(wanted, app.address) {
		t.Errorf("the application is asked for %s", told.URI)
	}
	v.open(t, wanted).isAt(t, wanted)
	for _, a := range v.answers() {
		if strings.Contains(a.address, "/enter/") && a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the way in may be cached: %v", a.header)
		}
	}

	person := startChromium(t).person(t, "robin")
	person.open(wanted)
	person.arrives("/login")
	person.fill("identifier", "in@example.com")
	person.fill("password", goodPassword)
	person.press("Sign in")
	person.sees("/deep/a%2Fb;c=d", `"Paperplane-Organisation":["harbour"]`)
}

func (g *gated) tellsPrograms(t *testing.T, app *front) {
	t.Helper()
	v := g.visitor(t)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions, http.MethodDelete} {
		refused := v.asProgram(t, method, app.address+"/x?y=z")
		refused.isRefused(t, http.StatusUnauthorized, "sign-in")
		where := g.page("/enter/harbour?return_to=" + url.QueryEscape(app.address+"/x?y=z"))
		if told := problemIn(t, refused); told.Location != where || refused.header.Get("Paperplane-Location") != where || refused.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v, %v", method, told, refused.header)
		}
		if refused.header.Get("Www-Authenticate") == "" {
			t.Errorf("%s: it is not said how to sign in (RFC 9110 §11.6.1)", method)
		}
	}
	if head := v.asProgram(t, http.MethodHead, app.address+"/x"); head.status != http.StatusUnauthorized || head.header.Get("Paperplane-Location") == "" {
		t.Errorf("HEAD: %d, %v", head.status, head.header)
	}
	script := v.asProgram(t, http.MethodGet, app.address+"/x", "Accept", "text/html", "Sec-Fetch-Mode", "cors")
	script.isRefused(t, http.StatusUnauthorized, "sign-in")
}

// claimsOf are the headers that a member of the demonstration organisation reaches the application with.
func (s *testStack) claimsOf(t *testing.T, address string) map[string]string {
	t.Helper()
	user := s.user(t, address)
	place := user.Assignments[0]
	area := fmt.Sprintf(`%q;id=%q`, place.Area.Name, place.Area.ID)
	role := fmt.Sprintf(`%q;id=%q;right=%q`, place.Role.Name, place.Role.ID, place.Role.Right)
	return map[string]string{
		"Paperplane-User": string(user.ID), "Paperplane-Identity": string(user.Identity), "Paperplane-Email": address,
		"Paperplane-Organisation": demoSlug, "Paperplane-Aal": "aal1", "Paperplane-Areas": area, "Paperplane-Roles": role,
		"Paperplane-Assignments": "(" + area + " " + role + ")",
	}
}

// forged are claims that a client makes up, in every spelling that an application might read.
func forged() []string {
	var headers []string
	for _, name := range []string{"User", "Identity", "Email", "Organisation", "Areas", "Roles", "Assignments", "AAL", "Redirect", "Location", "Problem"} {
		for _, spelling := range []string{"Paperplane-" + name, "PAPERPLANE-" + strings.ToUpper(name), "paperplane_" + strings.ToLower(name), "Paperplane-" + name} {
			headers = append(headers, spelling, "forged")
		}
	}
	return append(headers, "X-Original-Url", "https://evil.example/", "X-Forwarded-Uri", "/evil", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https")
}

func (g *gated) tellsWho(t *testing.T, app *front, v *visitor) {
	t.Helper()
	want := g.claimsOf(t, "in@example.com")
	for name, headers := range map[string][]string{"honest": nil, "forged": forged()} {
		passed := v.asProgram(t, http.MethodGet, app.address+"/", append(headers, "Cookie", "theirs=1", "Authorization", "Basic abc")...)
		if passed.status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, passed.status, passed.text())
		}
		told := echoedIn(t, passed)
		if diff := cmp.Diff(want, told.claims()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		cookies := strings.Join(told.Header["Cookie"], "; ")
		if strings.Contains(cookies, "ory_kratos_session") || !strings.Contains(cookies, "theirs=1") || told.Header.Get("Authorization") != "Basic abc" {
			t.Errorf("%s: cookies %q, authorization %q", name, cookies, told.Header.Get("Authorization"))
		}
		if host, proto := told.Header["X-Forwarded-Host"], told.Header["X-Forwarded-Proto"]; !slices.Equal(host, []string{strings.TrimPrefix(app.address, "http://")}) || !slices.Equal(proto, []string{"http"}) {
			t.Errorf("%s: forwarded for %v by %v", name, host, proto)
		}
	}
	twice := v.asProgram(t, http.MethodGet, app.address+"/", "Cookie", "a=1; ory_kratos_session=another; b=2")
	if got := echoedIn(t, twice); strings.Contains(cleanJSON(t, got.Header), "ory_kratos_session") {
		t.Errorf("a session's cookie reaches the application: %v", got.Header["Cookie"])
	}
	nobody := g.visitor(t).asProgram(t, http.MethodGet, app.address+"/", forged()...)
	nobody.isRefused(t, http.StatusUnauthorized, "sign-in")
	if where := problemIn(t, nobody).Location; where != g.page("/enter/harbour?return_to="+url.QueryEscape(app.address+"/")) {
		t.Errorf("forged headers lead to %s", where)
	}
}

func (g *gated) passesRequests(t *testing.T, app *front, v *visitor) {
	t.Helper()
	for _, method := range []string{http.MethodHead, http.MethodOptions, http.MethodDelete, http.MethodPatch} {
		if told := echoedIn(t, v.asProgram(t, method, app.address+"/a//b/../c?d=e&d=f%20")); told.Method != method || told.URI != "/a//b/../c?d=e&d=f%20" {
			t.Errorf("%s arrives as %s %s", method, told.Method, told.URI)
		}
	}
	for kind, body := range map[string][]byte{
		"application/json":                  []byte(`{"a":1}`),
		"application/x-www-form-urlencoded": []byte("redirect=browser&return_to=https://evil.example/"),
		"application/octet-stream":          bytes.Repeat([]byte("upload\x00\xff"), 1<<19), // 4 MiB: more than nginx takes unless told
	} {
		request := v.request(t, http.MethodPost, app.address+"/upload", bytes.NewReader(body))
		request.Header.Set("Content-Type", kind)
		request.Header.Set("Content-Encoding", "x-own")
		sum := sha256.Sum256(body)
		told := echoedIn(t, v.do(t, request))
		if told.Method != http.MethodPost || told.Length != len(body) || told.Sum != hex.EncodeToString(sum[:]) ||
			told.Header.Get("Content-Type") != kind || told.Header.Get("Content-Encoding") != "x-own" {
			t.Errorf("%s: %d bytes arrive of %d, %v", kind, told.Length, len(body), told.Header)
		}
	}
	status, user, back := v.upgrades(t, app.address+"/socket", "hello")
	if status != http.StatusSwitchingProtocols || back != "hello" || user != string(g.user(t, "in@example.com").ID) {
		t.Errorf("a websocket: %d, %q, of %s", status, back, user)
	}
	if status, _, _ := g.visitor(t).upgrades(t, app.address+"/socket", ""); status != http.StatusUnauthorized {
		t.Errorf("a websocket without a session: %d", status)
	}
}

// losesAdmin makes Kratos' administration unreachable, so that no pause reaches Kratos and sessions live on.
func (g *gated) losesAdmin() {
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete, http.MethodPut, http.MethodPost} {
		g.admin.refuse(method, "/admin/")
	}
}

func (g *gated) obeysPauses(t *testing.T, app *front, ada *visitor) {
	t.Helper()
	const address = "paused@example.com"
	v := g.member(t, ada, address)
	passes := func() { v.asProgram(t, http.MethodGet, app.address+"/").isAt(t, app.address+"/") }
	passes()

	g.losesAdmin()
	for range 5 {
		g.switchesOff(t, address)
		v.asProgram(t, http.MethodGet, app.address+"/").isRefused(t, http.StatusForbidden, "paused")
		g.switchesOn(t, address)
		passes()
	}
	g.switchesOff(t, address)
	v.open(t, app.address+"/page").says(t, 403, "Your access is paused", "An administrator of Harbour Care has paused it.")
	g.switchesOn(t, address)
	g.admin.clear()

	for range 3 { // Kratos is told, so the session ends too
		v = g.visitor(t)
		eventually(t, "the sign-in works again", func() bool { return v.signIn(t, address, goodPassword).status == http.StatusOK })
		passes()
		g.switchesOff(t, address)
		if refused := v.asProgram(t, http.MethodGet, app.address+"/"); refused.status != http.StatusUnauthorized && refused.status != http.StatusForbidden {
			t.Fatalf("after a pause: %d", refused.status)
		}
		v.open(t, app.address+"/page").says(t, 200, "Sign in")
		g.switchesOn(t, address)
	}
}

// obeysPausesUnderLoad has many requests under way at every moment: none that begins after a pause may pass.
func (g *gated) obeysPausesUnderLoad(t *testing.T, app *front, ada *visitor) {
	t.Helper()
	const address = "busy@example.com"
	v := g.member(t, ada, address)
	g.losesAdmin()
	defer g.admin.clear()
	var paused, ended atomic.Bool
	var passed, refused atomic.Int64
	var asking sync.WaitGroup
	for range 6 {
		asking.Go(func() {
			for !ended.Load() {
				before := paused.Load()
				switch status := v.asProgram(t, http.MethodGet, app.address+"/").status; {
				case status == http.StatusOK && before:
					t.Error("a request that began after the pause has passed")
					return
				case status == http.StatusOK:
					passed.Add(1)
				case status == http.StatusForbidden:
					refused.Add(1)
				default:
					t.Errorf("a request is answered with %d", status)
					return
				}
			}
		})
	}
	defer asking.Wait()
	defer ended.Store(true)
	eventually(t, "requests pass", func() bool { return passed.Load() >= 30 })
	g.switchesOff(t, address)
	paused.Store(true)
	so := refused.Load()
	eventually(t, "requests are refused", func() bool { return refused.Load() >= so+30 })
}

func (g *gated) refusesEnded(t *testing.T, app *front) {
	t.Helper()
	signedIn := func() *visitor {
		v := g.visitor(t)
		v.signIn(t, "in@example.com", goodPassword).says(t, 200, "You’re in")
		v.open(t, app.address+"/").isAt(t, app.address+"/")
		return v
	}
	left := signedIn()
	thief := left.keepsCookies(t)
	left.press(t, left.open(t, "/welcome"), "Sign out")
	for name, v := range map[string]*visitor{"signed out": left, "with its cookie": thief} {
		if refused := v.asProgram(t, http.MethodGet, app.address+"/"); refused.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, refused.status)
		}
	}
	expired := signedIn()
	_, session := expired.inKratos(t, http.MethodGet, "/sessions/whoami", nil)
	g.inKratosRows(t, `UPDATE sessions SET expires_at = now() - interval '1 minute' WHERE id = $1`, session["id"])
	expired.asProgram(t, http.MethodGet, app.address+"/").isRefused(t, http.StatusUnauthorized, "sign-in")
	expired.open(t, app.address+"/").says(t, 200, "Sign in")

	off := signedIn()
	id := g.user(t, "in@example.com").Identity
	g.change(t, id, "/state", "inactive")
	if refused := off.asProgram(t, http.MethodGet, app.address+"/"); refused.status == http.StatusOK {
		t.Error("an identity that somebody has switched off in Kratos passes")
	}
	g.change(t, id, "/state", "active")
	g.visitor(t).asProgram(t, http.MethodGet, app.address+"/", "Cookie", "ory_kratos_session=MTY;"+strings.Repeat("x", 4000)).
		isRefused(t, http.StatusUnauthorized, "sign-in")
}

// refusesStrangers asks for organisations that somebody does not belong to: there is one answer for all of them.
func (g *gated) refusesStrangers(t *testing.T, app *front, v *visitor) {
	t.Helper()
	g.stranger(t, "guest@example.com")
	guest := g.visitor(t)
	guest.signIn(t, "guest@example.com", goodPassword)
	guest.asProgram(t, http.MethodGet, app.address+"/").isRefused(t, http.StatusForbidden, "invitation")
	guest.open(t, app.address+"/page").says(t, 403, "Ask for an invitation", "does not belong to this organisation")

	other := charterOf("elsewhere")
	if err := g.server.roster.Establish(t.Context(), extension.System(other.Organisation.ID, "test"), other); err != nil {
		t.Fatal(err)
	}
	var answers []string
	for _, slug := range []string{"elsewhere", "somewhere"} {
		refused := v.asProgram(t, http.MethodGet, "/gate/"+slug)
		refused.isRefused(t, http.StatusForbidden, "invitation")
		way := v.open(t, "/enter/"+slug)
		way.says(t, 403, "Ask for an invitation")
		refused.header.Del("Date")
		refused.header.Del("X-Request-Id")
		answers = append(answers, strings.ReplaceAll(refused.body+cleanJSON(t, refused.header)+way.text(), slug, "SLUG"))
	}
	if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
		t.Errorf("an organisation that is there is told from one that is not:\n%s", diff)
	}
	for _, path := range []string{"/gate/HARBOUR", "/gate/harbour%2f..", "/gate/%2e%2e/harbour", "/gate/harbour%00", "/gate/", "/gate"} {
		if got := v.asProgram(t, http.MethodGet, path); got.status == http.StatusOK {
			t.Errorf("%s lets in", path)
		}
	}
}

// tellsOrganisationsApart has somebody belong to two organisations, whose places have names that nobody should choose.
func (g *gated) tellsOrganisationsApart(t *testing.T, app *front, ada *visitor, keys tokenKeys) {
	t.Helper()
	const address = "both@example.com"
	const lie = "Ä, \"x\"\r\nX-Evil: 1"
	v := g.member(t, ada, address)
	second := g.foundSecond(t)
	g.rows(t, `UPDATE areas SET name = $1 WHERE id = $2`, lie, second.Areas[0].ID)
	g.rows(t, `UPDATE roles SET name = $1 WHERE id = $2`, lie, second.Roles[2].ID)
	lighthouse := g.front(t, second.Organisation.Slug)
	v.asProgram(t, http.MethodGet, lighthouse.address+"/").isRefused(t, http.StatusForbidden, "invitation")

	g.sendsTo(t, second, address)
	v.asProgram(t, http.MethodGet, lighthouse.address+"/").isRefused(t, http.StatusForbidden, "start")
	invited := v.open(t, link(t, g.letters(t, address, 2)[1]))
	terms := v.press(t, invited, "Accept")
	v.asProgram(t, http.MethodGet, lighthouse.address+"/").isRefused(t, http.StatusForbidden, "agree")
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in")

	told := echoedIn(t, v.asProgram(t, http.MethodGet, lighthouse.address+"/"))
	name := `%"%c3%84, %22x%22%0d%0aX-Evil: 1"`
	area := fmt.Sprintf(`%s;id=%q`, name, second.Areas[0].ID)
	role := fmt.Sprintf(`%s;id=%q;right=%q`, name, second.Roles[2].ID, second.Roles[2].Right)
	claims := told.claims()
	if claims["Paperplane-Areas"] != area || claims["Paperplane-Roles"] != role || claims["Paperplane-Assignments"] != "("+area+" "+role+")" ||
		claims["Paperplane-Organisation"] != second.Organisation.Slug || told.Header.Get("X-Evil") != "" {
		t.Errorf("%v", told.Header)
	}
	home := echoedIn(t, v.asProgram(t, http.MethodGet, app.address+"/"))
	if diff := cmp.Diff(g.claimsOf(t, address), home.claims()); diff != "" {
		t.Errorf("of the first organisation (-want +got):\n%s", diff)
	}
	if claims["Paperplane-User"] == home.claims()["Paperplane-User"] || claims["Paperplane-Identity"] != home.claims()["Paperplane-Identity"] {
		t.Error("the same person is not two users with one identity")
	}
	v.isListed(t, keys, demoSlug, second.Organisation.Slug)
	g.switchesOff(t, address)
	v.asProgram(t, http.MethodGet, app.address+"/").isRefused(t, http.StatusForbidden, "paused")
	v.asProgram(t, http.MethodGet, lighthouse.address+"/").isAt(t, lighthouse.address+"/")
	v.isListed(t, keys, second.Organisation.Slug)
	g.switchesOn(t, address)
	v.asProgram(t, http.MethodGet, app.address+"/").isAt(t, app.address+"/")
}

// sendsTo invites an address to an organisation that has no administrator.
func (g *gated) sendsTo(t *testing.T, charter extension.Charter, address string) {
	t.Helper()
	order := invite.Order{Batch: extension.NewID[extension.BatchID](), Text: address, Area: charter.Areas[0].ID, Role: charter.Roles[2].ID}
	if _, err := g.server.invite.Send(t.Context(), extension.System(charter.Organisation.ID, "test"), order); err != nil {
		t.Fatal(err)
	}
	g.letters(t, address, 2)
}
