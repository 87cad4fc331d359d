package main

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"paperplane/extension"
)

// TestLinkedAccounts follows links to accounts that were there before, in every wrong way.
func TestLinkedAccounts(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s, options := openTestStack(t, binary, direct)
		s.serve(t)
		ada := s.administrator(t)
		inTurn(t,
			story{"the inviter cannot tell whether an address has an account", func(t *testing.T) { s.tellsNothing(t, ada) }},
			story{"forwarded to somebody who is signed in as another", func(t *testing.T) { s.isForwarded(t, ada) }},
			story{"Start and Accept pressed in two tabs at the same moment", func(t *testing.T) { s.pressesInTwoTabs(t, ada) }},
			story{"sent again, the owner stays signed in and the old link ends", func(t *testing.T) { s.resendsToAccounts(t, ada) }},
			story{"an account of another kind is refused and left alone", func(t *testing.T) { s.refusesOtherSchemas(t, ada, filepath.Join(options.workDir, "kratos.yml")) }},
			story{"a squatted number is freed, and a proven one stays", func(t *testing.T) { s.freesNumbers(t, ada) }},
			story{"the operator helps where an administrator may not", func(t *testing.T) { s.operatorHelps(t, ada) }},
		)
	})
}

// tellsNothing invites an address without an account, one with a proven account and one with an unproven account by one
// press, and compares all that the inviter sees of them.
func (s *testStack) tellsNothing(t *testing.T, ada *visitor) {
	t.Helper()
	addresses := []string{"tell1@example.com", "tell2@example.com", "tell3@example.com"}
	profile := object{"name": object{"first": "Olle", "last": "Owner"}}
	s.has(t, account{address: addresses[1], verified: true, traits: profile})
	s.has(t, account{address: addresses[2], traits: profile})
	typed := []string{"addresses", strings.Join(addresses, "\n"), "area", "North Pier", "role", "Carer"}
	checked := ada.press(t, ada.open(t, "/o/harbour/invite"), "Check addresses", typed...)
	checked.says(t, 200, "3 addresses recognised")
	checked.lacks(t, "Olle", "Already")
	batch := ada.invites(t, addresses...)
	batch.allSent(t, 3)
	batch.lacks(t, "Not sent (", "Olle")
	for _, address := range addresses {
		s.letters(t, address, 1)
	}
	s.settles(t)
	eventually(t, "all news of the letters has come", func() bool {
		return !slices.ContainsFunc(addresses, func(address string) bool { return s.user(t, address).Letter.Delivered.IsZero() })
	})
	seen := func(address string) map[string]string {
		user := s.user(t, address)
		views := map[string]string{
			"the list":   ada.open(t, "/o/harbour/users?q="+address).text(),
			"the person": ada.open(t, "/o/harbour/users/"+string(user.ID)).text(),
			"the batch":  ada.open(t, batch.path()).row(address),
			"the letter": regexp.MustCompile(`http\S+`).ReplaceAllString(s.letters(t, address, 1)[0].Text, "LINK"),
		}
		for name, text := range views {
			views[name] = regexp.MustCompile(`\d\d:\d\d`).ReplaceAllString(strings.ReplaceAll(text, address, "ADDRESS"), "TIME")
		}
		return views
	}
	want := seen(addresses[0])
	for _, address := range addresses[1:] {
		for name, text := range seen(address) {
			if text != want[name] {
				t.Errorf("%s tells %s apart:\n%s\n%s", name, address, want[name], text)
			}
		}
	}
	// Nor does somebody who presses Start without signing in: it looks as if the link had been opened and no more.
	reader := s.visitor(t)
	reader.open(t, s.linkTo(t, addresses[0]))
	reader.asksToSignIn(t, s.linkTo(t, addresses[1]))
	want = seen(addresses[0])
	if got := seen(addresses[1])["the list"]; got != want["the list"] {
		t.Errorf("a press of Start tells the account:\n%s\n%s", want["the list"], got)
	}
}

func (s *testStack) isForwarded(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "forwarded@example.com"
	id := s.has(t, account{address: address, verified: true})
	before := s.held(t, id)
	ada.invites(t, address).allSent(t, 1)
	other := s.member(t, ada, "receiver@example.com")
	asked := other.open(t, s.linkTo(t, address))
	asked.says(t, 200, "You are signed in as receiver@example.com")
	unasked := asked.formWith(t, "Sign out and continue as "+address, "switch", "")
	other.do(t, other.submission(t, asked, unasked)).says(t, 409, "You are signed in as receiver@example.com")
	if other.whoami(t) != http.StatusOK {
		t.Error("without a yes, the session ended")
	}
	other.press(t, asked, "Sign out and continue as "+address).says(t, 409, "You have an account already", "Sign in to accept the invitation to Harbour Care.")
	if other.whoami(t) != http.StatusUnauthorized {
		t.Error("after a yes, somebody is signed in")
	}
	other.open(t, "/next").says(t, 200, "Sign in")
	s.untouched(t, id, before)
	if user := s.user(t, address); !user.Facts.Started.IsZero() || !user.Facts.Registered.IsZero() {
		t.Errorf("the invitation was accepted: %+v", user.Facts)
	}

	// Signed in as oneself, it asks nothing; and the other's own account is where it was.
	other.signIn(t, "receiver@example.com", goodPassword).says(t, 200, "You’re in")
	owner := s.visitor(t)
	landing := owner.signsInToAccept(t, owner.asksToSignIn(t, s.linkTo(t, address)), address)
	form := owner.press(t, landing, "Accept")
	form.says(t, 200, "Register for Harbour Care") // the account has no name and no mobile yet
}

// pressesInTwoTabs follows the link to an account that somebody planted, and then the link to one's own, twice at once.
func (s *testStack) pressesInTwoTabs(t *testing.T, ada *visitor) {
	t.Helper()
	twice := func(v *visitor, p page, button string) (answers [2]page) {
		t.Helper()
		tabs := [2]*visitor{v, v.sharing(t)}
		var pressing sync.WaitGroup
		for i, tab := range tabs {
			pressing.Go(func() { answers[i] = tab.press(t, p, button) })
		}
		pressing.Wait()
		for _, answer := range answers {
			if answer.status >= http.StatusInternalServerError {
				t.Errorf("%s is answered with %d: %s", button, answer.status, answer.text())
			}
		}
		return answers
	}
	a := s.plants(t, "tabs.planted@example.com")
	ada.invites(t, a.address).allSent(t, 1)
	v := s.visitor(t)
	twice(v, v.open(t, s.linkTo(t, a.address)), "Start")
	if n := s.sessions(t, a.identity); n != 1 {
		t.Errorf("there are %d sessions, want 1", n)
	}
	if v.whoami(t) != http.StatusOK { // the answers may have crossed; pressing again always helps
		v.starts(t, s.linkTo(t, a.address))
	}
	a.isOut(t, "after Start in two tabs")
	v.press(t, v.registers(t, v.open(t, "/register")), "I accept the terms and conditions").says(t, 200, "You’re in, Robin")

	const address = "tabs.own@example.com"
	s.has(t, account{address: address, verified: true, traits: object{"phone": s.mobile(), "name": object{"first": "Olle", "last": "Owner"}}})
	ada.invites(t, address).allSent(t, 1)
	owner := s.visitor(t)
	for _, answer := range twice(owner, owner.open(t, s.linkTo(t, address)), "Start") {
		answer.says(t, 409, "You have an account already")
	}
	landing := owner.signsInToAccept(t, owner.asksToSignIn(t, s.linkTo(t, address)), address)
	for _, answer := range twice(owner, landing, "Accept") {
		answer.says(t, 200, "Terms and conditions (EULA)")
	}
	if owner.whoami(t) != http.StatusOK {
		t.Error("accepting twice ended the session")
	}
	owner.open(t, s.linkTo(t, address)).says(t, 200, "Terms and conditions (EULA)") // it has done its work
	owner.press(t, owner.open(t, "/next"), "I accept the terms and conditions").says(t, 200, "You’re in, Olle")
}

func (s *testStack) resendsToAccounts(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "again@example.com"
	id := s.has(t, account{address: address, verified: true, traits: object{"phone": s.mobile(), "name": object{"first": "Olle", "last": "Owner"}}})
	owner := s.visitor(t)
	if status := owner.beginsLogin(t).login(t, address, goodPassword); status != http.StatusOK {
		t.Fatalf("the owner's sign-in answered %d", status)
	}
	before := s.held(t, id)
	ada.invites(t, address).allSent(t, 1)
	old := s.linkTo(t, address)
	resend := func(n int) string {
		t.Helper()
		s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes' WHERE id = $1`, s.user(t, address).Invitation)
		ada.press(t, ada.open(t, "/o/harbour/users?q="+address), "Resend the invitation to "+address).says(t, 200, "A new invitation is on its way")
		fresh := link(t, s.letters(t, address, n)[n-1])
		s.log.mustNotHold(tokenOf(fresh))
		eventually(t, "the letter is noted as sent", func() bool { return !s.user(t, address).Facts.Sent.IsZero() })
		return fresh
	}
	fresh := resend(2)
	s.looksAgain(t)
	s.visitor(t).open(t, old).says(t, 404, "This link no longer works")
	s.visitor(t).asksToSignIn(t, fresh)
	if owner.whoami(t) != http.StatusOK {
		t.Error("the resend signed the owner out")
	}
	s.untouched(t, id, before)

	owner.press(t, owner.open(t, fresh), "Accept").says(t, 200, "Terms and conditions (EULA)")
	newest := resend(3) // half-way
	s.looksAgain(t)
	eventually(t, "everything is aligned", func() bool {
		return row[int](t, s, `SELECT count(*)::int FROM identities WHERE realign_at IS NOT NULL`) == 0
	})
	if owner.whoami(t) != http.StatusOK || s.state(t, id) != "active" {
		t.Error("the resend switched the owner's account off, or signed them out")
	}
	s.untouched(t, id, before, "metadata_public")
	s.visitor(t).open(t, fresh).says(t, 404, "This link no longer works")
	owner.open(t, newest)
	owner.press(t, owner.open(t, "/agree"), "I accept the terms and conditions").says(t, 200, "You’re in, Olle")
}

// refusesOtherSchemas gives Kratos one more schema while it runs, with an account that follows it.
func (s *testStack) refusesOtherSchemas(t *testing.T, ada *visitor, configuration string) {
	t.Helper()
	const address = "customer@example.com"
	schema := `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"traits": {"type": "object", "properties": {
		"login": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
		"email": {"type": "array"}}}}}`
	content, err := os.ReadFile(configuration)
	if err != nil {
		t.Fatal(err)
	}
	more := "schemas:\n    - id: customer\n      url: base64://" + base64.StdEncoding.EncodeToString([]byte(schema)) + "\n"
	if err := os.WriteFile(configuration, []byte(strings.Replace(string(content), "schemas:\n", more, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var id extension.IdentityID
	eventually(t, "Kratos takes the other schema up", func() bool {
		status, made := s.callKratos(t, &http.Client{Timeout: recovery}, http.MethodPost, s.kratos.AdminURL()+"/admin/identities", object{
			"schema_id": "customer", "state": "active", "traits": object{"login": address, "email": []string{address}},
			"credentials": object{"password": object{"config": object{"password": goodPassword}}},
		})
		made2, _ := made["id"].(string)
		id = extension.IdentityID(made2)
		return status == http.StatusCreated
	})
	before := s.held(t, id)
	batch := ada.invites(t, address, "beside@example.com")
	batch.says(t, 200, "1 of 2 invitations were sent.", "Not sent (1)", "This address already has an account, so no link was sent to it.")
	s.noLetter(t, address)
	s.letters(t, "beside@example.com", 1)
	s.untouched(t, id, before)
	if identity := s.user(t, address).Identity; identity != "" {
		t.Errorf("the user is linked to %s", identity)
	}
}
