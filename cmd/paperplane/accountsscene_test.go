package main

import (
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"paperplane/extension"
	"paperplane/extension/invite"
)

// account is an identity that somebody made in Kratos past Paperplane, as an application beside it would: it follows our
// schema, is active and has a password.
type account struct {
	address  string
	verified bool // Kratos holds the address as proven
	traits   object
	body     object // what else is sent
}

// has makes an account in Kratos.
func (s *testStack) has(t *testing.T, a account) extension.IdentityID {
	t.Helper()
	traits := object{"email": a.address}
	maps.Copy(traits, a.traits)
	body := object{
		"schema_id": "member", "state": "active", "traits": traits, "metadata_admin": object{"owner": "another application"},
		"credentials": object{"password": object{"config": object{"password": goodPassword}}},
	}
	if a.verified {
		body["verifiable_addresses"] = []object{{"value": a.address, "via": "email", "verified": true, "status": "completed"}}
	}
	maps.Copy(body, a.body)
	made := s.asAdministrator(t, http.MethodPost, "/admin/identities", body, http.StatusCreated)
	id, _ := made["id"].(string)
	return extension.IdentityID(id)
}

// untouched fails the test if Kratos holds an identity otherwise than before. The keys that are named may differ.
func (s *testStack) untouched(t *testing.T, id extension.IdentityID, before object, but ...string) {
	t.Helper()
	after := s.held(t, id)
	before = maps.Clone(before)
	for _, key := range append(but, "updated_at") {
		delete(before, key)
		delete(after, key)
	}
	if diff := cmp.Diff(before, after, cmpopts.IgnoreMapEntries(func(key string, _ any) bool { return key == "updated_at" })); diff != "" {
		t.Errorf("the identity has changed (-before +after):\n%s", diff)
	}
}

// held is everything that Kratos holds of an identity.
func (s *testStack) held(t *testing.T, id extension.IdentityID) object {
	t.Helper()
	return s.asAdministrator(t, http.MethodGet, "/admin/identities/"+string(id)+
		"?include_credential=password&include_credential=totp&include_credential=lookup_secret&include_credential=oidc&include_credential=code", nil, http.StatusOK)
}

// credentialsIn are the credentials of an identity, by their kinds.
func credentialsIn(identity object) object {
	all, _ := identity["credentials"].(object)
	return all
}

// beginsLogin begins to sign in at Kratos itself.
func (v *visitor) beginsLogin(t *testing.T) *settings {
	t.Helper()
	status, flow := v.inKratos(t, http.MethodGet, "/self-service/login/browser", nil)
	if status != http.StatusOK {
		t.Fatalf("login answered %d: %v", status, flow)
	}
	return &settings{visitor: v, flow: flow}
}

// login signs in by a flow of Kratos' own.
func (f *settings) login(t *testing.T, address, password string) int {
	t.Helper()
	status, _ := f.visitor.inKratos(t, http.MethodPost, "/self-service/login?flow="+f.flow["id"].(string), object{
		"method": "password", "identifier": address, "password": password, "csrf_token": f.attribute("csrf_token", "value"),
	})
	return status
}

// tokenFor signs in as an app does and gives the session token; empty when Kratos refuses.
func (s *testStack) tokenFor(t *testing.T, address, password string) string {
	t.Helper()
	client := &http.Client{Timeout: recovery}
	_, flow := s.callKratos(t, client, http.MethodGet, s.kratos.PublicURL()+"/self-service/login/api", nil)
	_, answer := s.callKratos(t, client, http.MethodPost, s.kratos.PublicURL()+"/self-service/login?flow="+flow["id"].(string),
		object{"method": "password", "identifier": address, "password": password})
	token, _ := answer["session_token"].(string)
	return token
}

// whoamiBy is the status with which Kratos answers for a session token.
func (s *testStack) whoamiBy(t *testing.T, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.kratos.PublicURL()+"/sessions/whoami", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Session-Token", token)
	client := &http.Client{Timeout: recovery}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// second founds a second organisation, with terms of its own, and gives its operator.
func (s *testStack) second(t *testing.T, slug string, change func(*extension.Charter)) extension.Actor {
	t.Helper()
	charter := charterOf(slug)
	charter.Terms = extension.NewTerms(charter.Organisation.ID, "en", "Rules of "+slug, "Keep the lamp of "+slug+" burning.")
	if change != nil {
		change(&charter)
	}
	operator := extension.System(charter.Organisation.ID, "Olga Operator")
	if err := s.server.roster.Establish(t.Context(), operator, charter); err != nil {
		t.Fatal(err)
	}
	return operator
}

// invitedTo invites an address to an organisation in the name of its operator and gives the link.
func (s *testStack) invitedTo(t *testing.T, operator extension.Actor, address string) string {
	t.Helper()
	before := len(s.invitationsTo(address))
	area := row[string](t, s, `SELECT id::text FROM areas WHERE organisation_id = $1 AND name = 'North Pier'`, operator.Organisation)
	role := row[string](t, s, `SELECT id::text FROM roles WHERE organisation_id = $1 AND name = 'Carer'`, operator.Organisation)
	_, err := s.server.invite.Send(t.Context(), operator, invite.Order{
		Batch: extension.NewID[extension.BatchID](), Text: address, Area: extension.AreaID(area), Role: extension.RoleID(role),
	})
	if err != nil {
		t.Fatal(err)
	}
	found := link(t, s.letters(t, address, before+1)[before])
	s.log.mustNotHold(tokenOf(found))
	return found
}

// userOf finds a user of any organisation, as its administrators see it.
func (s *testStack) userOf(t testing.TB, operator extension.Actor, address string) extension.User {
	t.Helper()
	list, err := s.server.roster.List(t.Context(), operator, extension.Filter{Search: address})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range list.Page.Users {
		if user.Address == address {
			return user
		}
	}
	t.Fatalf("no user %s there", address)
	return extension.User{}
}

// isIn fails the test unless a user of an organisation has this status.
func (s *testStack) isIn(t testing.TB, operator extension.Actor, address string, want extension.Status) {
	t.Helper()
	if got := s.userOf(t, operator, address).Facts.Status(s.clock.now()); got != want {
		t.Errorf("%s is %s there, want %s", address, got, want)
	}
}

// asksToSignIn opens a link, presses Start and is asked to sign in to the account that there is.
func (v *visitor) asksToSignIn(t *testing.T, link string) page {
	t.Helper()
	asked := v.press(t, v.open(t, link), "Start")
	asked.says(t, http.StatusConflict, "You have an account already", "Sign in to accept the invitation to")
	return asked
}

// signsInToAccept signs in with goodPassword as the page of a link asks, and is back at the invitation then.
func (v *visitor) signsInToAccept(t *testing.T, asked page, address string) page {
	t.Helper()
	landing := v.press(t, v.press(t, asked, "Sign in to accept"), "Sign in", "identifier", address, "password", goodPassword)
	landing.says(t, http.StatusOK, "You are signed in as "+address, "Press Accept to join with this account.")
	return landing
}

// gateOf is what the gate of an organisation answers a browser.
func (v *visitor) gateOf(t *testing.T, slug string) int {
	t.Helper()
	return v.open(t, "/gate/"+slug).status
}
