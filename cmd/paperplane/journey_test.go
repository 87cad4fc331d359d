package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"paperplane/extension"
)

// goodPassword is long, unlike any address here and nobody's.
const goodPassword = "correct horse battery"

// TestTheJourney walks the main job with real browsers: paste five lines, register both invitees, see them Active, pause
// one, let one invitation expire and resend it.
func TestTheJourney(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		browser := startChromium(t)
		ada := browser.person(t, "ada")

		s.signIn(ada, s.password)
		ada.arrives("/o/harbour/users")
		ada.sees("Access management", "Users", demoAdministrator, "Active")

		s.invite(t, ada, "bob@example.com\ncarol@example.com\nBob@Example.com\nnobody@example\n"+demoAdministrator, "3 addresses recognised")
		ada.sees("2 invitations were sent.", "nobody@example", demoAdministrator, "Already part of this organisation", "Send more invites")

		bob, carol := browser.person(t, "bob"), browser.person(t, "carol")
		s.register(t, bob, "bob@example.com", "Bob", "Builder", "+46 70 174 06 10")
		s.register(t, carol, "carol@example.com", "Carol", "Carer", "+46 70 174 06 11")
		if n := len(s.mailbox.Messages("bob@example.com")); n != 1 {
			t.Errorf("bob got %d letters, want 1", n)
		}

		ada.open(s.page("/o/harbour/users"))
		ada.sees("Bob Builder", "Carol Carer")
		for _, address := range []string{"bob@example.com", "carol@example.com"} {
			if status := s.user(t, address).Facts.Status(s.clock.now()); status != extension.Active {
				t.Errorf("%s is %s, want Active", address, status)
			}
		}
		s.pauses(t, ada, bob)
		s.expiresAndIsResent(t, ada, browser.person(t, "dan"))
	})
}

// signIn fills in the sign-in page as the administrator.
func (s *testStack) signIn(p *person, password string) {
	p.t.Helper()
	p.open(s.page("/login"))
	p.fill("identifier", demoAdministrator)
	p.fill("password", password)
	p.press("Sign in")
}

// invite goes the way of the user guide: initials, Users, add, Invite Users.
func (s *testStack) invite(t *testing.T, p *person, pasted, count string) {
	t.Helper()
	p.open(s.page("/o/harbour/users"))
	p.press("Add Users")
	p.press("Invite Users")
	p.arrives("/o/harbour/invite")
	p.fill("addresses", pasted)
	p.sees(count)
	p.choose("area", "North Pier")
	p.choose("role", "Carer")
	p.press("Invite")
	p.arrives("/o/harbour/batches/")
}

// rests waits until the page of a batch has loaded itself anew for the last time: a page that does so at the very moment at
// which an address is opened stays where it is.
func (p *person) rests() {
	p.t.Helper()
	p.until("see the batch at rest", func() bool {
		rests, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !document.querySelector('[data-live]')"))
		return err == nil && rests
	})
}

// register goes from the letter to being in.
func (s *testStack) register(t *testing.T, p *person, address, first, last, mobile string) {
	t.Helper()
	letters := s.letters(t, address, 1)
	p.open(link(t, letters[len(letters)-1]))
	p.arrives("/join/")
	p.sees("invites you to Harbour Care", "North Pier", "Carer", address)
	p.press("Start")
	p.arrives("/register")
	p.fill("first_name", first)
	p.fill("last_name", last)
	p.fill("mobile", mobile)
	p.fill("password", goodPassword)
	p.press("Register")
	p.arrives("/agree")
	p.sees("Terms and conditions (EULA)")
	p.press("I accept the terms and conditions")
	p.arrives("/welcome")
	p.sees("You’re in, " + first)
}

// pauses deactivates bob and sees his session refused at once, by us and by Kratos.
func (s *testStack) pauses(t *testing.T, ada, bob *person) {
	t.Helper()
	ada.press("Deactivate bob@example.com")
	ada.sees("bob@example.com is deactivated and cannot enter Harbour Care.", "Resume")

	bob.open(s.page("/next"))
	bob.arrives("/login")
	bob.fill("identifier", "bob@example.com")
	bob.fill("password", goodPassword)
	bob.press("Sign in")
	bob.sees("switched off")
}

// expiresAndIsResent lets an invitation run out by the application's clock and sends it again: the old link is dead.
func (s *testStack) expiresAndIsResent(t *testing.T, ada, dan *person) {
	t.Helper()
	s.invite(t, ada, "dan@example.com", "1 address recognised")
	ada.sees("1 invitation was sent.")
	old := link(t, s.letters(t, "dan@example.com", 1)[0])

	s.clock.advance(7*24*time.Hour + time.Minute)
	dan.open(old)
	dan.sees("This invitation has expired")
	ada.open(s.page("/o/harbour/users?status=expired"))
	ada.sees("dan@example.com", "Expired")
	ada.press("Resend the invitation to dan@example.com")
	ada.sees("dan@example.com")

	fresh := s.letters(t, "dan@example.com", 2)[1]
	dan.open(old)
	dan.sees("This link no longer works")
	s.registerFrom(t, dan, link(t, fresh))
}

func (s *testStack) registerFrom(t *testing.T, p *person, address string) {
	t.Helper()
	p.open(address)
	p.press("Start")
	p.arrives("/register")
	p.fill("first_name", "Dan")
	p.fill("last_name", "Dancer")
	p.fill("mobile", "0701740612")
	p.fill("password", goodPassword)
	p.press("Register")
	p.arrives("/agree")
	p.press("I accept the terms and conditions")
	p.sees("You’re in, Dan")
}

// TestAnAdministratorWhoOpensAnInviteesLinkIsAskedFirst walks the one case in which two people meet in one browser.
func TestAnAdministratorWhoOpensAnInviteesLinkIsAskedFirst(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		ada := startChromium(t).person(t, "ada")
		s.signIn(ada, s.password)
		ada.arrives("/o/harbour/users")
		s.invite(t, ada, "eve@example.com", "1 address recognised")
		ada.sees("1 invitation was sent.")
		ada.rests()
		address := link(t, s.letters(t, "eve@example.com", 1)[0])

		ada.open(address)
		ada.sees("You are signed in as " + demoAdministrator)
		ada.press("Stay signed in as " + demoAdministrator)
		ada.arrives("/o/harbour/users")

		ada.open(address)
		ada.press("Sign out and continue as eve@example.com")
		ada.arrives("/register")
		ada.until("register as eve", func() bool {
			email, err := chromedp.Run(ada.ctx, chromedp.Evaluate[string]("document.querySelector('[name=email]')?.value ?? ''"))
			return err == nil && email == "eve@example.com"
		})
		ada.open(s.page("/o/harbour/users"))
		ada.arrives("/register") // whoever it is now, it is not the administrator
	})
}

// TestALinkScannerUsesNothingUp opens a link the way mail scanners do before the person does.
func TestALinkScannerUsesNothingUp(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	browser := startChromium(t)
	ada := browser.person(t, "ada")
	s.signIn(ada, s.password)
	ada.arrives("/o/harbour/users")
	s.invite(t, ada, "fay@example.com", "1 address recognised")
	address := link(t, s.letters(t, "fay@example.com", 1)[0])

	client := &http.Client{Timeout: recovery}
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
		request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.register(t, browser.person(t, "fay"), "fay@example.com", "Fay", "Wray", "+46 70 174 06 13")
}
