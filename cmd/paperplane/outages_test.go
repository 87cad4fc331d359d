package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/invite"
)

// TestOutages stops Kratos and PostgreSQL while people are at every page, and lets everybody go on afterwards from
// exactly where they were.
func TestOutages(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		calls := &checkpoint{}
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_MAIL_RESEND_BASE_URL="+calls.start(t, o.ports.mailbox))
		})
		inTurn(t,
			story{"Kratos is down", func(t *testing.T) {
				crowd := s.gathers(t, "kratos")
				if err := s.kratos.Kill(); err != nil {
					t.Fatal(err)
				}
				crowd.presses(t)
				s.ready(t, http.StatusServiceUnavailable, "kratos")
				batch := s.sendsBehindThePages(t, "outage.kratos@example.com")
				eventually(t, "the batch says what holds it up", func() bool {
					return s.reports(t, batch).Progress.Trouble == "The sign-in service (Ory Kratos) does not answer."
				})
				if err := s.kratos.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				crowd.goesOn(t)
				s.oneLetterEach(t, "outage.kratos@example.com")
				eventually(t, "nothing holds the batch up any more", func() bool {
					report := s.reports(t, batch)
					return report.Progress.Done() && report.Progress.Trouble == ""
				})
			}},
			story{"PostgreSQL is down", func(t *testing.T) {
				crowd := s.gathers(t, "postgres")
				if err := s.postgres.Kill(); err != nil {
					t.Fatal(err)
				}
				crowd.presses(t)
				s.ready(t, http.StatusServiceUnavailable, "postgresql")
				if err := s.postgres.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				crowd.goesOn(t)
			}},
			story{"PostgreSQL dies in the middle of a batch", func(t *testing.T) { s.losesDatabaseInBatch(t, calls) }},
		)
	})
}

// ready asks for readiness and for life, which are different things.
func (s *testStack) ready(t *testing.T, status int, missing string) {
	t.Helper()
	v := s.visitor(t)
	v.open(t, "/readyz").says(t, status, missing)
	v.open(t, "/healthz").says(t, http.StatusOK)
}

// sendsBehindThePages invites an address without a session, as the command line does.
func (s *testStack) sendsBehindThePages(t *testing.T, addresses ...string) extension.BatchID {
	t.Helper()
	admin := s.system(t)
	choices, err := s.server.invite.Choices(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := s.server.invite.Send(t.Context(), admin, invite.Order{
		Batch: extension.NewID[extension.BatchID](), Text: strings.Join(addresses, "\n"), Area: choices.Areas[0].ID, Role: choices.Roles[0].ID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// system acts for the demonstration organisation.
func (s *testStack) system(t *testing.T) extension.Actor {
	t.Helper()
	organisation, err := s.server.roster.Organisation(t.Context(), demoSlug)
	if err != nil {
		t.Fatal(err)
	}
	return extension.System(organisation.ID, "test")
}

// reports gives what became of a batch.
func (s *testStack) reports(t *testing.T, batch extension.BatchID) extension.Report {
	t.Helper()
	report, err := s.server.invite.Report(t.Context(), s.system(t), batch)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// crowd is one person at every page, with the page that each of them has before them.
type crowd struct {
	stack *testStack
	name  string // in addresses, to tell crowds apart

	ada, inviting, pausing, opening, starting, registering, agreeing, signingIn, settled, leaving *visitor

	invite, pause, landing, form, terms, login, welcome page
	opened                                              string // the link that is opened
	mobile                                              string
}

func (c *crowd) address(person string) string { return person + "." + c.name + "@example.com" }

func (c *crowd) list() string { return "Wanda <" + c.address("wanted") + ">, " + c.address("wished") }

// gathers brings everybody to their page.
func (s *testStack) gathers(t *testing.T, name string) *crowd {
	t.Helper()
	c := &crowd{stack: s, name: name, ada: s.administrator(t), mobile: s.mobile()}
	c.inviting, c.pausing = c.ada.sharing(t), c.ada.sharing(t)
	c.ada.invites(t, c.address("opening"), c.address("starting"), c.address("registering"), c.address("agreeing"), c.address("paused"))
	c.invite = c.inviting.open(t, "/o/harbour/invite")
	c.pause = c.pausing.open(t, "/o/harbour/users?q="+c.address("paused"))

	c.opening, c.opened = s.visitor(t), s.linkTo(t, c.address("opening"))
	c.starting = s.visitor(t)
	c.landing = c.starting.open(t, s.linkTo(t, c.address("starting")))
	c.registering = s.visitor(t)
	c.form = c.registering.starts(t, s.linkTo(t, c.address("registering")))
	c.agreeing = s.visitor(t)
	c.terms = c.agreeing.registers(t, c.agreeing.starts(t, s.linkTo(t, c.address("agreeing"))))
	c.settled = s.member(t, c.ada, c.address("settled"))
	c.signingIn, c.leaving = s.visitor(t), s.visitor(t)
	c.login = c.signingIn.open(t, "/login")
	c.welcome = c.leaving.signIn(t, c.address("settled"), goodPassword)
	return c
}

// presses has everybody press their button while a part is down. Each is told so and keeps what they typed.
func (c *crowd) presses(t *testing.T) {
	t.Helper()
	for name, p := range map[string]page{
		"the users list":   c.ada.open(t, "/o/harbour/users"),
		"the invite page":  c.ada.open(t, "/o/harbour/invite"),
		"the dispatcher":   c.settled.open(t, "/next"),
		"the welcome":      c.settled.open(t, "/welcome"),
		"the registration": c.registering.open(t, "/register"),
		"the terms":        c.agreeing.open(t, "/agree"),
		"the sign-in":      c.signingIn.open(t, "/login"),
	} {
		t.Run(name, func(t *testing.T) { tellsOfOutage(t, p) })
	}
	t.Run("a link", func(t *testing.T) {
		p := c.opening.open(t, c.opened)
		if p.status != http.StatusOK { // it needs the database alone
			tellsOfOutage(t, p)
		}
		if strings.Contains(p.body, tokenOf(c.opened)) {
			t.Error("the page holds the token")
		}
	})
	t.Run("Invite", func(t *testing.T) {
		c.invite = c.inviting.press(t, c.invite, "Invite", "addresses", c.list(), "area", "South Pier", "role", "Team lead")
		tellsOfOutage(t, c.invite)
		if got := c.invite.value(t, "addresses"); got != c.list() {
			t.Errorf("the text is %q now", got)
		}
	})
	t.Run("Deactivate", func(t *testing.T) { tellsOfOutage(t, c.pausing.press(t, c.pause, "Deactivate "+c.address("paused"))) })
	t.Run("Start", func(t *testing.T) {
		p := c.starting.press(t, c.landing, "Start")
		tellsOfOutage(t, p)
		if p.has("Start") {
			p.says(t, 503, "Your invitation is safe")
			c.landing = p
		}
	})
	t.Run("Register", func(t *testing.T) {
		c.form = c.registering.press(t, c.form, "Register", details(c.mobile, "first_name", "Kim")...)
		tellsOfOutage(t, c.form)
		for field, want := range map[string]string{"first_name": "Kim", "last_name": "Sand", "mobile": c.mobile, "password": "", "email": c.address("registering")} {
			if got := c.form.value(t, field); got != want {
				t.Errorf("%s is %q now, was %q", field, got, want)
			}
		}
	})
	t.Run("I accept", func(t *testing.T) {
		tellsOfOutage(t, c.agreeing.press(t, c.terms, "I accept the terms and conditions"))
	})
	t.Run("Sign in", func(t *testing.T) {
		tellsOfOutage(t, c.signingIn.press(t, c.login, "Sign in", "identifier", c.address("settled"), "password", goodPassword))
	})
	t.Run("Sign out", func(t *testing.T) {
		c.welcome = c.leaving.press(t, c.welcome, "Sign out")
		tellsOfOutage(t, c.welcome)
		c.welcome.says(t, 503, "You are still signed in")
	})
}

// tellsOfOutage fails the test unless a page says what happened and what to do, as a passing state.
func tellsOfOutage(t *testing.T, p page) {
	t.Helper()
	p.says(t, http.StatusServiceUnavailable, "does not answer", "Wait a moment")
	if p.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	if p.header.Get("Content-Security-Policy") == "" || p.header.Get("Cache-Control") != "no-store" {
		t.Error("the security headers are missing")
	}
	for _, word := range []string{"dial tcp", "EOF", "connection refused", "SQLSTATE", "127.0.0.1:"} {
		if strings.Contains(p.text(), word) {
			t.Errorf("the page shows %q: %s", word, p.text())
		}
	}
}

// goesOn has everybody press again, from the page that they were left with.
func (c *crowd) goesOn(t *testing.T) {
	t.Helper()
	eventually(t, "everything is ready again", func() bool { return c.stack.visitor(t).open(t, "/readyz").status == http.StatusOK })
	t.Run("a link again", func(t *testing.T) { c.opening.open(t, c.opened).says(t, 200, "invites you to Harbour Care") })
	t.Run("Invite again", func(t *testing.T) {
		again := c.invite
		if again.has("Continue with this list") {
			again = c.inviting.press(t, again, "Continue with this list")
		}
		if again.value(t, "area") != "South Pier" || again.value(t, "role") != "Team lead" {
			t.Error("the choices are lost")
		}
		c.inviting.awaitBatch(t, c.inviting.press(t, again, "Invite")).allSent(t, 2, "South Pier", "Team lead")
		c.stack.oneLetterEach(t, c.address("wanted"), c.address("wished"))
	})
	t.Run("Deactivate again", func(t *testing.T) {
		c.pausing.press(t, c.pause, "Deactivate "+c.address("paused")).says(t, 200, c.address("paused")+" is deactivated")
	})
	t.Run("Start again", func(t *testing.T) { c.starting.press(t, c.landing, "Start").says(t, 200, "Register for Harbour Care") })
	t.Run("Register again", func(t *testing.T) {
		terms := c.registering.press(t, c.form, "Register", "password", goodPassword)
		terms.says(t, 200, "Terms and conditions (EULA)")
		c.registering.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Kim")
	})
	t.Run("I accept again", func(t *testing.T) {
		c.agreeing.press(t, c.terms, "I accept the terms and conditions").says(t, 200, "You’re in")
		c.stack.is(t, c.address("agreeing"), extension.Active)
	})
	t.Run("Sign in again", func(t *testing.T) {
		c.signingIn.press(t, c.login, "Sign in", "identifier", c.address("settled"), "password", goodPassword).says(t, 200, "You’re in")
	})
	t.Run("Sign out again", func(t *testing.T) {
		c.leaving.press(t, c.welcome, "Sign out").says(t, 200, "You are signed out.")
		if got := c.leaving.whoami(t); got != http.StatusUnauthorized {
			t.Errorf("Kratos answers %d for the session", got)
		}
	})
	for _, person := range []string{"opening", "starting", "registering", "agreeing", "paused", "settled"} {
		c.stack.oneLetterEach(t, c.address(person))
	}
}

// losesDatabaseInBatch kills PostgreSQL while identities are made and letters are on their way: they go out when nobody can
// write that down.
func (s *testStack) losesDatabaseInBatch(t *testing.T, calls *checkpoint) {
	t.Helper()
	let, release := calls.holdLetters()
	defer release()
	let(1)
	called := len(calls.of("/emails/batch"))
	addresses := make([]string, 400)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("crowd%03d@example.com", i)
	}
	batch := s.sendsBehindThePages(t, addresses...)
	eventually(t, "the first letters are out, and others on their way", func() bool {
		return s.reports(t, batch).Progress.Sent > 0 && len(calls.of("/emails/batch")) > called+1
	})
	if err := s.postgres.Kill(); err != nil {
		t.Fatal(err)
	}
	release()
	if err := s.postgres.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is ready again", func() bool { return s.visitor(t).open(t, "/readyz").status == http.StatusOK })
	// What was in hand may be left alone for as long as a lease; let it pass.
	s.rows(t, `UPDATE invitations SET leased_until = NULL WHERE leased_until IS NOT NULL`)
	s.rows(t, `UPDATE mail_chunks SET leased_until = '-infinity' WHERE settled_at IS NULL`)
	eventually(t, "the batch is done", func() bool { return s.reports(t, batch).Progress.Done() })
	if sent := s.reports(t, batch).Progress.Sent; sent != len(addresses) {
		t.Errorf("%d were sent, want %d", sent, len(addresses))
	}
	s.oneLetterEach(t, addresses...)
}
