package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/webhooks"
)

// TestDeliveryIsTold follows messages beyond the provider: what it tells of them, what follows from that, and how a wrong
// address is put right.
func TestDeliveryIsTold(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		ada := s.administrator(t)
		inTurn(t,
			story{"the list tells the fate of every message", func(t *testing.T) { s.tellsFates(t, ada) }},
			story{"a corrected address ends the old link", func(t *testing.T) { s.correctsAddress(t, ada) }},
			story{"whoever has begun at the old address must not finish", func(t *testing.T) { s.correctsAddressHalfWay(t, ada) }},
			story{"somebody's account is not taken over by a correction", func(t *testing.T) { s.correctsToAccount(t, ada) }},
			story{"a correction that cannot be made is told", func(t *testing.T) { s.refusesCorrections(t, ada) }},
			story{"an address gets no more mail until somebody decides so", func(t *testing.T) { s.mailsAnyway(t, ada) }},
			story{"the last mistake can be seen", func(t *testing.T) { s.showsMistakes(t, ada) }},
			story{"only the provider is believed", func(t *testing.T) { s.believesTheProvider(t) }},
		)
	})
}

// becomes waits until the newest message to an address is in a state.
func (s *testStack) becomes(t *testing.T, address string, want extension.DeliveryState) {
	t.Helper()
	eventually(t, address+" is "+string(want), func() bool { return s.user(t, address).Delivery() == want })
}

func (s *testStack) personPage(t *testing.T, address string) string {
	t.Helper()
	return "/o/harbour/users/" + string(s.user(t, address).ID)
}

func (s *testStack) tellsFates(t *testing.T, ada *visitor) {
	t.Helper()
	fates := map[string]extension.DeliveryState{
		"fine@example.com": extension.DeliveryDelivered, "bounced@example.com": extension.DeliveryBounced, "full@example.com": extension.DeliveryDelayed,
		"complained@example.com": extension.DeliveryComplained, "delayed@example.com": extension.DeliveryDelayed,
		"suppressed@example.com": extension.DeliveryBounced, "failed@example.com": extension.DeliveryBounced,
	}
	var addresses []string
	for address := range fates {
		addresses = append(addresses, address)
	}
	ada.invites(t, addresses...).allSent(t, len(addresses))
	for address, state := range fates {
		s.becomes(t, address, state)
	}
	list := ada.open(t, "/o/harbour/users?q=example.com")
	for address, words := range map[string]string{
		"fine@example.com": "Pending Delivered", "bounced@example.com": "the message came back", "delayed@example.com": "Delayed",
		"complained@example.com": "No more mail: reported as spam.", "suppressed@example.com": "No more mail: a message bounced.",
	} {
		if row := list.row(address); !strings.Contains(row, words) {
			t.Errorf("the row of %s says %q, not %q", address, row, words)
		}
	}
	if row := list.row("failed@example.com"); strings.Contains(row, "No more mail") {
		t.Errorf("the provider's own failure is held against the address: %q", row)
	}
	bounced := ada.press(t, list, "Bounced 3")
	bounced.says(t, 200, "bounced@example.com", "suppressed@example.com")
	bounced.lacks(t, "fine@example.com", "complained@example.com")
	person := ada.press(t, bounced, "bounced@example.com")
	person.says(t, 200, "Fix address and resend", "Mail this address anyway", "Messages", "What happened", "Bounced from bounced@example.com")
}

// corrects fills in the form that corrects an address.
func (v *visitor) corrects(t *testing.T, address, corrected string) page {
	t.Helper()
	return v.press(t, v.open(t, v.stack.personPage(t, address)), "Fix address and resend", "address", corrected)
}

func (s *testStack) correctsAddress(t *testing.T, ada *visitor) {
	t.Helper()
	const wrong, right = "bounced.right@example.com", "right@example.com"
	ada.invites(t, wrong).allSent(t, 1)
	s.becomes(t, wrong, extension.DeliveryBounced)
	old, before := s.linkTo(t, wrong), s.user(t, wrong)
	ada.corrects(t, wrong, right).says(t, 200, "A new invitation is on its way to "+right, "The link that was sent to "+wrong+" no longer works.")
	s.visitor(t).open(t, old).says(t, 404, "This link no longer works")
	s.letters(t, right, 1)
	s.oneLetterEach(t, wrong, right)
	s.becomes(t, right, extension.DeliveryDelivered)
	after := s.user(t, right)
	if after.ID != before.ID || after.Identity != before.Identity || after.Suppressed != "" {
		t.Errorf("before %+v, after %+v", before, after)
	}
	ada.open(t, s.personPage(t, right)).says(t, 200, right, wrong, "ended by a newer invitation", "Delivered to "+right)

	robin := s.visitor(t)
	form := robin.starts(t, s.linkTo(t, right))
	if email := form.value(t, "email"); email != right {
		t.Errorf("the form is for %q", email)
	}
	robin.press(t, robin.registers(t, form), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.is(t, right, extension.Active)
	identity := s.identity(t, after.Identity)
	if text := fmt.Sprint(identity); strings.Contains(text, wrong) || !strings.Contains(text, right) {
		t.Errorf("Kratos has %s", text)
	}
	s.visitor(t).signIn(t, right, goodPassword).says(t, 200, "You’re in")
	ada.open(t, s.personPage(t, right)).lacks(t, "Fix address and resend")
}

// correctsAddressHalfWay corrects the address while somebody at the old one stands at the registration form.
func (s *testStack) correctsAddressHalfWay(t *testing.T, ada *visitor) {
	t.Helper()
	const wrong, right = "stranger@example.com", "friend@example.com"
	ada.invites(t, wrong).allSent(t, 1)
	eve := s.visitor(t)
	form := eve.starts(t, s.linkTo(t, wrong))
	// Eve has given a wrong password, so Kratos holds her name and number by now.
	eve.press(t, form, "Register", details(s.mobile(), "password", "short")...).says(t, 422, "password")
	s.becomes(t, wrong, extension.DeliveryDelivered)
	ada.corrects(t, wrong, right).says(t, 200, "A new invitation is on its way")
	if got := eve.press(t, form, "Register", details(s.mobile())...); got.status == 200 {
		t.Errorf("whoever held the old mailbox went on to %s: %s", got.path(), got.text())
	}
	s.letters(t, right, 1)
	user := s.user(t, right)
	eventually(t, "Kratos has the new address alone", func() bool {
		text := fmt.Sprint(s.identity(t, user.Identity))
		return !strings.Contains(text, wrong) && strings.Contains(text, right) && !strings.Contains(text, "Robin")
	})
	if n := s.sessions(t, user.Identity); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if user.FirstName != "" || user.Mobile != "" || user.Stumbled(s.clock.now()).Sentence != "" {
		t.Errorf("what Eve left behind: %+v", user)
	}
	s.visitor(t).joins(t, right)
	s.is(t, right, extension.Active)
}

// correctsToAccount gives somebody an address that has an account: they are invited like anybody else, and the account is
// not touched before its holder says so. Both addresses that the mistakes left behind can be invited afterwards.
func (s *testStack) correctsToAccount(t *testing.T, ada *visitor) {
	t.Helper()
	const wrong, account, right = "wrong.account@example.com", "account@example.com", "right.account@example.com"
	id := s.stranger(t, account)
	before := cleanJSON(t, s.identity(t, id))
	ada.invites(t, wrong).allSent(t, 1)
	ada.corrects(t, wrong, account).says(t, 200, "A new invitation is on its way")
	s.letters(t, account, 1)
	if linked := s.user(t, account).Identity; linked != id {
		t.Errorf("the user is linked to %s, want the account %s", linked, id)
	}
	ada.open(t, s.personPage(t, account)).lacks(t, "has an account already", "already has an account")
	if diff := cmp.Diff(before, cleanJSON(t, s.identity(t, id))); diff != "" {
		t.Errorf("the account was changed (-before +after):\n%s", diff)
	}

	// A second correction puts it right, and lets go of the account as it is.
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes'`)
	ada.corrects(t, account, right).says(t, 200, "A new invitation is on its way")
	s.visitor(t).joins(t, right)
	made := s.user(t, right).Identity
	if text := fmt.Sprint(s.identity(t, made)); made == id || strings.Contains(text, wrong) || strings.Contains(text, `"`+account) {
		t.Errorf("Kratos has %s", text)
	}
	if diff := cmp.Diff(before, cleanJSON(t, s.identity(t, id))); diff != "" {
		t.Errorf("the account was changed (-before +after):\n%s", diff)
	}

	// Whoever has the mistyped address may be somebody: what was made for it in Kratos must not keep them out.
	ada.invites(t, wrong).allSent(t, 1)
	letters := s.letters(t, wrong, 2)
	v := s.visitor(t)
	v.press(t, v.registers(t, v.starts(t, link(t, letters[1]))), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.is(t, wrong, extension.Active)
}

func (s *testStack) refusesCorrections(t *testing.T, ada *visitor) {
	t.Helper()
	const wrong = "wrong@example.com"
	ada.invites(t, wrong, "taken@example.com").allSent(t, 2)
	for typed, words := range map[string]string{
		"":                             "Type the right email address.",
		"wrong@example":                "This is no valid email address.",
		"a@example.com, b@example.com": "Type one address only.",
		"WRONG@example.com":            "This is the address that wrong@example.com has already.",
		"Taken@Example.com":            "taken@example.com belongs to somebody in this organisation already, who is Pending in North Pier.",
		"wrong@gmial.com":              "Did you mean wrong@gmail.com?",
	} {
		refused := ada.corrects(t, wrong, typed)
		refused.says(t, 422, words)
		if typed == "wrong@gmial.com" {
			refused.says(t, 422, "Use this address as it stands")
		}
	}
	s.oneLetterEach(t, wrong)
	s.visitor(t).open(t, s.linkTo(t, wrong)).says(t, 200, "invites you to Harbour Care")
	refused := ada.corrects(t, wrong, "wrong@gmial.com")
	ada.press(t, refused, "Fix address and resend", "sure", "yes").says(t, 200, "A new invitation is on its way to wrong@gmial.com")
	s.oneLetterEach(t, "wrong@gmial.com")
}

func (s *testStack) mailsAnyway(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "complained.once@example.com"
	ada.invites(t, address).allSent(t, 1)
	s.becomes(t, address, extension.DeliveryComplained)
	user := s.user(t, address)
	s.act(t, ada, string(user.ID), "resend")
	if n := len(s.invitationsTo(address)); n != 1 {
		t.Fatalf("it got %d letters by itself", n)
	}
	person := ada.open(t, s.personPage(t, address))
	refused := ada.press(t, person, "Mail this address anyway "+address)
	refused.says(t, 200, "less than a minute ago") // the cooldown holds all the same
	if s.user(t, address).Suppressed == "" {
		t.Error("a refused mail lifted the suppression")
	}
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '1 hour' WHERE user_id = $1`, user.ID)
	ada.press(t, ada.open(t, s.personPage(t, address)), "Mail this address anyway "+address).says(t, 200, "A new invitation is on its way to "+address)
	s.letters(t, address, 2)
	if n := row[int](t, s, `SELECT count(*)::int FROM audit WHERE action = 'user.unsuppressed' AND user_id = $1`, user.ID); n != 1 {
		t.Errorf("%d audit rows tell of it", n)
	}
	s.becomes(t, address, extension.DeliveryComplained) // it does so again, and is left alone again
	if s.user(t, address).Suppressed != extension.SuppressedComplaint {
		t.Error("a second complaint was overlooked")
	}
}

func (s *testStack) showsMistakes(t *testing.T, ada *visitor) {
	t.Helper()
	const address, secret = "stuck@example.com", "hunter2-typed"
	ada.invites(t, address).allSent(t, 1)
	robin := s.visitor(t)
	form := robin.starts(t, s.linkTo(t, address))
	form = robin.press(t, form, "Register", details(s.mobile(), "password", secret[:7])...)
	form.says(t, 422, "password")
	for _, page := range []string{"/o/harbour/users?q=stuck", s.personPage(t, address)} {
		told := ada.open(t, page)
		told.says(t, 200, "started; not registered yet", "“This password is too short. Choose a longer one.”")
		told.lacks(t, secret[:7])
	}
	robin.registers(t, form)
	told := ada.open(t, "/o/harbour/users?q=stuck")
	told.says(t, 200, "registered; has not accepted the terms yet")
	told.lacks(t, "too short")
}

// believesTheProvider posts what the provider has not signed.
func (s *testStack) believesTheProvider(t *testing.T) {
	t.Helper()
	body := `{"type":"email.bounced","created_at":"2026-11-23T12:00:00Z","data":{"email_id":"m","tags":{"invitation":"` +
		string(s.user(t, "fine@example.com").Invitation) + `"}}}`
	eve := s.visitor(t)
	for name, headers := range map[string]map[string]string{
		"unsigned":  {},
		"made up":   {"svix-id": "msg_1", "svix-timestamp": "1795000000", "svix-signature": "v1,AAAA"},
		"by a page": {"Sec-Fetch-Site": "cross-site"},
	} {
		request := eve.request(t, http.MethodPost, webhooks.ProviderPath, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		for header, value := range headers {
			request.Header.Set(header, value)
		}
		if got := eve.do(t, request); got.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if got := s.user(t, "fine@example.com").Delivery(); got != extension.DeliveryDelivered {
		t.Errorf("fine@example.com is %s now", got)
	}
}

// TestABatchThatBouncesPausesItself sends to a domain that takes nothing.
func TestABatchThatBouncesPausesItself(t *testing.T) {
	t.Parallel()
	calls := &checkpoint{}
	s := startTestStack(t, "", func(o *stackOptions) {
		o.settings = append(o.settings, "PAPERPLANE_MAIL_RESEND_BASE_URL="+calls.start(t, o.ports.mailbox))
	})
	ada := s.administrator(t)
	s.letters(t, demoAdministrator, 1) // is not one of those that are held
	let, release := calls.holdLetters()
	var addresses []string
	for i := range 1000 {
		addresses = append(addresses, fmt.Sprintf("fine%04d@kept.example", i))
		if i%5 == 0 {
			addresses[i] = fmt.Sprintf("bounced%04d@lost.example", i)
		}
	}
	batch := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", "addresses", strings.Join(addresses, "\n"), "area", "North Pier", "role", "Carer")
	defer func() {
		if t.Failed() {
			t.Logf("the batch's page says: %s", batch.text())
		}
	}()
	id := strings.TrimPrefix(batch.path(), "/o/harbour/batches/")
	count := func(condition string) int {
		return row[int](t, s, `SELECT count(*) FROM invitations WHERE batch_id = $1 AND `+condition, id)
	}
	passed := 0
	eventually(t, "the batch pauses itself", func() bool { // calls pass until then, each when all is told of those before
		settled := row[int](t, s, `SELECT count(*) FROM mail_chunks WHERE settled_at IS NOT NULL AND batch_id = $1`, id)
		if settled == passed && count("sent_at IS NOT NULL AND bounced_at IS NULL AND delivered_at IS NULL") == 0 {
			passed++
			let(1)
		}
		batch = ada.open(t, batch.path())
		return strings.Contains(batch.text(), "It paused itself")
	})
	release()
	batch.says(t, 200, "lost.example", "Resume")
	batch.lacks(t, "kept.example (")
	s.settles(t)
	sent := count("sent_at IS NOT NULL")
	t.Logf("%d of %d were sent, %d had bounced", sent, len(addresses), count("bounced_at IS NOT NULL"))
	if sent == len(addresses) {
		t.Fatal("everything was sent before it paused")
	}
	if n := row[int](t, s, `SELECT count(*)::int FROM audit WHERE action = 'batch.paused' AND actor_name = 'Paperplane'`); n != 1 {
		t.Errorf("%d audit rows tell of it", n)
	}
	// Whoever resumes it decides; here the organisation does without the guard.
	s.rows(t, `UPDATE organisations SET stop_loss_percent = 0`)
	resumed := ada.press(t, batch, "Resume")
	resumed.says(t, 200)
	ada.awaitBatch(t, resumed)
	eventually(t, "everybody's fate is known", func() bool {
		return count("bounced_at IS NOT NULL") == 200 && count("delivered_at IS NOT NULL") == 800
	})
	if sent := count("sent_at IS NOT NULL"); sent != len(addresses) {
		t.Errorf("%d were sent", sent)
	}
}
