package main

import (
	"net/http"
	"testing"
	"time"

	"paperplane/extension"
)

// TestCodesOfASecondFactor lets codes be asked for too often, not come, be wrong, and be right while a part is down.
func TestCodesOfASecondFactor(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s, hooks := behindHooks(t, binary)
		s.asksForFactor(t, extension.Ways()...)
		inTurn(t,
			story{"looking at pages sends nothing", func(t *testing.T) { s.looksAround(t) }},
			story{"a code a minute, five an hour, and another way at once", func(t *testing.T) { s.asksTooOften(t) }},
			story{"ten wrong codes, then a pause", func(t *testing.T) { s.guessesTooOften(t) }},
			story{"an app whose clock is 90 seconds off", func(t *testing.T) { s.hasWrongClock(t) }},
			story{"Paperplane's hooks are down", func(t *testing.T) { s.provesUnheard(t, hooks) }},
			story{"Kratos starts again between two pages", func(t *testing.T) { s.restartsInSetUp(t) }},
		)
	})
}

// looksAround opens every page at which a code could be sent, by somebody whom v26 would send one for merely beginning a
// second step: with one way alone.
func (s *testStack) looksAround(t *testing.T) {
	t.Helper()
	h, ways := s.holder(t, "looks@example.com")
	look := func(v *visitor) {
		t.Helper()
		before := s.queued(t, h.mobile) + s.queued(t, h.address)
		for _, path := range []string{
			"/next", "/secure", "/secure/send", "/secure/code", "/secure/code?way=sms", "/secure/code?way=email", "/secure/totp", "/secure/codes",
			"/confirm", "/confirm/send", "/confirm/send?way=sms", "/confirm/code", "/confirm/code?way=sms", "/confirm/code?way=email",
			"/confirm/code?way=lookup_secret", "/confirm/code?way=totp", "/settings", "/settings/code", "/settings/codes", "/settings/totp",
			"/login", "/login?aal=aal2", "/login?aal=aal2&via=phone", "/gate/harbour", "/welcome", "/organisations",
		} {
			if p := v.open(t, path); p.status >= http.StatusInternalServerError {
				t.Errorf("%s answers %d", path, p.status)
			}
		}
		if after := s.queued(t, h.mobile) + s.queued(t, h.address); after != before {
			t.Errorf("%d messages were sent by looking", after-before)
		}
	}
	look(h.visitor)
	typing, code := h.asks(t, ways, byText, h.mobile)
	shown := h.press(t, typing, "Confirm", "code", code)
	h.arrives(t, h.press(t, shown, "Go on without recovery codes"))
	look(h.visitor)
	again, _ := h.comesBack(t)
	look(again.visitor)
	look(again.visitor)
}

func (s *testStack) asksTooOften(t *testing.T) {
	t.Helper()
	h, ways := s.holder(t, "often@example.com")
	typing, first := h.asks(t, ways, byText, h.mobile)
	refused := h.press(t, typing, "Send another code")
	refused.says(t, 429, "Another code cannot be sent yet", "choose another way", "You can ask for another code in")
	if refused.header.Get("Retry-After") == "" || s.queued(t, h.mobile) != 1 {
		t.Errorf("Retry-After is %q, %d messages", refused.header.Get("Retry-After"), s.queued(t, h.mobile))
	}
	// The page still takes the code that came, and the other way is open at once.
	if len(refused.formWith(t, "Confirm", "code", first).fields) == 0 {
		t.Error("the code cannot be typed any more")
	}
	other, _ := h.asks(t, refused, byEmail, h.address)
	other.says(t, 200, "We have sent a code to o•••@example.com")

	s.rests(t, extension.CodePause)
	newest := first
	for n := 2; n <= extension.CodesPerWindow; n++ {
		typing, newest = h.asks(t, typing, "Send another code", h.mobile)
		s.rests(t, extension.CodePause)
	}
	h.press(t, typing, "Send another code").says(t, 429, "several within the last hour")
	if n := s.queued(t, h.mobile); n != extension.CodesPerWindow {
		t.Errorf("%d messages, want %d", n, extension.CodesPerWindow)
	}
	h.press(t, typing, "Confirm", "code", newest).says(t, 200, "Keep your recovery codes")

	again, asked := h.comesBack(t)
	again.press(t, asked, byText).says(t, 429, "Another code cannot be sent yet")
	s.rests(t, extension.CodeWindow)
	typing, code := again.asks(t, asked, byText, h.mobile)
	if p := again.press(t, typing, "Confirm", "code", code); p.path() != "/agree" {
		t.Errorf("the code leads to %s (%d): %s", p.path(), p.status, p.text())
	}
}

func (s *testStack) guessesTooOften(t *testing.T) {
	t.Helper()
	h := s.secured(t, "guesses@example.com")
	thief, asked := h.comesBack(t)
	for range extension.GuessesPerWindow - 1 {
		thief.press(t, asked, "Confirm", "code", wrongFor(h.app.code(t))).says(t, 422, "This code is not right")
	}
	const limit = "10 wrong codes were typed within a quarter of an hour"
	last := thief.press(t, asked, "Confirm", "code", wrongFor(h.app.code(t)))
	last.says(t, 429, "Too many wrong codes", limit, "Authenticator app: codes are looked at again in")
	if last.header.Get("Retry-After") == "" {
		t.Error("it does not tell programs for how long")
	}
	again, other := h.comesBack(t) // the pause is of the person, not of the browser
	for _, shut := range []page{last, thief.press(t, asked, "Confirm", "code", h.app.code(t)), other, again.open(t, "/confirm/code?way=totp")} {
		shut.says(t, shut.status, limit, "Use a recovery code")
		for input := range shut.elements("input") {
			if name, _ := attribute(input, "name"); name == "code" {
				t.Errorf("%s asks for a code that is not looked at", shut.path())
			}
		}
	}
	if proofs := thief.proofs(t); proofs != "" {
		t.Errorf("the session has shown %q", proofs)
	}
	// Recovery codes are open: it is the owner who has them, and nobody guesses so many that they are shut too.
	for range extension.GuessesPerWindow + 1 {
		thief.press(t, thief.open(t, "/confirm/code?way=lookup_secret"), "Confirm", "code", "abcd1234").says(t, 422, "This is none of your recovery codes")
	}
	again.press(t, again.press(t, other, "Use a recovery code"), "Confirm", "code", h.codes[0]).says(t, 200, "You’re in")

	s.rests(t, extension.GuessWindow)
	third, later := h.comesBack(t)
	third.press(t, later, "Confirm", "code", h.app.code(t)).says(t, 200, "You’re in")
	thief.staysOut(t)
}

func (s *testStack) hasWrongClock(t *testing.T) {
	t.Helper()
	const advice = "if the clock is off by more than half a minute, its codes do not work"
	h, ways := s.holder(t, "clock@example.com")
	form := h.press(t, ways, "Set up an authenticator app")
	h.app = h.reads(t, form)
	for _, off := range []time.Duration{-90 * time.Second, 90 * time.Second} {
		again := h.press(t, form, "Confirm", "code", h.app.codeAt(t, time.Now().Add(off)))
		again.says(t, 422, advice)
		if h.reads(t, again) != h.app {
			t.Error("the key is another one now")
		}
		form = again
	}
	h.arrives(t, h.keeps(t, h.press(t, form, "Confirm", "code", h.app.code(t))))
	back, asked := h.comesBack(t)
	asked = back.press(t, asked, "Confirm", "code", h.app.codeAt(t, time.Now().Add(-90*time.Second)))
	asked.says(t, 422, advice)
	back.press(t, asked, "Confirm", "code", h.app.code(t)).says(t, 200, "You’re in")
}

// provesUnheard has right codes while Kratos cannot reach Paperplane, so that nothing could be written down.
func (s *testStack) provesUnheard(t *testing.T, hooks *checkpoint) {
	t.Helper()
	h, ways := s.holder(t, "unheard@example.com")
	form := h.press(t, ways, "Set up an authenticator app")
	h.app = h.reads(t, form)
	hooks.refuse(http.MethodPost, "/hooks/kratos/")
	isDown(t, h.press(t, form, "Confirm", "code", h.app.code(t)))
	isDown(t, h.press(t, ways, "Set up an authenticator app"))
	if factors := s.factors(t, h.address); factors != "" {
		t.Errorf("the factors are %q", factors)
	}
	hooks.clear()
	anew := h.press(t, form, "Confirm", "code", h.app.code(t)) // Kratos has dropped the key, so there is another one to scan
	anew.says(t, 410, "Nothing was set up. The QR code below is a new one.")
	if key := h.reads(t, anew); key == h.app {
		t.Error("the key is the same")
	}
	h.app = h.reads(t, anew)
	h.arrives(t, h.keeps(t, h.press(t, anew, "Confirm", "code", h.app.code(t))))

	back, asked := h.comesBack(t)
	hooks.refuse(http.MethodPost, "/hooks/kratos/login/")
	down := back.press(t, asked, "Confirm", "code", h.app.code(t))
	isDown(t, down)
	down.says(t, down.status, "Nothing that you entered before is lost.", "press the button again")
	hooks.clear()
	back.press(t, down, "Confirm", "code", h.app.code(t)).says(t, 200, "You’re in")

	// A code that was sent works once in Kratos, so another one is asked for.
	texting := s.texting(t, "untold@example.com")
	back, asked = texting.comesBack(t)
	typing, code := back.asks(t, asked, byText, texting.mobile)
	hooks.refuse(http.MethodPost, "/hooks/kratos/login/")
	isDown(t, back.press(t, typing, "Confirm", "code", code))
	hooks.clear()
	s.rests(t, extension.CodePause)
	typing, code = back.asks(t, typing, "Send another code", texting.mobile)
	back.press(t, typing, "Confirm", "code", code).says(t, 200, "You’re in")
}

// isDown fails the test unless the page says that it is not the person's fault and what to do.
func isDown(t *testing.T, p page) {
	t.Helper()
	if p.status != http.StatusServiceUnavailable && p.status != http.StatusBadGateway {
		t.Errorf("%s answers %d: %s", p.path(), p.status, p.text())
	}
	p.says(t, p.status, "moment")
}

// restartsInSetUp starts Kratos again between a page and its press: flows and codes are in its database.
func (s *testStack) restartsInSetUp(t *testing.T) {
	t.Helper()
	app, ways := s.holder(t, "restart.app@example.com")
	form := app.press(t, ways, "Set up an authenticator app")
	app.app = app.reads(t, form)
	text, ways := s.holder(t, "restart.text@example.com")
	typing, code := text.asks(t, ways, byText, text.mobile)
	if err := s.kratos.Kill(); err != nil {
		t.Fatal(err)
	}
	isDown(t, text.press(t, typing, "Confirm", "code", code))
	isDown(t, app.press(t, form, "Confirm", "code", app.app.code(t)))
	if err := s.kratos.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	codes := app.press(t, form, "Confirm", "code", app.app.code(t))
	codes.says(t, 200, "Keep your recovery codes")
	if err := s.kratos.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	app.arrives(t, app.keeps(t, codes))
	text.arrives(t, text.keeps(t, text.press(t, typing, "Confirm", "code", code)))
	back, asked := app.comesBack(t)
	back.press(t, back.press(t, asked, "Use a recovery code"), "Confirm", "code", app.codes[0]).says(t, 200, "You’re in")
}
