package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"paperplane/extension"
)

// TestDoorFaults brings everything between an invitee and the welcome that can stand there. Each ends in a page that says
// what to do next.
func TestDoorFaults(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		hooks := &checkpoint{}
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_INTERNAL_URL="+hooks.start(t, o.ports.internal))
		})
		s.asksForFactor(t, extension.Ways()...)
		inTurn(t,
			story{"a session that was ended elsewhere while the form was filled in", func(t *testing.T) { s.losesSession(t) }},
			story{"a mobile number that another account holds", func(t *testing.T) { s.meetsTakenNumber(t) }},
			story{"a code that never comes", func(t *testing.T) { s.waitsForCode(t) }},
			story{"the link of somebody else", func(t *testing.T) { s.opensForwardedLink(t) }},
			story{"a browser that keeps no cookies", func(t *testing.T) { s.keepsNoCookies(t) }},
			story{"Kratos restarted between any two pages", func(t *testing.T) { s.outlastsRestarts(t) }},
			story{"hooks that are down", func(t *testing.T) { s.outlastsHooks(t, hooks) }},
			story{"Kratos down, at every page of the door and of the account", func(t *testing.T) {
				s.outlastsOutage(t, "kratos", s.kratos.Kill, func() error { return s.kratos.Restart(t.Context()) })
			}},
			story{"PostgreSQL down, at every page of the door and of the account", func(t *testing.T) {
				s.outlastsOutage(t, "postgres", s.postgres.Kill, func() error { return s.postgres.Restart(t.Context()) })
			}},
		)
	})
}

func (s *testStack) losesSession(t *testing.T) {
	t.Helper()
	const address = "ended@example.com"
	s.invitesCarer(t, address)
	v, link, number := s.visitor(t), s.linkTo(t, address), s.mobile()
	form := v.starts(t, link)
	s.asAdministrator(t, http.MethodDelete, "/admin/identities/"+string(s.user(t, address).Identity)+"/sessions", nil, http.StatusNoContent)
	v.press(t, form, "Register", details(number, "first_name", "Åsa")...).says(t, 403, "Your session has ended", "Back to your invitation")
	again := v.starts(t, link)
	for field, want := range map[string]string{"first_name": "Åsa", "last_name": "Sand", "mobile": number, "password": ""} {
		if got := again.value(t, field); got != want {
			t.Errorf("%s is %q, was typed %q", field, got, want)
		}
	}
	ways := v.press(t, again, "Register", "password", goodPassword)
	ways.says(t, 200, "Set up a second factor")
	// From here on there is a password, so signing in leads on.
	s.asAdministrator(t, http.MethodDelete, "/admin/identities/"+string(s.user(t, address).Identity)+"/sessions", nil, http.StatusNoContent)
	asked := v.press(t, ways, byText)
	asked.says(t, 200, "Sign in")
	if n := len(s.mailbox.Messages(number)); n != 0 {
		t.Errorf("%d codes were sent without a session", n)
	}
	v.press(t, asked, "Sign in", "identifier", address, "password", goodPassword).says(t, 200, "Set up a second factor")
}

func (s *testStack) meetsTakenNumber(t *testing.T) {
	t.Helper()
	_, ways := s.holder(t, "first.holder@example.com")
	ways.says(t, 200, "Set up a second factor")
	number := s.user(t, "first.holder@example.com").Mobile
	const address = "second.holder@example.com"
	s.invitesCarer(t, address)
	v := s.visitor(t)
	form := v.starts(t, s.linkTo(t, address))
	refused := v.press(t, form, "Register", details(number)...)
	refused.says(t, 422, "number", "administrator")
	refused.faultsAre(t, "mobile")
	if refused.value(t, "mobile") != number || refused.value(t, "password") != "" {
		t.Error("the number is not shown again, or the password is")
	}
	if registered := s.user(t, address).Facts.Registered; !registered.IsZero() {
		t.Error("somebody is registered with a number of somebody else")
	}
	v.press(t, refused, "Register", "mobile", s.mobile(), "password", goodPassword).says(t, 200, "Set up a second factor")
}

func (s *testStack) waitsForCode(t *testing.T) {
	t.Helper()
	const address = "waiting@example.com"
	h, ways := s.holder(t, address)
	typing, first := h.asks(t, ways, byText, h.mobile)
	s.neverLogged(t, first)
	typing.says(t, 200, "No code?", "Check that your phone has a signal.")
	early := h.press(t, typing, "Send another code")
	early.says(t, 429, "Another code cannot be sent yet", "If you have a code, type it. Otherwise wait, or choose another way.")
	if early.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	if n := len(s.codesTo(h.mobile)); n != 1 {
		t.Errorf("%d codes were sent, want 1", n)
	}
	other, code := h.asks(t, early, byEmail, address)
	s.neverLogged(t, code)
	other.says(t, 200, "Look into the spam folder too.")
	s.rests(t, extension.CodePause)
	typing, second := h.asks(t, h.open(t, "/secure"), byText, h.mobile)
	h.press(t, typing, "Confirm", "code", first[:3]+" "+second[3:]).says(t, 422, "This code is not right")
	for range 4 {
		s.rests(t, extension.CodePause)
		h.press(t, h.open(t, "/secure"), byText)
	}
	s.rests(t, extension.CodePause)
	h.press(t, h.open(t, "/secure"), byText).says(t, 429, "several within the last hour")
	// What is at hand of the other way still works.
	h.press(t, h.open(t, "/secure/code?way=email"), "Confirm", "code", code).says(t, 200, "Keep your recovery codes")
	h.addressesLack(t, first, second, code)
}

func (s *testStack) opensForwardedLink(t *testing.T) {
	t.Helper()
	h, _ := s.holder(t, "forwarder@example.com")
	s.invitesCarer(t, "meant@example.com")
	link := s.linkTo(t, "meant@example.com")
	asked := h.open(t, link)
	asked.says(t, 200, "You are signed in as forwarder@example.com", "Sign out and continue as meant@example.com")
	h.open(t, "/next").says(t, 200, "Set up a second factor")
	if started := s.user(t, "meant@example.com").Facts.Started; !started.IsZero() {
		t.Error("looking has started the invitation")
	}
	form := h.press(t, asked, "Sign out and continue as meant@example.com")
	form.says(t, 200, "Register for Harbour Care")
	if got := form.value(t, "email"); got != "meant@example.com" {
		t.Errorf("registers as %s", got)
	}
}

func (s *testStack) keepsNoCookies(t *testing.T) {
	t.Helper()
	s.invitesCarer(t, "cookieless@example.com")
	v := s.visitor(t)
	v.client.Jar = nil
	v.open(t, s.linkTo(t, "cookieless@example.com")).says(t, 403, "Your browser keeps no cookies", "Allow cookies for this site")
	for _, path := range []string{
		"/next", "/register", "/secure", "/secure/totp", "/secure/codes", "/secure/code?way=sms", "/confirm", "/confirm/code?way=totp", "/agree",
		"/agree/declined", "/welcome", "/organisations", "/terms/harbour", "/settings", "/settings/totp", "/logout", "/o/harbour/users",
	} {
		if p := v.open(t, path); p.status >= http.StatusInternalServerError || p.text() == "" {
			t.Errorf("%s answers %d: %s", path, p.status, p.text())
		}
	}
	for path, press := range map[string][]string{
		"/login":        {"Sign in", "identifier", demoAdministrator, "password", s.password},
		"/recovery":     {"Send me a code", "email", demoAdministrator},
		"/verification": {"Send me a code", "email", demoAdministrator},
	} {
		p := v.press(t, v.open(t, path), press[0], press[1:]...)
		if p.status >= http.StatusInternalServerError || strings.Contains(p.text(), s.password) {
			t.Errorf("%s answers %d: %s", path, p.status, p.text())
		}
		if !strings.Contains(p.text(), "cookies") {
			t.Errorf("%s (%d) does not say that it is the cookies: %s", path, p.status, p.text())
		}
	}
}

// outlastsRestarts restarts Kratos between every two pages of the way in.
func (s *testStack) outlastsRestarts(t *testing.T) {
	t.Helper()
	const address = "restarted@example.com"
	restarts := func() {
		t.Helper()
		if err := s.kratos.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := s.kratos.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.invitesCarer(t, address)
	h := &holder{visitor: s.visitor(t), address: address, mobile: s.mobile()}
	landing := h.open(t, s.linkTo(t, address))
	restarts()
	form := h.press(t, landing, "Start")
	form.says(t, 200, "Register for Harbour Care")
	restarts()
	ways := h.press(t, form, "Register", details(h.mobile)...)
	ways.says(t, 200, "Set up a second factor")
	restarts()
	typing, code := h.asks(t, ways, byText, h.mobile)
	restarts()
	codes := h.press(t, typing, "Confirm", "code", code)
	codes.says(t, 200, "Keep your recovery codes")
	restarts()
	terms := h.keeps(t, codes)
	terms.says(t, 200, "Terms and conditions (EULA)")
	restarts()
	h.arrives(t, terms)
	restarts()
	h.theSettings(t)
	asking := s.visitor(t)
	asked := asking.forgets(t, address)
	recovery := s.letters(t, address, 2)[1]
	restarts()
	asking.press(t, asked, "Confirm the code", "code", s.codeIn(t, recovery)).says(t, 200, "Confirm that it is you")
}

// outlastsHooks takes the hooks away that Kratos asks before it changes anything.
func (s *testStack) outlastsHooks(t *testing.T, hooks *checkpoint) {
	t.Helper()
	const address = "unguarded@example.com"
	h, ways := s.holder(t, address)
	form := h.press(t, ways, "Set up an authenticator app")
	h.app = h.reads(t, form)
	down := func(path, what string, try func() page) {
		t.Run(what, func(t *testing.T) {
			hooks.refuse(http.MethodPost, path)
			defer hooks.clear()
			p := try()
			p.says(t, 503, "Wait a moment")
			if p.header.Get("Retry-After") == "" {
				t.Error("there is no Retry-After")
			}
		})
	}
	down("/hooks/kratos/guard/", "the guard, as an app is set up", func() page { return h.press(t, form, "Confirm", "code", h.app.code(t)) })
	down("/hooks/kratos/before", "the guard before the settings, as an app is to be shown", func() page { return h.open(t, "/secure/totp") })
	down("/hooks/kratos/before", "the guard before the settings, at the account", func() page { return h.open(t, "/settings") })
	if factors := s.factors(t, address); factors != "" {
		t.Errorf("without a guard, there is %s", factors)
	}
	typing, code := h.asks(t, ways, byEmail, address)
	down("/hooks/kratos/login/", "the witness of a code", func() page { return h.press(t, typing, "Confirm", "code", code) })
	if factors := s.factors(t, address); factors != "" {
		t.Errorf("without a witness, there is %s", factors)
	}
	s.rests(t, extension.CodePause)
	typing, code = h.asks(t, h.open(t, "/secure"), byEmail, address)
	codes := h.press(t, typing, "Confirm", "code", code)
	codes.says(t, 200, "Keep your recovery codes")
	down("/hooks/kratos/guard/", "the guard, as recovery codes are kept", func() page { return h.press(t, codes, "Go on", "kept", "yes") })
	codes = h.open(t, "/secure/codes")
	terms := h.keeps(t, codes)
	down("/hooks/kratos/guard/", "the guard, as the terms are accepted", func() page { return h.press(t, terms, "I accept the terms and conditions") })
	h.arrives(t, h.open(t, "/agree"))
	account := h.theSettings(t)
	down("/hooks/kratos/guard/", "the guard, as a name is changed", func() page {
		return h.press(t, account, "Save your details", "traits.name.first", "Nobody")
	})
	if first := s.identity(t, s.user(t, address).Identity)["traits"].(object)["name"].(object)["first"]; first != "Robin" {
		t.Errorf("without a guard, the name became %v", first)
	}
}

// outlastsOutage stops a part while people are at every page, and lets them go on.
func (s *testStack) outlastsOutage(t *testing.T, part string, kill, restart func() error) {
	t.Helper()
	setting, ways := s.holder(t, "setting."+part+"@example.com")
	in := s.secured(t, "in."+part+"@example.com")
	confirming, confirm := in.comesBack(t)
	account := in.theSettings(t)
	nobody := s.visitor(t)
	recovery, verification := nobody.open(t, "/recovery"), nobody.open(t, "/verification")
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/secure", "/secure/totp", "/secure/codes", "/next", "/agree"} {
		t.Run("setting up: "+path, func(t *testing.T) { tellsOfOutage(t, setting.open(t, path)) })
	}
	for _, path := range []string{"/settings", "/settings/totp", "/organisations", "/terms/harbour", "/welcome"} {
		t.Run("in: "+path, func(t *testing.T) { tellsOfOutage(t, in.open(t, path)) })
	}
	for name, press := range map[string]func() page{
		"a code is asked for":    func() page { return setting.press(t, ways, byText) },
		"a factor is shown":      func() page { return confirming.press(t, confirm, "Confirm", "code", in.app.code(t)) },
		"details are saved":      func() page { return in.press(t, account, "Save your details") },
		"a password is saved":    func() page { return in.press(t, account, "Save the new password", "password", "a very good password") },
		"others are signed out":  func() page { return in.press(t, account, "Sign out everywhere else") },
		"a password is lost":     func() page { return nobody.press(t, recovery, "Send me a code", "email", in.address) },
		"an address is to prove": func() page { return nobody.press(t, verification, "Send me a code", "email", in.address) },
	} {
		t.Run(name, func(t *testing.T) {
			p := press()
			p.says(t, 503, "does not answer", "Wait a moment")
			if strings.Contains(p.body, "a very good password") {
				t.Error("the page holds the password")
			}
		})
	}
	nobody.open(t, "/error").says(t, 200, "That did not work")
	if err := restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is ready again", func() bool { return s.visitor(t).open(t, "/readyz").status == http.StatusOK })
	confirming.press(t, confirming.open(t, "/confirm"), "Confirm", "code", in.app.code(t)).says(t, 200, "You’re in")
	in.press(t, account, "Save your details").says(t, 200, "Your details are saved.")
	asked := nobody.press(t, recovery, "Send me a code", "email", in.address)
	asked.says(t, 200, "Look into your mailbox")
	if !slices.Contains([]int{http.StatusOK, http.StatusTooManyRequests}, setting.press(t, ways, byText).status) {
		t.Error("a code cannot be asked for any more")
	}
}
