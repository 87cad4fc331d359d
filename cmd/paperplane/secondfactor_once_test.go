package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/gate"
)

// TestCodesOfAnAppWorkOnce shows codes again that were shown before, on our pages and to Kratos itself (RFC 6238 §5.2).
func TestCodesOfAnAppWorkOnce(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, direct)
		s.asksForFactor(t, extension.Ways()...)
		h := s.secured(t, "once@example.com")
		inTurn(t,
			story{"in two sessions, one after the other", func(t *testing.T) { h.usesOnce(t) }},
			story{"in two sessions at once", func(t *testing.T) { h.usesAtOnce(t) }},
			story{"pressed twice at once in one session", func(t *testing.T) { h.pressesTwice(t) }},
			story{"a recovery code, in several sessions at once", func(t *testing.T) { h.recoversAtOnce(t) }},
			story{"past our pages", func(t *testing.T) { h.usesInKratos(t) }},
			story{"the code that the app was set up with", func(t *testing.T) { s.usesFirstAgain(t) }},
		)
	})
}

const usedBefore = "This code was used before. Wait for the next one."

// twoCodes are both right for the next half minute.
func (a authenticator) twoCodes(t *testing.T) (now, next string) {
	t.Helper()
	at := time.Now()
	return a.codeAt(t, at), a.codeAt(t, at.Add(30*time.Second))
}

func (h *holder) usesOnce(t *testing.T) {
	t.Helper()
	first, asked := h.comesBack(t)
	second, askedToo := h.returns(t)
	now, next := h.app.twoCodes(t)
	first.press(t, asked, "Confirm", "code", now).says(t, 200, "You’re in")
	refused := second.press(t, askedToo, "Confirm", "code", now)
	refused.says(t, 422, usedBefore)
	if proofs := second.proofs(t); proofs != "" {
		t.Errorf("the second session has shown %q", proofs)
	}
	second.press(t, refused, "Confirm", "code", next).says(t, 200, "You’re in")
	if kept := row[string](t, h.stack, `SELECT string_agg(a::text, ' ') FROM app_codes a`); strings.Contains(kept, now) || strings.Contains(kept, next) {
		t.Errorf("a code is kept: %s", kept)
	}
}

func (h *holder) usesAtOnce(t *testing.T) {
	t.Helper()
	h.stack.appsRest(t)
	h.entersOnce(t, h.app.code(t), usedBefore, func(_ *holder, asked page) page { return asked })
}

// recoversAtOnce is the same with a recovery code, which Kratos by itself takes as often as it comes at one moment.
func (h *holder) recoversAtOnce(t *testing.T) {
	t.Helper()
	h.entersOnce(t, h.codes[5], "This recovery code was used before", func(v *holder, asked page) page {
		return v.press(t, asked, "Use a recovery code")
	})
}

// entersOnce types one code in several sessions at the same time: one of them gets in, and the others hear why not.
func (h *holder) entersOnce(t *testing.T, code, refusal string, leads func(v *holder, asked page) page) {
	t.Helper()
	type attempt struct {
		*holder
		asked, answer page
	}
	attempts := make([]attempt, 8)
	for i := range attempts {
		v, asked := h.returns(t)
		attempts[i] = attempt{holder: v, asked: leads(v, asked)}
	}
	var group sync.WaitGroup
	for i := range attempts {
		group.Go(func() { attempts[i].answer = attempts[i].press(t, attempts[i].asked, "Confirm", "code", code) })
	}
	group.Wait()
	in := slices.DeleteFunc(slices.Clone(attempts), func(a attempt) bool { return a.proofs(t) == "" })
	if len(in) != 1 {
		t.Errorf("%d sessions were confirmed by one code", len(in))
	}
	for _, a := range attempts {
		if a.answer.status != http.StatusOK {
			a.answer.says(t, 422, refusal)
		}
	}
}

// pressesTwice presses a button again before it is answered; a browser shows the later answer.
func (h *holder) pressesTwice(t *testing.T) {
	t.Helper()
	again, asked := h.comesBack(t)
	code := h.app.code(t)
	var answers [3]page
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = again.press(t, asked, "Confirm", "code", code) })
	}
	group.Wait()
	for _, answer := range answers {
		answer.says(t, 200, "You’re in")
	}
	if proofs := again.proofs(t); proofs != "totp" {
		t.Errorf("the session has shown %q", proofs)
	}
}

// usesInKratos is about what nobody here sees, which may be any code.
func (h *holder) usesInKratos(t *testing.T) {
	t.Helper()
	first, asked := h.comesBack(t)
	second, _ := h.returns(t)
	third, askedToo := h.returns(t)
	now, next := h.app.twoCodes(t)
	first.press(t, asked, "Confirm", "code", now).says(t, 200, "You’re in")
	for _, code := range []string{now, next} {
		status, errors := second.confirmsNow(t, object{"method": "totp", "totp_code": code, "transient_payload": object{extension.TicketField: "guessed"}})
		if status != http.StatusBadRequest || !slices.Contains(errors, gate.ObjectionCodeUsed) {
			t.Errorf("right after another, Kratos answers %d, %v", status, errors)
		}
	}
	if proofs := second.proofs(t); proofs != "" {
		t.Errorf("the session has shown %q", proofs)
	}
	h.stack.appsRest(t)
	now, next = h.app.twoCodes(t)
	if status, errors := second.confirmsNow(t, object{"method": "totp", "totp_code": now}); status != http.StatusOK || second.proofs(t) != "totp" {
		t.Errorf("later, Kratos answers %d, %v", status, errors)
	}
	for _, code := range []string{now, next} {
		third.press(t, askedToo, "Confirm", "code", code).says(t, 422, "A code of this authenticator app was used a moment ago")
	}
	h.stack.appsRest(t)
	third.press(t, askedToo, "Confirm", "code", h.app.code(t)).says(t, 200, "You’re in")
}

func (s *testStack) usesFirstAgain(t *testing.T) {
	t.Helper()
	h, ways := s.holder(t, "first@example.com")
	s.rows(t, `UPDATE settings_openings SET opened_at = opened_at - interval '16 minutes'`)
	form := h.press(t, ways, "Set up an authenticator app")
	h.app = h.reads(t, form)
	now, next := h.app.twoCodes(t)
	h.arrives(t, h.keeps(t, h.press(t, form, "Confirm", "code", now)))
	again, asked := h.returns(t)
	refused := again.press(t, asked, "Confirm", "code", now)
	refused.says(t, 422, usedBefore)
	again.press(t, refused, "Confirm", "code", next).says(t, 200, "You’re in")
}
