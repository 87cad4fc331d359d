package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// TestInvitingTakesBadInput presses Invite with everything that can be wrong in the form.
func TestInvitingTakesBadInput(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	ada := s.administrator(t)
	s.refusesOrders(t, ada, s.foundSecond(t))
	s.refusesTooMuch(t, ada)
	for _, table := range []string{"batches WHERE actor_user_id IS NOT NULL", "users WHERE address = 'a@example.com'"} {
		if n := row[int](t, s, "SELECT count(*)::int FROM "+table); n != 0 {
			t.Errorf("%d rows in %s after refusals, want none", n, table)
		}
	}
}

func (s *testStack) refusesOrders(t *testing.T, ada *visitor, other extension.Charter) {
	t.Helper()
	type refused struct {
		typed  []string
		status int
		fields []string
		words  []string
	}
	filled := []string{"area", "North Pier", "role", "Carer"}
	with := func(typed ...string) []string { return append(append([]string{}, filled...), typed...) }
	unknown := string(extension.NewID[extension.AreaID]())
	for name, c := range map[string]refused{
		"nothing":      {with("addresses", ""), 422, []string{"addresses"}, []string{"Type or paste at least one email address."}},
		"only space":   {with("addresses", " \n\t \n"), 422, []string{"addresses"}, []string{"Type or paste at least one email address."}},
		"no address":   {with("addresses", "nobody at all"), 422, []string{"addresses"}, []string{"No email address was recognised in this text."}},
		"nothing else": {[]string{"addresses", "a@example.com"}, 422, []string{"area", "role"}, []string{"Choose one of your service areas.", "Choose one of the roles."}},
		"unknown area": {
			[]string{"addresses", "a@example.com", "area", unknown, "role", "Carer"},
			422,
			[]string{"area"},
			[]string{"Choose one of your service areas."},
		},
		"no area's id": {
			[]string{"addresses", "a@example.com", "area", "' OR 1=1 --", "role", "Carer"},
			422,
			[]string{"area"},
			[]string{"Choose one of your service areas."},
		},
		"unknown role": {
			[]string{"addresses", "a@example.com", "area", "North Pier", "role", unknown},
			422,
			[]string{"role"},
			[]string{"Choose one of the roles."},
		},
		"another organisation's area": {
			[]string{"addresses", "a@example.com", "area", string(other.Areas[0].ID), "role", "Carer"},
			422,
			[]string{"area"},
			[]string{"Choose one of your service areas."},
		},
		"another organisation's role": {
			[]string{"addresses", "a@example.com", "area", "North Pier", "role", string(other.Roles[0].ID)},
			422,
			[]string{"role"},
			[]string{"Choose one of the roles."},
		},
		"everything wrong": {
			[]string{"addresses", "nobody", "area", unknown, "role", unknown},
			422,
			[]string{"addresses", "area", "role"},
			[]string{"Please put this right"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", c.typed...)
			answer.says(t, c.status, c.words...)
			answer.faultsAre(t, c.fields...)
			for i := 0; i < len(c.typed); i += 2 {
				field, typed := c.typed[i], c.typed[i+1]
				chosen := field == "addresses" || typed == "North Pier" || typed == "Carer"
				if got := answer.value(t, field); chosen && got != typed {
					t.Errorf("%s is %q now, was %q", field, got, typed)
				}
			}
		})
	}
}

func (s *testStack) refusesTooMuch(t *testing.T, ada *visitor) {
	t.Helper()
	paste := strings.Repeat("somebody.with.a.name@department.example.com\n", 5<<20/44)
	form := ada.open(t, "/o/harbour/invite")
	form.says(t, 200, "Up to 100,000 addresses or 4 MB of text at once.")
	answer := ada.press(t, form, "Invite", "addresses", paste, "area", "North Pier", "role", "Carer")
	answer.says(t, http.StatusRequestEntityTooLarge, "This is more than 4 MB of text or 100,000 addresses.")
	answer.faultsAre(t, "addresses")
	if answer.value(t, "addresses") != paste {
		t.Error("the text is not kept")
	}
	if answer.value(t, "area") != "North Pier" || answer.value(t, "role") != "Carer" {
		t.Error("the choices are not kept")
	}
	count := ada.request(t, http.MethodPost, "/o/harbour/invite/recognise", strings.NewReader(paste))
	count.Header.Set("Origin", s.page(""))
	count.Header.Set("Accept", "application/json")
	ada.do(t, count).says(t, http.StatusRequestEntityTooLarge, "This is more than 4 MB of text or 100,000 addresses.")
}

// foundSecond founds a second organisation in the same stack and gives its charter.
func (s *testStack) foundSecond(t *testing.T) extension.Charter {
	t.Helper()
	charter := charterOf("lighthouse")
	if err := s.server.roster.Establish(t.Context(), extension.System(charter.Organisation.ID, "test"), charter); err != nil {
		t.Fatal(err)
	}
	return charter
}

// TestInvitingNeverTwice presses Invite again and again, and invites people who are known.
func TestInvitingNeverTwice(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	ada := s.administrator(t)
	inTurn(t,
		story{"one form pressed twice at the same moment is one batch", func(t *testing.T) {
			form := ada.open(t, "/o/harbour/invite").formWith(t, "Invite", "addresses", "twice@example.com", "area", "North Pier", "role", "Carer")
			batches := make([]page, 4)
			var pressing sync.WaitGroup
			for i := range batches {
				pressing.Go(func() { batches[i] = ada.do(t, ada.submission(t, ada.page(t), form)) })
			}
			pressing.Wait()
			for _, batch := range batches {
				if batch.path() != batches[0].path() {
					t.Errorf("two batches: %s and %s", batch.path(), batches[0].path())
				}
			}
			ada.awaitBatch(t, batches[0]).says(t, 200, "1 invitation was sent.")
			s.oneLetterEach(t, "twice@example.com")
		}},
		story{"the same people in two tabs are invited once", func(t *testing.T) {
			tab := ada.sharing(t)
			first, second := ada.open(t, "/o/harbour/invite"), tab.open(t, "/o/harbour/invite")
			filled := []string{"addresses", "tabs@example.com", "area", "North Pier", "role", "Carer"}
			ada.awaitBatch(t, ada.press(t, first, "Invite", filled...)).says(t, 200, "1 invitation was sent.")
			tab.press(t, second, "Invite", filled...).says(t, 200, "No invitations were sent", "tabs@example.com", "Already invited: the invitation is Pending")
			s.oneLetterEach(t, "tabs@example.com")
		}},
		story{"the back button with more addresses sends to the new ones", func(t *testing.T) {
			form := ada.open(t, "/o/harbour/invite")
			filled := []string{"area", "North Pier", "role", "Carer", "addresses"}
			ada.awaitBatch(t, ada.press(t, form, "Invite", append(filled, "back@example.com")...))
			ada.awaitBatch(t, ada.press(t, form, "Invite", append(filled, "back@example.com, more@example.com")...)).
				says(t, 200, "1 invitation was sent.", "Not sent (1)")
			s.oneLetterEach(t, "back@example.com", "more@example.com")
		}},
		story{"Check addresses counts without JavaScript and sends nothing", func(t *testing.T) {
			answer := ada.press(t, ada.open(t, "/o/harbour/invite"), "Check addresses",
				"addresses", "check@example.com\ncheck@example.com\nnobody.example.com\nBob", "area", "South Pier", "role", "Carer")
			answer.says(t, 200, "1 address recognised, 1 repetition left out", "nobody.example.com", "1 other word ignored")
			if answer.value(t, "area") != "South Pier" || answer.value(t, "role") != "Carer" {
				t.Error("the choices are not kept")
			}
			ada.awaitBatch(t, ada.press(t, answer, "Invite")).says(t, 200, "1 invitation was sent.", "South Pier")
			s.oneLetterEach(t, "check@example.com")
		}},
		story{"a session lost before Invite keeps the text", func(t *testing.T) { s.keepsTextWithoutSession(t) }},
		story{"a session that was renewed asks for one more press", func(t *testing.T) {
			eve := s.administrator(t)
			form := eve.open(t, "/o/harbour/invite")
			eve.press(t, eve.open(t, "/logout"), "Sign out")
			eve.signIn(t, demoAdministrator, s.password)
			filled := []string{"addresses", "renewed@example.com", "area", "North Pier", "role", "Carer"}
			again := eve.press(t, form, "Invite", filled...)
			again.says(t, 403, "Please press Invite again", "what you typed is still here")
			eve.awaitBatch(t, eve.press(t, again, "Invite")).says(t, 200, "1 invitation was sent.")
			s.oneLetterEach(t, "renewed@example.com")
		}},
		story{"an archived area is neither offered nor taken", func(t *testing.T) {
			form := ada.open(t, "/o/harbour/invite")
			s.rows(t, `UPDATE areas SET archived_at = now() WHERE name = 'Lighthouse'`)
			refused := ada.press(t, form, "Invite", "addresses", "archived@example.com", "area", "Lighthouse", "role", "Carer")
			refused.says(t, 422, "Choose one of your service areas.")
			if diff := cmp.Diff([]string{"North Pier", "South Pier"}, refused.options("area")); diff != "" {
				t.Errorf("areas on offer (-want +got):\n%s", diff)
			}
			if got := refused.value(t, "addresses"); got != "archived@example.com" {
				t.Errorf("the text is %q now", got)
			}
		}},
		story{"everybody who is known is listed with the reason", func(t *testing.T) { s.knownPeople(t, ada) }},
	)
}

// page is the page that a visitor's forms come from.
func (v *visitor) page(t *testing.T) page {
	t.Helper()
	return page{address: v.address(t, "/")}
}

func (s *testStack) keepsTextWithoutSession(t *testing.T) {
	t.Helper()
	eve := s.administrator(t)
	form := eve.open(t, "/o/harbour/invite")
	eve.press(t, eve.sharing(t).open(t, "/logout"), "Sign out")
	kept := eve.press(t, form, "Invite", "addresses", "kept@example.com\nkept.too@example.com", "area", "South Pier", "role", "Carer")
	kept.says(t, 401, "Nothing was sent, and what you typed is still here.")
	s.noLetter(t, "kept@example.com")
	tab := eve.sharing(t)
	tab.press(t, tab.press(t, kept, "Sign in (in a new tab)"), "Sign in", "identifier", demoAdministrator, "password", s.password).
		says(t, 200, "Invite users")
	again := eve.press(t, kept, "Continue with this list")
	again.says(t, 200, "2 addresses recognised")
	if again.value(t, "area") != "South Pier" || again.value(t, "role") != "Carer" {
		t.Error("the choices are not kept")
	}
	eve.awaitBatch(t, eve.press(t, again, "Invite")).says(t, 200, "2 invitations were sent.")
	s.oneLetterEach(t, "kept@example.com", "kept.too@example.com")
}

func (s *testStack) knownPeople(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invites(t, "pending@example.com", "expired@example.com", "inactive@example.com")
	s.member(t, ada, "active@example.com")
	s.runsOut(t, "expired@example.com")
	s.switchesOff(t, "inactive@example.com")

	known := []string{"active@example.com", "PENDING@Example.com", "expired@example.com", "inactive@example.com"}
	batch := ada.invitesAs(t, "South Pier", "Team lead", append(known, "unknown@example.com")...)
	batch.says(t, 200, "1 invitation was sent.", "Not sent (4)", "Send more invites")
	for address, reason := range map[string]string{
		"active@example.com":   "Already part of this organisation, and Active.",
		"pending@example.com":  "Already invited: the invitation is Pending and its link still works.",
		"expired@example.com":  "Already invited, but the invitation has Expired. Resend it",
		"inactive@example.com": "Already part of this organisation, but Inactive. Resume the user",
	} {
		if got := batch.row(address); !strings.Contains(got, reason) {
			t.Errorf("%s: %q, want %q", address, got, reason)
		}
	}
	s.oneLetterEach(t, append(known, "unknown@example.com")...)
	for _, address := range []string{"pending@example.com", "active@example.com"} {
		if assignments := s.user(t, address).Assignments; len(assignments) != 1 || assignments[0].Area.Name != "North Pier" {
			t.Errorf("%s has other assignments now: %+v", address, assignments)
		}
	}
}

// TestInvitingAmongAccountsInKratos invites addresses that Kratos knows already.
func TestInvitingAmongAccountsInKratos(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		admin := &checkpoint{}
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_KRATOS_ADMIN_URL="+admin.start(t, o.ports.kratosAdmin))
		})
		ada := s.administrator(t)
		inTurn(t,
			story{"an account that is not ours is invited like any other and not touched", func(t *testing.T) { s.linksStrangers(t, ada) }},
			story{"what a crash left behind is adopted", func(t *testing.T) { s.adoptsItsOwn(t, ada, admin) }},
			story{"a mixed batch reaches everybody else exactly once", func(t *testing.T) { s.sendsMixedBatch(t, ada) }},
		)
	})
}

// linksStrangers invites somebody who has an account: to whoever invites it is like any other invitation, and the account
// is as it was until its holder accepts.
func (s *testStack) linksStrangers(t *testing.T, ada *visitor) {
	t.Helper()
	id := s.stranger(t, "Stranger@example.com")
	before := cleanJSON(t, s.identity(t, id))

	ada.invites(t, "stranger@example.com").allSent(t, 1)
	s.oneLetterEach(t, "stranger@example.com")
	for _, path := range []string{"/o/harbour/users?q=stranger", s.personPage(t, "stranger@example.com")} {
		ada.open(t, path).lacks(t, "already has an account", "has an account already", "registered")
	}
	if linked := s.user(t, "stranger@example.com").Identity; linked != id {
		t.Errorf("the user is linked to %s, want %s", linked, id)
	}
	them := s.visitor(t)
	them.signIn(t, "stranger@example.com", goodPassword).says(t, 403, "Open the link in your email")
	s.is(t, "stranger@example.com", extension.Pending)
	if diff := cmp.Diff(before, cleanJSON(t, s.identity(t, id))); diff != "" {
		t.Errorf("the account has changed (-before +after):\n%s", diff)
	}

	// Once the account is gone, the invitation says so, and sent again it makes a new one.
	s.asAdministrator(t, http.MethodDelete, "/admin/identities/"+string(id), nil, http.StatusNoContent)
	s.visitor(t).open(t, s.linkTo(t, "stranger@example.com")).says(t, 200, "invites you to Harbour Care")
	gone := s.visitor(t)
	gone.press(t, gone.open(t, s.linkTo(t, "stranger@example.com")), "Start").says(t, 403, "Ask an administrator of Harbour Care")
	eventually(t, "the account that is gone is let go of", func() bool { return s.user(t, "stranger@example.com").Identity == "" })
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes' WHERE id = $1`, s.user(t, "stranger@example.com").Invitation)
	ada.press(t, ada.open(t, "/o/harbour/users?q=stranger"), "Resend the invitation to stranger@example.com").says(t, 200, "A new invitation is on its way")
	fresh := link(t, s.letters(t, "stranger@example.com", 2)[1])
	them = s.visitor(t)
	them.press(t, them.registers(t, them.starts(t, fresh)), "I accept the terms and conditions").says(t, 200, "You’re in")
}

// adoptsItsOwn loses Kratos' answer to the creation, as a crash between the answer and our row does.
func (s *testStack) adoptsItsOwn(t *testing.T, ada *visitor, admin *checkpoint) {
	t.Helper()
	admin.lose(http.MethodPatch, "/admin/identities")
	ada.invites(t, "crash.a@example.com", "crash.b@example.com").says(t, 200, "2 invitations were sent.")
	if admin.lost() != 1 {
		t.Errorf("%d answers were lost, want 1", admin.lost())
	}
	s.oneLetterEach(t, "crash.a@example.com", "crash.b@example.com")
	for _, address := range []string{"crash.a@example.com", "crash.b@example.com"} {
		s.visitor(t).joins(t, address)
		s.is(t, address, extension.Active)
	}
}

func (s *testStack) sendsMixedBatch(t *testing.T, ada *visitor) {
	t.Helper()
	var pasted, good, strangers []string
	for i := range 30 {
		address := fmt.Sprintf("mixed%02d@example.com", i)
		switch i % 10 {
		case 3:
			s.stranger(t, address)
			strangers = append(strangers, address)
		case 5:
			address = fmt.Sprintf("mixed%02d@@example.com", i)
		case 7:
			s.mailbox.RefuseAddress(address, "The mailbox does not exist.")
		default:
			good = append(good, address)
		}
		pasted = append(pasted, address)
	}
	batch := ada.invites(t, pasted...)
	batch.says(t, 200, "24 of 27 invitations were sent.", "Not sent (6)", "27 addresses")
	s.oneLetterEach(t, append(strangers, good...)...)
	for _, address := range strangers {
		if got := batch.row(address); got != "" {
			t.Errorf("the page tells %s from the others: %q", address, got)
		}
	}
	for _, i := range []int{7, 17, 27} {
		if got := batch.row(fmt.Sprintf("mixed%02d@example.com", i)); !strings.Contains(got, "The mail provider refused the message. It said: “The mailbox does not exist.”") {
			t.Errorf("the refused address: %q", got)
		}
		if got := batch.row(fmt.Sprintf("mixed%02d@@example.com", i-2)); !strings.Contains(got, "Not a valid email address.") {
			t.Errorf("the invalid address: %q", got)
		}
	}
	for _, address := range good {
		identity := s.identity(t, s.user(t, address).Identity)
		if identity["state"] != "inactive" {
			t.Errorf("the identity of %s is %v before Start", address, identity["state"])
		}
	}
}
