package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/tools/mailbox"
	"paperplane/tools/oidc"
)

// withSocial starts a provider of social sign-ins and gives the options of a stack that offers it as "Example ID".
func withSocial(t *testing.T) (*oidc.Provider, func(*stackOptions)) {
	t.Helper()
	site, err := oidc.New(oidc.Options{ClientID: "paperplane", ClientSecret: "provider-secret-of-the-tests"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "providers.yml")
	content := fmt.Sprintf("- {id: example, kind: generic, label: Example, client_id: paperplane, client_secret: provider-secret-of-the-tests, issuer_url: %q}\n", server.URL)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return site, func(o *stackOptions) {
		o.providers = file
		o.settings = append(o.settings, "PAPERPLANE_KRATOS_PROVIDERS=example=Example ID")
	}
}

// signsInElsewhere presses the button of the provider on the sign-in page, and comes back from there.
func (v *visitor) signsInElsewhere(t *testing.T) page {
	t.Helper()
	return v.goesElsewhere(t, v.press(t, v.open(t, "/login"), "Sign in with Example ID"))
}

// goesElsewhere goes on to the provider and comes back.
func (v *visitor) goesElsewhere(t *testing.T, leaving page) page {
	t.Helper()
	leaving.says(t, http.StatusOK, "One moment")
	return v.press(t, leaving, "Go on")
}

// linksAtKratos links the account at the provider with Kratos itself.
func (v *visitor) linksAtKratos(t *testing.T) {
	t.Helper()
	flow := v.beginsSettings(t)
	status, answer := v.inKratos(t, http.MethodPost, "/self-service/settings?flow="+flow.flow["id"].(string),
		object{"method": "oidc", "link": "example", "csrf_token": flow.attribute("csrf_token", "value")})
	to, _ := answer["redirect_browser_to"].(string)
	if status != http.StatusUnprocessableEntity || to == "" {
		t.Fatalf("linking answered %d: %v", status, answer)
	}
	v.open(t, to)
	identity, _ := flow.flow["identity"].(object)
	if v.stack.linkedTo(t, extension.IdentityID(identity["id"].(string))) == "" {
		t.Fatal("nothing was linked")
	}
}

// linkedTo is the account at the provider that an identity is linked to; empty when there is none.
func (s *testStack) linkedTo(t *testing.T, id extension.IdentityID) string {
	t.Helper()
	credential, _ := credentialsIn(s.held(t, id))["oidc"].(object)
	identifiers, _ := credential["identifiers"].([]any)
	if len(identifiers) == 0 {
		return ""
	}
	return identifiers[0].(string)
}

// asksForCode has Kratos itself send a code for recovery or verification.
func (v *visitor) asksForCode(t *testing.T, kind, address string) *settings {
	t.Helper()
	status, flow := v.inKratos(t, http.MethodGet, "/self-service/"+kind+"/browser", nil)
	if status != http.StatusOK {
		t.Fatalf("%s answered %d: %v", kind, status, flow)
	}
	begun := &settings{visitor: v, flow: flow}
	status, sent := v.inKratos(t, http.MethodPost, "/self-service/"+kind+"?flow="+flow["id"].(string),
		object{"method": "code", "email": address, "csrf_token": begun.attribute("csrf_token", "value")})
	if status != http.StatusOK || sent["state"] != "sent_email" {
		t.Fatalf("%s answered %d: %v", kind, status, sent["state"])
	}
	begun.flow = sent
	return begun
}

// typesCode types a code into a flow of recovery or verification, whatever comes of it.
func (f *settings) typesCode(t *testing.T, kind, code string) {
	t.Helper()
	body, err := json.Marshal(object{"method": "code", "code": code, "csrf_token": f.attribute("csrf_token", "value")})
	if err != nil {
		t.Fatal(err)
	}
	v := f.visitor
	request := v.request(t, http.MethodPost, v.stack.kratos.PublicURL()+"/self-service/"+kind+"?flow="+f.flow["id"].(string), bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	v.do(t, request.WithContext(withoutRedirects(t.Context())))
}

// codesTo waits for letters with codes to an address and gives the codes.
func (s *testStack) codesMailedTo(t *testing.T, address string, n int) []string {
	t.Helper()
	var codes []string
	for _, letter := range s.letters(t, address, n) {
		code := regexp.MustCompile(`\b\d{6}\b`).FindString(letter.Text)
		if code == "" {
			t.Fatalf("no code in %q", letter.Text)
		}
		codes = append(codes, code)
	}
	return codes
}

// newestInvitation waits for a letter with an invitation among others to an address.
func (s *testStack) newestInvitation(t *testing.T, address string) (found mailbox.Message) {
	t.Helper()
	eventually(t, "an invitation comes to "+address, func() bool {
		for _, letter := range s.invitationsTo(address) {
			if strings.Contains(letter.Text, "/i/") {
				found = letter
			}
		}
		return found.Text != ""
	})
	return found
}

// TestSocialSignIn lets people sign in by an account that they have elsewhere.
func TestSocialSignIn(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		site, change := withSocial(t)
		s := startTestStack(t, binary, change)
		ada := s.administrator(t)
		inTurn(t,
			story{"linked in a real browser in the place of a password, and signed in by", func(t *testing.T) { s.linksInstead(t, ada, site) }},
			story{"declined at the provider", func(t *testing.T) { s.isDeclined(t, ada, site) }},
			story{"linked and unlinked in settings", func(t *testing.T) { s.linksInSettings(t, ada, site) }},
			story{"an account at the provider that is somebody else's is not linked again", func(t *testing.T) { s.linksNobodyElses(t, ada, site) }},
		)
	})
}

func (s *testStack) linksInstead(t *testing.T, ada *visitor, site *oidc.Provider) {
	t.Helper()
	const address = "social@example.com"
	ada.invites(t, address)
	bob := startChromium(t).person(t, "bob")
	site.SetPerson(oidc.Person{Subject: "bob", Email: "bob@private.example", Name: "Somebody Else"})
	bob.open(s.linkTo(t, address))
	bob.press("Start")
	bob.arrives("/register")
	bob.fill("first_name", "Bob")
	bob.fill("last_name", "Builder")
	bob.fill("mobile", s.mobile())
	bob.press("Continue with Example ID")
	bob.arrives("/agree")
	bob.press("I accept the terms and conditions")
	bob.sees("You’re in, Bob")
	s.is(t, address, extension.Active)

	user := s.user(t, address)
	identity := s.held(t, user.Identity)
	traits, _ := identity["traits"].(object)
	if traits["email"] != address || user.Name() != "Bob Builder" || !strings.HasSuffix(s.linkedTo(t, user.Identity), "bob") {
		t.Errorf("the user is %s with the traits %v, linked to %q", user.Name(), traits, s.linkedTo(t, user.Identity))
	}
	if text := cleanJSON(t, identity["verifiable_addresses"]); strings.Contains(text, "private.example") {
		t.Errorf("the provider's address was taken over: %s", text)
	}

	bob.press("Sign out")
	bob.arrives("/login")
	bob.press("Sign in with Example ID")
	bob.arrives("/welcome")
	bob.sees("You’re in, Bob")

	// Whom nobody has linked is nobody, also with an address that is known.
	for _, stranger := range []oidc.Person{
		{Subject: "eve", Email: address, EmailVerified: true},
		{Subject: "eve", Email: address},
		{Subject: "eve", Email: demoAdministrator, EmailVerified: true},
		{Subject: "eve", Email: "eve@example.com", EmailVerified: true},
		{Subject: "eve"},
	} {
		site.SetPerson(stranger)
		eve := s.visitor(t)
		eve.signsInElsewhere(t).says(t, 200, "You are not signed in", "No account here is linked to the one at the other site", "Open the link in your invitation email.")
		if got := eve.whoami(t); got != http.StatusUnauthorized {
			t.Errorf("Kratos answers %d", got)
		}
	}
	if n := len(s.foundBy(t, "eve@example.com")); n != 0 {
		t.Errorf("%d identities were made of an account at the provider", n)
	}
}

// foundBy lists the identities with this identifier.
func (s *testStack) foundBy(t *testing.T, identifier string) []object {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.kratos.AdminURL()+"/admin/identities", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	query := request.URL.Query()
	query.Set("credentials_identifier", identifier)
	request.URL.RawQuery = query.Encode()
	client := &http.Client{Timeout: recovery}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found []object
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *testStack) isDeclined(t *testing.T, ada *visitor, site *oidc.Provider) {
	t.Helper()
	const address = "declined@example.com"
	ada.invites(t, address)
	site.SetPerson(oidc.Person{Subject: "carol", Email: address, EmailVerified: true, Declines: true})
	carol := s.visitor(t)
	mobile := s.mobile()
	back := carol.goesElsewhere(t, carol.press(t, carol.starts(t, s.linkTo(t, address)), "Continue with Example ID", details(mobile, "password", "")...))
	back.says(t, 200, "Register for Harbour Care", "The account at the other site was not linked", "Choose a password")
	if back.value(t, "first_name") != "Robin" || back.value(t, "mobile") != mobile {
		t.Error("what was typed is lost")
	}
	s.is(t, address, extension.Pending)
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You are not signed in", "was not finished")

	site.SetPerson(oidc.Person{Subject: "carol", Email: address, EmailVerified: true}) // changes her mind
	terms := carol.goesElsewhere(t, carol.press(t, back, "Continue with Example ID"))
	carol.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	s.is(t, address, extension.Active)
}

func (s *testStack) linksInSettings(t *testing.T, ada *visitor, site *oidc.Provider) {
	t.Helper()
	const address = "settings@example.com"
	dan := s.member(t, ada, address)
	id := s.user(t, address).Identity
	site.SetPerson(oidc.Person{Subject: "dan", Email: "dan@private.example"})
	account := dan.goesElsewhere(t, dan.press(t, dan.open(t, "/settings"), "Link Example ID"))
	account.says(t, 200, "Your account", "Unlink Example ID")
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You’re in, Robin")
	unlink := account.formWith(t, "Unlink Example ID")
	dan.press(t, account, "Unlink Example ID").says(t, 200, "The link is taken away.", "Link Example ID")
	if linked := s.linkedTo(t, id); linked != "" {
		t.Errorf("%s is still linked", linked)
	}
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You are not signed in")

	// Of somebody who has nothing else to sign in with, it is neither offered nor taken away.
	site.SetPerson(oidc.Person{Subject: "carol"})
	carol := s.visitor(t)
	carol.signsInElsewhere(t).says(t, 200, "You’re in")
	account = carol.open(t, "/settings")
	if account.has("Unlink Example ID") {
		t.Error("the last way to sign in can be unlinked")
	}
	sign := account.formWith(t, "Sign out")
	for i := 0; i < len(unlink.fields); i += 2 {
		if unlink.fields[i] == "unlink" {
			sign.fields = append(sign.fields, "unlink", unlink.fields[i+1])
		}
	}
	sign.action = unlink.action
	answer := carol.do(t, carol.submission(t, account, sign))
	answer.lacks(t, "The link is taken away.")
	if s.linkedTo(t, s.user(t, "declined@example.com").Identity) == "" {
		t.Errorf("the last way to sign in is gone; the page said:\n%s", answer.text())
	}
	carol.press(t, carol.open(t, "/settings"), "Save the new password", "password", goodPassword).says(t, 200, "Your new password is saved.")
	carol.press(t, carol.open(t, "/settings"), "Unlink Example ID").says(t, 200, "The link is taken away.")
}

func (s *testStack) linksNobodyElses(t *testing.T, ada *visitor, site *oidc.Provider) {
	t.Helper()
	site.SetPerson(oidc.Person{Subject: "bob"})
	fay := s.member(t, ada, "fay@example.com")
	fay.goesElsewhere(t, fay.press(t, fay.open(t, "/settings"), "Link Example ID")).says(t, 200, "The account at the other site was not linked", "Nothing was changed.")
	if linked := s.linkedTo(t, s.user(t, "fay@example.com").Identity); linked != "" {
		t.Errorf("linked to %s", linked)
	}
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You’re in, Bob")

	ada.invites(t, "gus@example.com")
	gus := s.visitor(t)
	back := gus.goesElsewhere(t, gus.press(t, gus.starts(t, s.linkTo(t, "gus@example.com")), "Continue with Example ID", details(s.mobile(), "password", "")...))
	back.says(t, 200, "Register for Harbour Care", "The account at the other site was not linked")
	terms := gus.press(t, back, "Register", "password", goodPassword)
	gus.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
}
