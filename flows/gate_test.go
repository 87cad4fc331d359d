package flows_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/web"
	"paperplane/flows"
)

const appOrigin = "https://app.example"

// entries stands in for the database behind the real gate.
type entries struct {
	gate.Store
	member extension.Member
	proofs []extension.Factor
	err    error
}

func (e *entries) Entry(_ context.Context, identity extension.IdentityID, _ extension.SessionID, slug string) (extension.Member, []extension.Factor, error) {
	if e.err != nil {
		return extension.Member{}, nil, e.err
	}
	if identity != e.member.User.Identity || slug != e.member.Organisation.Slug {
		return extension.Member{}, nil, extension.ErrNotFound
	}
	return e.member, e.proofs, nil
}

// whoami stands in for Kratos behind the real gate.
type whoami struct {
	err    error
	tokens []string
}

func (w *whoami) Session(_ context.Context, browser extension.Browser) (extension.Session, error) {
	return w.answer(strings.Contains(browser.Cookies, signedIn(asInvitee)))
}

func (w *whoami) SessionOfToken(_ context.Context, token string) (extension.Session, error) {
	w.tokens = append(w.tokens, token)
	return w.answer(token == "ory_st_good")
}

func (w *whoami) Identity(context.Context, extension.IdentityID) (extension.Identity, error) {
	return extension.Identity{}, nil
}

func (w *whoami) answer(known bool) (extension.Session, error) {
	switch {
	case w.err != nil:
		return extension.Session{}, w.err
	case !known:
		return extension.Session{}, extension.ErrNoSession
	}
	return extension.Session{ID: "session", Identity: inviteeID}, nil
}

// gated is the pages with a real gate, behind a trusted proxy.
type gated struct {
	pages  *web.Shell
	rows   *entries
	kratos *whoami
}

func newGated(t *testing.T, trusted string) gated {
	t.Helper()
	public, err := url.Parse(secureURL)
	if err != nil {
		t.Fatal(err)
	}
	shell, err := web.New(web.Options{
		PublicURL: public, Secret: []byte(strings.Repeat("s", web.MinSecret)), Log: slog.New(slog.DiscardHandler),
		SessionCookie: sessionCookie, Now: now, TrustedProxies: []netip.Prefix{netip.MustParsePrefix(trusted)},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := gated{pages: shell, rows: &entries{member: gateMember()}, kratos: &whoami{}}
	flows.New(flows.Options{
		Shell: shell, Onboarding: newOnboarding(), Account: &account{}, Gate: gate.New(g.rows, g.kratos, sessionCookie, now),
		SessionCookie: sessionCookie, PublicURL: secureURL, ReturnOrigins: []string{appOrigin},
	}).Mount()
	return g
}

func gateMember() extension.Member {
	then := now().Add(-time.Hour)
	clinic, ward := extension.ServiceArea{ID: "area-1", Name: `Harbour "Clinic"`}, extension.ServiceArea{ID: "area-2", Name: "Höhe\r\nSet-Cookie: a=b"}
	nurse := extension.Role{ID: "role-1", Name: "Nurse", Right: extension.RightInviter}
	return extension.Member{
		Organisation: extension.Organisation{ID: "org", Slug: "northwind", TwoFactor: extension.TwoFactorOff},
		User: extension.User{
			ID: "user", Identity: inviteeID, Address: "bøb%@northwind.example", FirstName: "Bob", LastName: "B", Mobile: "+4670",
			Facts:       extension.Facts{Started: then, Registered: then, Accepted: then, Activated: then},
			Assignments: []extension.Assignment{{Area: clinic, Role: nurse}, {Area: ward, Role: nurse}},
		},
	}
}

// asks sends a proxy's question with the headers given in pairs.
func (g gated) asks(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	request.Host = strings.TrimPrefix(secureURL, "https://")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := g.pages.App().Test(request, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, cookies: response.Cookies(), body: string(body)}
}

// everywhere is a network that the tests' connections come from, and nowhere one that they don't.
const (
	everywhere = "0.0.0.0/0"
	nowhere    = "192.0.2.0/24"
)

func TestTheGateTellsWhoPasses(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"Paperplane-User": "user", "Paperplane-Identity": string(inviteeID), "Paperplane-Email": "b%c3%b8b%25@northwind.example",
		"Paperplane-Organisation": "northwind", "Paperplane-Aal": "aal1",
		"Paperplane-Areas":       `"Harbour \"Clinic\"";id="area-1", %"H%c3%b6he%0d%0aSet-Cookie: a=b";id="area-2"`,
		"Paperplane-Roles":       `"Nurse";id="role-1";right="inviter"`,
		"Paperplane-Assignments": `("Harbour \"Clinic\"";id="area-1" "Nurse";id="role-1";right="inviter"), (%"H%c3%b6he%0d%0aSet-Cookie: a=b";id="area-2" "Nurse";id="role-1";right="inviter")`,
	}
	for name, credential := range map[string][]string{
		"a cookie":                 {"Cookie", signedIn(asInvitee)},
		"a bearer token":           {"Authorization", "Bearer ory_st_good"},
		"one in another case":      {"Authorization", "bearer ory_st_good"},
		"a session token":          {"X-Session-Token", "ory_st_good"},
		"a cookie beside another":  {"Cookie", signedIn(asInvitee), "Authorization", "Bearer eyJhbGciOiJ9.x.y"},
		"a cookie and basic login": {"Cookie", signedIn(asInvitee), "Authorization", "Basic b3J5X3N0X2dvb2Q="},
	} {
		g := newGated(t, everywhere)
		got := g.asks(t, "/gate/northwind", credential...)
		if got.status != http.StatusOK || got.body != "" || got.header.Get("Cache-Control") != "no-store" || len(got.cookies) > 0 {
			t.Errorf("%s: %d, %d bytes, %v", name, got.status, len(got.body), got.header)
		}
		headers := map[string]string{}
		for key, values := range got.header {
			if strings.HasPrefix(key, "Paperplane-") {
				headers[key] = strings.Join(values, "\n")
			}
		}
		if diff := cmp.Diff(want, headers); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestATokenGoesBeforeACookie(t *testing.T) {
	t.Parallel()
	g := newGated(t, everywhere)
	got := g.asks(t, "/gate/northwind", "Cookie", signedIn(asInvitee), "Authorization", "Bearer ory_st_ended")
	if got.status != http.StatusUnauthorized || got.header.Get("Www-Authenticate") == "" {
		t.Errorf("%d %v", got.status, got.header)
	}
}

// refusals are what can keep a session out, by the type of the problem.
func refusals() map[string]func(*entries) {
	facts := func(change func(*extension.Member)) func(*entries) {
		return func(e *entries) { change(&e.member) }
	}
	return map[string]func(*entries){
		"paused":   facts(func(m *extension.Member) { m.User.Facts.Paused = now() }),
		"expired":  facts(func(m *extension.Member) { m.User.Facts = extension.Facts{Started: now(), Expires: now()} }),
		"start":    facts(func(m *extension.Member) { m.User.Facts = extension.Facts{} }),
		"register": facts(func(m *extension.Member) { m.User.Facts = extension.Facts{Started: now()} }),
		"secure":   facts(func(m *extension.Member) { m.Organisation.TwoFactor = extension.TwoFactorRequired }),
		"confirm": facts(func(m *extension.Member) {
			m.Organisation.TwoFactor, m.Organisation.Ways = extension.TwoFactorRequired, extension.Ways()
			m.User.Factors, m.User.Facts.Secured = []extension.Factor{extension.FactorTOTP}, now()
		}),
		"agree":      facts(func(m *extension.Member) { m.User.Facts.Accepted = time.Time{} }),
		"invitation": facts(func(m *extension.Member) { m.Organisation.Slug = "southwind" }),
	}
}

// said is the body of a refusal.
type said struct {
	Type, Title, Detail, Step, Location string
	Status                              int
}

func TestTheGateSaysWhyNotAndWhereToGo(t *testing.T) {
	t.Parallel()
	for kind, change := range refusals() {
		g := newGated(t, everywhere)
		change(g.rows)
		got := g.asks(t, "/gate/northwind", "Cookie", signedIn(asInvitee), "X-Original-Url", appOrigin+"/a b?x=1&y=%2F", "Accept", "text/html")
		var problem said
		if err := json.Unmarshal([]byte(got.body), &problem); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		where := secureURL + "/enter/northwind?return_to=" + url.QueryEscape(appOrigin+"/a%20b?x=1&y=%2F")
		if got.status != http.StatusForbidden || got.header.Get("Content-Type") != "application/problem+json" ||
			problem.Type != "tag:paperplane,2026:gate/"+kind || problem.Title == "" || problem.Detail == "" || problem.Status != http.StatusForbidden ||
			problem.Location != where || got.header.Get("Paperplane-Location") != where || got.header.Get("Paperplane-Problem") != problem.Type {
			t.Errorf("%s: %d %v %+v", kind, got.status, got.header, problem)
		}
		for name := range got.header {
			if strings.HasPrefix(name, "Paperplane-") && name != "Paperplane-Location" && name != "Paperplane-Problem" {
				t.Errorf("%s: a refusal tells %s", kind, name)
			}
		}
	}
}

func TestWithoutASessionTheGateSendsToSignIn(t *testing.T) {
	t.Parallel()
	g := newGated(t, everywhere)
	got := g.asks(t, "/gate/northwind", "Cookie", signedIn(asStranger))
	var problem said
	if err := json.Unmarshal([]byte(got.body), &problem); err != nil || got.status != http.StatusUnauthorized || problem.Type != "tag:paperplane,2026:gate/sign-in" {
		t.Errorf("%d %+v, %v", got.status, problem, err)
	}
}

func TestOnlyABrowserOnItsWayToAPageIsRedirected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path       string
		headers    []string
		redirected bool
	}{
		"a page":                   {"/gate/northwind?redirect=browser", []string{"Accept", "text/html,*/*"}, true},
		"by the proxy's header":    {"/gate/northwind", []string{"Accept", "text/html", "Paperplane-Redirect", "browser"}, true},
		"a navigation":             {"/gate/northwind?redirect=browser", []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate"}, true},
		"not asked for":            {"/gate/northwind", []string{"Accept", "text/html"}, false},
		"the header says never":    {"/gate/northwind?redirect=browser", []string{"Accept", "text/html", "Paperplane-Redirect", "never"}, false},
		"a script":                 {"/gate/northwind?redirect=browser", []string{"Accept", "text/html", "Sec-Fetch-Mode", "cors"}, false},
		"a program":                {"/gate/northwind?redirect=browser", []string{"Accept", "application/json"}, false},
		"a program without a wish": {"/gate/northwind?redirect=browser", nil, false},
		"below the path":           {"/gate/northwind/deep/page?redirect=browser", []string{"Accept", "text/html"}, true},
	} {
		got := newGated(t, everywhere).asks(t, c.path, c.headers...)
		if redirected := got.status == http.StatusSeeOther && got.header.Get("Location") == got.header.Get("Paperplane-Location"); redirected != c.redirected {
			t.Errorf("%s: %d to %q", name, got.status, got.header.Get("Location"))
		}
	}
}

func TestPeopleAreSentBackOnlyToOriginsThatTheOperatorHasNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted string
		headers []string
		want    string
	}{
		"as nginx tells":              {everywhere, []string{"X-Original-Url", appOrigin + "/x?y=z"}, appOrigin + "/x?y=z"},
		"as Traefik and Caddy tell":   {everywhere, []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example", "X-Forwarded-Uri", "/x?y=z"}, appOrigin + "/x?y=z"},
		"a host in capitals":          {everywhere, []string{"X-Original-Url", "https://APP.example/x"}, "https://APP.example/x"},
		"from no trusted proxy":       {nowhere, []string{"X-Original-Url", appOrigin + "/x"}, ""},
		"another host":                {everywhere, []string{"X-Original-Url", "https://evil.example/x"}, ""},
		"another port":                {everywhere, []string{"X-Original-Url", appOrigin + ":8443/x"}, ""},
		"another scheme":              {everywhere, []string{"X-Original-Url", "http://app.example/x"}, ""},
		"a script":                    {everywhere, []string{"X-Original-Url", "javascript:alert(1)"}, ""},
		"a name before the host":      {everywhere, []string{"X-Original-Url", "https://app.example@evil.example/"}, ""},
		"a name before the right one": {everywhere, []string{"X-Original-Url", "https://evil@app.example/"}, ""},
		"a longer host":               {everywhere, []string{"X-Original-Url", appOrigin + ".evil.example/"}, ""},
		"a path alone":                {everywhere, []string{"X-Original-Url", "//evil.example/"}, ""},
		"too long":                    {everywhere, []string{"X-Original-Url", appOrigin + "/" + strings.Repeat("x", 3000)}, ""},
		"nothing":                     {everywhere, nil, ""},
	} {
		got := newGated(t, c.trusted).asks(t, "/gate/northwind", c.headers...)
		where, err := url.Parse(got.header.Get("Paperplane-Location"))
		if err != nil || where.Path != "/enter/northwind" || where.Host != "people.example" || where.Query().Get("return_to") != c.want {
			t.Errorf("%s: %s, %v", name, where, err)
		}
	}
}

func TestTheGateIsShutInDoubt(t *testing.T) {
	t.Parallel()
	down := &extension.TroubleError{Sentence: "It does not answer.", After: 7 * time.Second}
	for name, c := range map[string]struct {
		change func(gated)
		status int
		retry  string
	}{
		"the database is down":       {func(g gated) { g.rows.err = down }, http.StatusServiceUnavailable, "7"},
		"Kratos is down":             {func(g gated) { g.kratos.err = down }, http.StatusServiceUnavailable, "7"},
		"the time is up":             {func(g gated) { g.rows.err = context.DeadlineExceeded }, http.StatusServiceUnavailable, "10"},
		"something nobody foresaw":   {func(g gated) { g.rows.err = errors.New("secret of the database") }, http.StatusInternalServerError, ""},
		"a step that nobody foresaw": {func(g gated) { g.kratos.err = extension.ErrDisabled }, http.StatusForbidden, ""},
	} {
		g := newGated(t, everywhere)
		c.change(g)
		got := g.asks(t, "/gate/northwind?redirect=browser", "Cookie", signedIn(asInvitee), "Accept", "text/html")
		if got.status != c.status || got.header.Get("Retry-After") != c.retry || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v", name, got.status, got.header)
		}
		var problem said
		if err := json.Unmarshal([]byte(got.body), &problem); err != nil || strings.Contains(problem.Detail, "secret") {
			t.Errorf("%s: %+v, %v", name, problem, err)
		}
	}
}

func TestAPauseIsObeyedByTheVeryNextRequest(t *testing.T) {
	t.Parallel()
	g := newGated(t, everywhere)
	for range 2 {
		if got := g.asks(t, "/gate/northwind", "Cookie", signedIn(asInvitee)); got.status != http.StatusOK {
			t.Fatalf("before: %d", got.status)
		}
	}
	g.rows.member.User.Facts.Paused = now()
	if got := g.asks(t, "/gate/northwind", "Cookie", signedIn(asInvitee)); got.status != http.StatusForbidden {
		t.Errorf("after: %d", got.status)
	}
}

func TestTheWayInLeadsBackToTheApplication(t *testing.T) {
	t.Parallel()
	back := appOrigin + "/x?y=z"
	enter := "/enter/northwind?return_to=" + url.QueryEscape(back)
	g := newGated(t, everywhere)
	got := g.asks(t, enter, "Accept", "text/html")
	login, err := url.Parse(got.header.Get("Location"))
	if err != nil || got.status != http.StatusSeeOther || login.Path != "/login" || strings.Contains(login.String(), "app.example") {
		t.Fatalf("without a session: %d to %s, %v", got.status, login, err)
	}
	got = g.asks(t, login.Query().Get("return_to"), "Accept", "text/html", "Cookie", signedIn(asInvitee))
	if got.status != http.StatusOK || got.header.Get("Refresh") != "0; url="+back {
		t.Errorf("after sign-in: %d, refresh %q", got.status, got.header.Get("Refresh"))
	}
	got = g.asks(t, enter, "Accept", "text/html", "Cookie", signedIn(asInvitee))
	if got.status != http.StatusOK || got.header.Get("Refresh") != "0; url="+back {
		t.Errorf("in: %d, refresh %q", got.status, got.header.Get("Refresh"))
	}
	got = g.asks(t, "/enter/northwind?return_to=https%3A%2F%2Fevil.example%2F", "Accept", "text/html", "Cookie", signedIn(asInvitee))
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/next" || got.header.Get("Refresh") != "" {
		t.Errorf("to another site: %d to %q", got.status, got.header.Get("Location"))
	}
	g.rows.member.User.Facts.Accepted = time.Time{}
	got = g.asks(t, enter, "Accept", "text/html", "Cookie", signedIn(asInvitee))
	kept := slices.ContainsFunc(got.cookies, func(c *http.Cookie) bool { return c.Name == "__Host-pp_return" && c.HttpOnly && c.Secure })
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/next" || !kept {
		t.Errorf("a step is due: %d to %q, cookies %v", got.status, got.header.Get("Location"), got.cookies)
	}
}

func TestTheWayInToAnotherOrganisationAsksForAnInvitation(t *testing.T) {
	t.Parallel()
	g := newGated(t, everywhere)
	for _, slug := range []string{"southwind", "NORTHWIND", "%2e%2e", "a%0d%0ab"} {
		got := g.asks(t, "/enter/"+slug, "Accept", "text/html", "Cookie", signedIn(asInvitee))
		if got.status != http.StatusForbidden || len(got.cookies) > 0 {
			t.Errorf("%s: %d %v", slug, got.status, slices.Collect(maps.Keys(got.header)))
		}
	}
}
