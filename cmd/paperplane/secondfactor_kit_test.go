package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"paperplane/extension"
	"paperplane/extension/invite"
)

// holder is somebody with what they keep of their second factor.
type holder struct {
	*visitor
	address string
	mobile  string
	app     authenticator
	codes   []string // recovery codes that were not used yet
}

// asksForFactor makes the demonstration organisation demand a second factor by these ways, without a page.
func (s *testStack) asksForFactor(t *testing.T, ways ...extension.Factor) {
	t.Helper()
	s.rows(t, `UPDATE organisations SET two_factor = 'required', two_factor_ways = $1::text[] WHERE slug = $2`, ways, demoSlug)
}

// asksForNoFactor takes it back.
func (s *testStack) asksForNoFactor(t *testing.T) {
	t.Helper()
	s.rows(t, `UPDATE organisations SET two_factor = 'off', two_factor_ways = $1::text[] WHERE slug = $2`, extension.Ways(), demoSlug)
}

// holder is somebody invited who is at the choice of ways: the organisation demands a second factor.
func (s *testStack) holder(t *testing.T, address string) (*holder, page) {
	t.Helper()
	s.invitesCarer(t, address)
	h := &holder{visitor: s.visitor(t), address: address, mobile: s.mobile()}
	ways := h.press(t, h.starts(t, s.linkTo(t, address)), "Register", details(h.mobile)...)
	ways.says(t, 200, "Set up a second factor", "Harbour Care asks for one")
	return h, ways
}

// invitesCarer invites somebody without a page: whoever invites on one has to show a second factor first.
func (s *testStack) invitesCarer(t *testing.T, address string) {
	t.Helper()
	admin := s.system(t)
	choices, err := s.server.invite.Choices(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	carer := slices.IndexFunc(choices.Roles, func(role extension.Role) bool { return role.Name == "Carer" })
	_, err = s.server.invite.Send(t.Context(), admin, invite.Order{
		Batch: extension.NewID[extension.BatchID](), Text: address, Area: choices.Areas[0].ID, Role: choices.Roles[carer].ID,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// codeAt is what the app shows at a moment.
func (a authenticator) codeAt(t *testing.T, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// reads types the key of the page of an authenticator app into one.
func (v *visitor) reads(t *testing.T, p page) authenticator {
	t.Helper()
	for node := range p.elements("code") {
		if id, _ := attribute(node, "id"); id == "totp-secret" {
			return authenticator{secret: strings.ReplaceAll(textOf(node), " ", "")}
		}
	}
	t.Fatalf("%s shows no key:\n%s", p.path(), p.text())
	return authenticator{}
}

// setsUpApp goes from the choice of ways to the recovery codes, by an authenticator app.
func (h *holder) setsUpApp(t *testing.T, ways page) page {
	t.Helper()
	h.stack.rows(t, `UPDATE settings_openings SET opened_at = opened_at - interval '16 minutes'`) // nobody has been here just now
	codes := h.opensApp(t, ways)
	codes.says(t, 200, "Keep your recovery codes")
	return codes
}

// opensApp sets an authenticator app up and sees what comes next.
func (h *holder) opensApp(t *testing.T, ways page) page {
	t.Helper()
	form := h.press(t, ways, "Set up an authenticator app")
	form.says(t, 200, "Scan this code with the app")
	h.app = h.reads(t, form)
	return h.press(t, form, "Confirm", "code", h.app.code(t))
}

// keeps keeps the recovery codes of a page and goes on.
func (h *holder) keeps(t *testing.T, codes page) page {
	t.Helper()
	h.codes = shownCodes(t, codes)
	return h.press(t, codes, "Go on", "kept", "yes")
}

// shownCodes are the recovery codes on a page.
func shownCodes(t *testing.T, p page) []string {
	t.Helper()
	var codes []string
	for list := range p.elements("ul") {
		if id, _ := attribute(list, "id"); id == "recovery-codes" {
			for code := range elementsIn(list, "code") {
				codes = append(codes, textOf(code))
			}
		}
	}
	if len(codes) != 12 {
		t.Fatalf("%s shows %d recovery codes, want 12:\n%s", p.path(), len(codes), p.text())
	}
	return codes
}

// arrives accepts the terms.
func (h *holder) arrives(t *testing.T, terms page) {
	t.Helper()
	h.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in")
}

// secured is a member with an authenticator app and recovery codes; with demand, because the organisation demands it.
func (s *testStack) secured(t *testing.T, address string) *holder {
	t.Helper()
	h, ways := s.holder(t, address)
	h.arrives(t, h.keeps(t, h.setsUpApp(t, ways)))
	return h
}

// The buttons that have a code sent.
const (
	byText  = "Send a code by text message"
	byEmail = "Send a code by email"
)

// asks presses a button that has a code sent, and gives the page on which it is typed with the code that came to an address
// or a number.
func (h *holder) asks(t *testing.T, p page, button, to string) (typing page, code string) {
	t.Helper()
	before := len(h.stack.codesTo(to))
	typing = h.press(t, p, button)
	typing.says(t, 200, "Type the code")
	return typing, h.stack.newestCode(t, to, before+1)
}

// sixDigits is a code that was sent.
var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// codesTo lists the codes that have come to an address or a number, oldest first.
func (s *testStack) codesTo(to string) []string {
	var codes []string
	for _, message := range s.mailbox.Messages(to) {
		if code := sixDigits.FindString(message.Text); code != "" && !strings.Contains(message.Text, "/i/") {
			codes = append(codes, code)
		}
	}
	return codes
}

// newestCode waits until so many codes have come and gives the last.
func (s *testStack) newestCode(t *testing.T, to string, n int) string {
	t.Helper()
	eventually(t, "a code comes to "+to, func() bool { return len(s.codesTo(to)) >= n })
	return s.codesTo(to)[n-1]
}

// queued counts the messages that Kratos has made for an address or a number, delivered or not.
func (s *testStack) queued(t *testing.T, to string) int {
	t.Helper()
	address := s.kratos.AdminURL() + "/admin/courier/messages?page_size=250&recipient=" + url.QueryEscape(to)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: recovery}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var messages []object
	if err := json.NewDecoder(response.Body).Decode(&messages); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("messages are answered with %d: %v", response.StatusCode, err)
	}
	return len(messages)
}

// rests makes it so much later since codes were sent and typed, by the database's clock.
func (s *testStack) rests(t *testing.T, span time.Duration) {
	t.Helper()
	s.rows(t, `UPDATE code_sends SET sent_at = sent_at - make_interval(secs => $1)`, span.Seconds())
	s.rows(t, `UPDATE code_failures SET window_began = window_began - make_interval(secs => $1)`, span.Seconds())
}

// session is the id of the visitor's session in Kratos.
func (v *visitor) session(t *testing.T) string {
	t.Helper()
	_, session := v.inKratos(t, http.MethodGet, "/sessions/whoami", nil)
	id, _ := session["id"].(string)
	return id
}

// proofs lists what the visitor's session was confirmed with, by our own record.
func (v *visitor) proofs(t *testing.T) string {
	t.Helper()
	return row[string](t, v.stack, `SELECT coalesce(string_agg(kind, ' ' ORDER BY kind), '') FROM proofs WHERE session_id::text = $1`, v.session(t))
}

// factors lists what a person has proven, by our own record.
func (s *testStack) factors(t *testing.T, address string) string {
	t.Helper()
	return row[string](t, s, `SELECT coalesce(string_agg(kind, ' ' ORDER BY kind), '') FROM factors WHERE identity_id::text = $1`,
		string(s.user(t, address).Identity))
}

// appsRest makes it so much later since an app's code was typed that every code which is right now is a new one.
func (s *testStack) appsRest(t *testing.T) {
	t.Helper()
	s.rows(t, `UPDATE app_codes SET at = at - make_interval(secs => $1)`, extension.AppCodeTime.Seconds())
}

// comesBack signs in once more in another browser, with the password alone; the second factor is asked for.
func (h *holder) comesBack(t *testing.T) (*holder, page) {
	t.Helper()
	h.stack.appsRest(t)
	return h.returns(t)
}

// returns is comesBack at this very moment.
func (h *holder) returns(t *testing.T) (*holder, page) {
	t.Helper()
	again := *h
	again.visitor = h.stack.visitor(t)
	asked := again.signIn(t, h.address, goodPassword)
	if asked.path() != "/confirm" {
		t.Fatalf("signing in leads to %s (%d): %s", asked.path(), asked.status, asked.text())
	}
	return &again, asked
}

// holds is what Kratos holds of a person, with the secrets of every credential.
func (s *testStack) holds(t *testing.T, address string) string {
	t.Helper()
	path := "/admin/identities/" + string(s.user(t, address).Identity) + "?include_credential=password&include_credential=totp&include_credential=lookup_secret"
	identity := s.asAdministrator(t, http.MethodGet, path, nil, http.StatusOK)
	credentials, _ := identity["credentials"].(object)
	for _, credential := range credentials {
		delete(credential.(object), "updated_at") // Kratos writes all of them anew with any
	}
	return cleanJSON(t, object{"traits": identity["traits"], "credentials": credentials, "state": identity["state"]})
}
