package main

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"paperplane/extension"
)

// TestHostileVisitors sends the door and the account what no page of ours sends.
func TestHostileVisitors(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		ada := s.administrator(t)
		in := s.member(t, ada, "inside@example.com")
		s.asksForFactor(t, extension.Ways()...)
		half, _ := s.holder(t, "half.way@example.com")
		anybody := s.visitor(t)
		inTurn(t,
			story{"whoever goes back everywhere does nothing twice", func(t *testing.T) { s.goesBackEverywhere(t) }},
			story{"hostile values in every address", func(t *testing.T) {
				for name, v := range map[string]*visitor{"anybody": anybody, "somebody who is in": in} {
					t.Run(name, func(t *testing.T) { v.opensHostileAddresses(t) })
				}
			}},
			story{"other methods than a page uses", func(t *testing.T) { half.usesOtherMethods(t) }},
			story{"garbage in every field of every form", func(t *testing.T) { s.fillsInGarbage(t, ada) }},
		)
		for _, words := range []string{"goroutine ", "level=ERROR", "msg=panic"} {
			if s.log.holds(words) {
				t.Errorf("the log holds %q", words)
			}
		}
	})
}

// hostileAddresses are the addresses of the door and of the account, with a place for a value.
func hostileAddresses() []string {
	return []string{
		"/login?return_to=*", "/login?flow=*", "/login?refresh=*&return_to=*", "/login?registered=*", "/recovery?flow=*", "/verification?flow=*",
		"/settings?flow=*", "/settings?recovered=*&flow=*", "/error?id=*", "/secure/code?way=*", "/confirm/code?way=*", "/agree?language=*",
		"/terms/*", "/terms/harbour?language=*", "/join/*", "/join/*/start", "/i/*", "/gate/*", "/login/with/*",
		"/self-service/methods/oidc/callback/*?code=*&state=*", "/next?arrived=*", "/static/*/*", "/o/*/users", "/*",
	}
}

// hostileValues are percent-encoded where an address cannot hold them.
func hostileValues() []string {
	return []string{
		"", "%00", "a%0d%0aSet-Cookie:%20planted=1", "//evil.example/", "https://evil.example/", "/%5Cevil.example", "javascript:alert(1)",
		strings.Repeat("a", 3000), "..%2f..%2fadmin%2f%ff%fe", url.QueryEscape("<script>alert(1)</script>\"'"), "018f0000-0000-7000-8000-000000000000",
	}
}

func (v *visitor) opensHostileAddresses(t *testing.T) {
	t.Helper()
	for _, address := range hostileAddresses() {
		for _, value := range hostileValues() {
			target := strings.ReplaceAll(address, "*", value)
			parsed, err := url.Parse(target)
			if err != nil || parsed.Host != "" {
				continue // no browser asks for it either
			}
			v.isSane(t, target, v.once(t, http.MethodGet, target))
		}
	}
}

// isSane fails the test if an answer shows our insides, runs what was sent, or leads to another site.
func (v *visitor) isSane(t *testing.T, what string, p page) {
	t.Helper()
	if len(what) > 120 {
		what = what[:120] + "…"
	}
	if p.status >= http.StatusInternalServerError {
		t.Errorf("%s: %d: %s", what, p.status, p.text())
	}
	for _, words := range []string{"goroutine ", ".go:", "runtime error", "SQLSTATE", "<script>alert(1)", "templ:", "fiber"} {
		if strings.Contains(p.body, words) {
			t.Errorf("%s shows %q", what, words)
		}
	}
	if planted := v.cookie(t, "/", "planted"); planted != "" {
		t.Errorf("%s plants a cookie", what)
	}
	if p.header.Get("Content-Security-Policy") == "" {
		t.Errorf("%s has no security headers (%d)", what, p.status)
	}
	for _, to := range []string{p.header.Get("Location"), strings.TrimPrefix(p.header.Get("Refresh"), "0; url=")} {
		location, err := url.Parse(to)
		if err != nil || location.Host != "" && location.Host != v.address(t, "/").Host || location.Scheme != "" && location.Scheme != "http" ||
			strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
			t.Errorf("%s leads to %q", what, to)
		}
	}
}

// usesOtherMethods asks for every page by methods that it does not have, and by HEAD, which must do nothing.
func (h *holder) usesOtherMethods(t *testing.T) {
	t.Helper()
	s, before := h.stack, len(h.stack.mailbox.Messages(h.mobile))
	paths := []string{
		"/", "/next", "/login", "/recovery", "/verification", "/settings", "/settings/totp", "/settings/codes", "/settings/code", "/settings/sessions", "/secure",
		"/secure/send", "/secure/code", "/secure/totp", "/secure/codes", "/confirm", "/confirm/send", "/agree", "/agree/decline", "/agree/declined", "/welcome",
		"/organisations", "/terms/harbour", "/logout", "/error", "/register", "/gate/harbour", "/login/with/nobody", "/i/nothing", "/join/nothing/start",
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace, "BREW", http.MethodPost} {
			p := h.once(t, method, path)
			if p.status >= http.StatusInternalServerError {
				t.Errorf("%s %s: %d: %s", method, path, p.status, p.text())
			}
			if method == http.MethodPost && path != "/gate/harbour" && p.status != http.StatusForbidden && p.status != http.StatusMethodNotAllowed && p.status != http.StatusNotFound {
				t.Errorf("POST %s from nowhere is answered with %d", path, p.status)
			}
		}
	}
	if h.whoami(t) != http.StatusOK || len(s.mailbox.Messages(h.mobile)) != before || s.factors(t, h.address) != "" {
		t.Error("something has happened")
	}
	h.open(t, "/next").says(t, 200, "Set up a second factor")
}

// garbage is what a field is filled with.
func garbage() []string {
	return []string{"", "\x00\x01\x1b[31m\u202e", "\xff\xfe\xc3\x28", "<script>alert(1)</script>' OR 1=1;--", strings.Repeat("🦜", 3000)}
}

// fillsInGarbage sends every form that people meet, with garbage in every field: with the tokens of the page, so that it
// gets as far as it can, and without.
func (s *testStack) fillsInGarbage(t *testing.T, ada *visitor) {
	t.Helper()
	s.asksForNoFactor(t)
	account := s.member(t, ada, "garbage@example.com")
	ada.invites(t, "litter@example.com", "litter.form@example.com")
	landing, form := s.visitor(t), s.visitor(t)
	landing.open(t, s.linkTo(t, "litter@example.com"))
	form.starts(t, s.linkTo(t, "litter.form@example.com"))
	s.asksForFactor(t, extension.Ways()...)
	half, _ := s.holder(t, "litter.half@example.com")
	secured := s.secured(t, "litter.in@example.com")
	confirming, _ := secured.comesBack(t)
	agreeing, ways := s.holder(t, "litter.terms@example.com")
	agreeing.keeps(t, agreeing.setsUpApp(t, ways)).says(t, 200, "Terms and conditions (EULA)")
	for path, v := range map[string]*visitor{
		"/login": s.visitor(t), "/recovery": s.visitor(t), "/verification": s.visitor(t), "/register": form, "/secure": half.visitor, "/secure/totp": half.visitor,
		"/confirm": confirming.visitor, "/confirm/code?way=lookup_secret": confirming.visitor, "/agree": agreeing.visitor, "/settings": secured.visitor,
		"/settings/totp": account, "/secure/codes": secured.visitor, "/organisations": secured.visitor,
		"/join/" + string(s.user(t, "litter@example.com").Invitation): landing,
	} {
		t.Run(path, func(t *testing.T) { v.litters(t, path) })
	}
}

// litters sends every form of a page with each kind of garbage.
func (v *visitor) litters(t *testing.T, path string) {
	t.Helper()
	ours := []string{"csrf", "csrf_token", "flow", "method", "invitation"}
	for i, waste := range garbage() {
		p := v.open(t, path)
		for _, filled := range p.formsWithout("Sign out", "Not now – sign out", "Start", "Decline") {
			for _, all := range []bool{false, true} {
				f := filled(t)
				names := map[string]bool{}
				for at := 0; at < len(f.fields); at += 2 {
					if names[f.fields[at]] = true; all || !slices.Contains(ours, f.fields[at]) {
						f.fields[at+1] = waste
					}
				}
				what := f.action + " with garbage " + string(rune('a'+i)) + " in " + strings.Join(slices.Sorted(maps.Keys(names)), " ")
				v.isSane(t, what, v.do(t, v.submission(t, p, f).WithContext(withoutRedirects(t.Context()))))
			}
		}
	}
}

// formsWithout are the forms of the buttons of a page, but for those with these names.
func (p page) formsWithout(names ...string) []func(t testing.TB) form {
	var forms []func(t testing.TB) form
	for button := range p.elements("button") {
		action, inForm := "", false
		for node := button; node != nil && !inForm; node = node.Parent {
			if inForm = node.Data == "form"; inForm {
				action, _ = attribute(node, "action")
			}
		}
		if inForm && action != "/language" && !slices.Contains(names, textOf(button)) {
			forms = append(forms, func(t testing.TB) form { t.Helper(); return p.formOf(t, button) })
		}
	}
	return forms
}
