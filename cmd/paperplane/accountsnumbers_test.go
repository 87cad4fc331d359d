package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"paperplane/extension"
)

// provesMobile shows at Kratos itself that text messages reach the visitor.
func (v *visitor) provesMobile(t *testing.T, mobile string) {
	t.Helper()
	before := len(v.stack.mailbox.Messages(mobile))
	status, flow := v.inKratos(t, http.MethodGet, "/self-service/login/browser?aal=aal2&via=phone", nil)
	if status != http.StatusOK {
		t.Fatalf("second factor answered %d: %v", status, flow)
	}
	begun := &settings{visitor: v, flow: flow}
	post := func(fields object) int {
		fields["method"], fields["csrf_token"] = "code", begun.attribute("csrf_token", "value")
		status, answer := v.inKratos(t, http.MethodPost, "/self-service/login?flow="+begun.flow["id"].(string), fields)
		if answer["ui"] != nil {
			begun.flow = answer
		}
		return status
	}
	if begun.attribute("code", "type") == nil {
		post(object{"address": mobile})
	}
	code := v.stack.codesMailedTo(t, mobile, before+1)[before]
	if status := post(object{"code": code}); status != http.StatusOK {
		t.Fatalf("the code of the text message answered %d", status)
	}
}

// isTold registers with a number that another account has, and is told what to do.
func (s *testStack) isTold(t *testing.T, ada *visitor, address, mobile string) (v *visitor, form page) {
	t.Helper()
	ada.invites(t, address).allSent(t, 1)
	v = s.visitor(t)
	form = v.press(t, v.starts(t, s.linkTo(t, address)), "Register", details(mobile)...)
	form.says(t, 422, "This mobile number belongs to another account. Enter your own number, or ask your administrator to free it.")
	form.faultsAre(t, "mobile")
	return v, form
}

func (s *testStack) freesNumbers(t *testing.T, ada *visitor) {
	t.Helper()
	squatted, proven := s.mobile(), s.mobile()
	squatter := s.has(t, account{address: "squatter@example.com", traits: object{"phone": squatted, "name": object{"first": "Sam", "last": "Squatter"}}})
	const address = "robbed@example.com"
	person := func() page { return ada.open(t, "/o/harbour/users/"+string(s.user(t, address).ID)) }
	v, form := s.isTold(t, ada, address, squatted)
	free := person()
	free.says(t, 200, "Free a mobile number", "belongs to another account")
	for typed, words := range map[string]string{
		s.mobile(): "No account has this number now.", "call me": "A mobile number has no letters.", "": "mobile",
	} {
		ada.press(t, free, "Free this number", "mobile", typed).says(t, 422, words)
	}
	ada.press(t, free, "Free this number", "mobile", "0"+squatted[3:]).says(t, 200, "The number is free: the other account has lost it.")
	traits, _ := s.identity(t, squatter)["traits"].(object)
	if traits["phone"] != nil || traits["email"] != "squatter@example.com" || traits["name"].(object)["first"] != "Sam" {
		t.Errorf("the squatter has %v now", traits)
	}
	freed := row[string](t, s, `SELECT actor_name || ' ' || detail FROM audit WHERE action = 'mobile.freed' AND user_id = $1`, s.user(t, address).ID)
	if !strings.Contains(freed, "Ada Admin") || !strings.Contains(freed, string(squatter)) || strings.Contains(freed, squatted) {
		t.Errorf("the audit says %q", freed)
	}
	terms := v.press(t, form, "Register", details(squatted)...)
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	person().lacks(t, "Free a mobile number")

	ada.invites(t, "holder@example.com")
	holder := s.visitor(t)
	holder.press(t, holder.press(t, holder.starts(t, s.linkTo(t, "holder@example.com")), "Register", details(proven)...), "I accept the terms and conditions").
		says(t, 200, "You’re in")
	holder.provesMobile(t, proven)
	if factors := s.user(t, "holder@example.com").Factors; !slices.Equal(factors, []extension.Factor{extension.FactorSMS}) {
		t.Fatalf("the holder has proven %v", factors)
	}
	s.isTold(t, ada, "greedy@example.com", proven)
	greedy := ada.open(t, "/o/harbour/users/"+string(s.user(t, "greedy@example.com").ID))
	ada.press(t, greedy, "Free this number", "mobile", proven).says(t, 422, "has proven it by a text message, so it stays there")
	if mobile := s.identity(t, s.user(t, "holder@example.com").Identity)["traits"].(object)["phone"]; mobile != proven {
		t.Errorf("the holder has %v", mobile)
	}
}

// operatorHelps runs the commands for accounts of several organisations.
func (s *testStack) operatorHelps(t *testing.T, ada *visitor) {
	t.Helper()
	far := s.second(t, "far", nil)
	const holder, address = "far.holder@example.com", "near@example.com"
	mobile := s.mobile()
	w := s.visitor(t)
	w.press(t, w.press(t, w.press(t, w.open(t, s.invitedTo(t, far, holder)), "Start"), "Register", details(mobile)...), "I accept the terms and conditions").
		says(t, 200, "You’re in")
	v, form := s.isTold(t, ada, address, mobile)
	refused := ada.press(t, ada.open(t, "/o/harbour/users/"+string(s.user(t, address).ID)), "Free this number", "mobile", mobile)
	refused.says(t, 422, "belongs to another organisation or application, so it stays there. Ask the operator of Paperplane.")

	command := func(arguments ...string) result {
		t.Helper()
		return execute(t, nil, "", append([]string{"user", "--config", s.file}, arguments...)...)
	}
	got := command("free-number", "--organisation", demoSlug, "--number", mobile, "Near@Example.com")
	if got.code != exitDone || !strings.Contains(got.out, "The number is free: the other account has lost it. Ask near@example.com") {
		t.Fatalf("%+v", got)
	}
	v.press(t, v.press(t, form, "Register", details(mobile)...), "I accept the terms and conditions").says(t, 200, "You’re in, Robin")

	// An account of two organisations loses its second factor in both.
	w.press(t, w.press(t, w.open(t, s.invitedByAda(t, ada, holder)), "Accept"), "Register", details(s.mobile())...)
	w.enrols(t)
	eventually(t, "the factor is known", func() bool { return len(s.userOf(t, far, holder).Factors) > 0 })
	got = command("reset-factor", "--organisation", "far", holder)
	if got.code != exitDone || !strings.Contains(got.out, "The second factors of far.holder@example.com are removed, and they are signed out everywhere.") {
		t.Fatalf("%+v", got)
	}
	if len(s.userOf(t, far, holder).Factors) > 0 || len(s.user(t, holder).Factors) > 0 || w.whoami(t) != http.StatusUnauthorized {
		t.Error("a factor or a session is left")
	}
	if n := row[int](t, s, `SELECT count(*)::int FROM audit a JOIN users u ON u.id = a.user_id
		WHERE a.action = 'factors.reset' AND a.actor_name = 'The operator of Paperplane' AND u.address = $1`, holder); n != 2 {
		t.Errorf("%d rows in the audit, want one for each organisation", n)
	}
	for name, c := range map[string]struct {
		arguments []string
		code      int
		words     string
	}{
		"no organisation":    {[]string{"reset-factor", "--organisation", "nowhere", holder}, exitFailed, `there is no organisation "nowhere"`},
		"nobody":             {[]string{"reset-factor", "--organisation", demoSlug, "nobody@example.com"}, exitFailed, "nobody with the address nobody@example.com is invited there"},
		"part of somebody":   {[]string{"reset-factor", "--organisation", "far", "holder@example.com"}, exitFailed, "nobody with the address"},
		"no address":         {[]string{"reset-factor", "--organisation", demoSlug, "holder"}, exitFailed, "give one email address"},
		"no argument":        {[]string{"reset-factor", "--organisation", demoSlug}, exitUsage, "accepts 1 arg(s)"},
		"a number of nobody": {[]string{"free-number", "--organisation", demoSlug, "--number", s.mobile(), address}, exitFailed, "nothing was changed: No account has this number now."},
		"their own number":   {[]string{"free-number", "--organisation", demoSlug, "--number", mobile, address}, exitFailed, "has this number already"},
		"no number":          {[]string{"free-number", "--organisation", demoSlug, address}, exitFailed, "required flag"},
	} {
		if got := command(c.arguments...); got.code != c.code || !strings.Contains(got.err, c.words) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// invitedByAda invites an address to the demonstration organisation and gives the link, whatever came there before.
func (s *testStack) invitedByAda(t *testing.T, ada *visitor, address string) string {
	t.Helper()
	before := len(s.invitationsTo(address))
	ada.invites(t, address)
	return link(t, s.letters(t, address, before+1)[before])
}
