package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"paperplane/extension"
)

// TestTheOnboardingByKeyboardAlone goes from the letter to being in without a mouse: a mistake on the way, an authenticator
// app, recovery codes and the terms. Every page is toured first: whatever can be pressed is reached in the order in which it
// stands, can be seen to be focused, and lets the focus go on.
func TestTheOnboardingByKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	s.asksForFactor(t, extension.Ways()...)
	s.invitesCarer(t, "keys@example.com")
	robin := startChromium(t).person(t, "robin")

	robin.open(s.linkTo(t, "keys@example.com"))
	robin.arrives("/join/")
	robin.tours()
	robin.tabsTo("Start")
	robin.hits(kb.Enter)

	robin.arrives("/register")
	robin.tours()
	robin.types("First name", "Robin")
	robin.types("Last name", "Sand")
	robin.types("Mobile number", s.mobile())
	robin.types("Password", "short")
	robin.tabsTo("Show Password")
	robin.hits(" ")
	robin.focuses("Hide Password")
	robin.tabsTo("Register")
	robin.hits(" ")
	robin.sees("Please put this right")
	robin.until("have the focus where the mistake is told", func() bool { return strings.Contains(robin.focused().Name, "Please put this right") })
	robin.hits(kb.Tab)
	robin.hits(kb.Enter) // the link to the field
	robin.focuses("Password")
	robin.keys(goodPassword + kb.Enter)

	robin.arrives("/secure")
	robin.tours()
	robin.tabsTo("Set up an authenticator app")
	robin.hits(kb.Enter)
	robin.arrives("/secure/totp")
	robin.tours()
	robin.types("Code from your authenticator app", robin.app().code(t)+kb.Enter)

	robin.arrives("/secure/codes")
	robin.tours()
	robin.tabsTo("I have kept them")
	robin.hits(" ")
	robin.tabsTo("Go on")
	robin.hits(kb.Enter)

	robin.arrives("/agree")
	robin.tours()
	robin.tabsTo("I accept the terms and conditions")
	robin.hits(" ")
	robin.arrives("/welcome")
	robin.sees("You’re in, Robin")
	robin.tours()
	s.is(t, "keys@example.com", extension.Active)
}

// stop is where the focus is.
type stop struct {
	Name   string // of the control, as it is read out
	Index  int    // among all that can be reached, in the order of the page; -1 outside
	Count  int    // of all that can be reached
	Hidden string // why it cannot be seen that the focus is here; empty when it can
	Top    float64
	Bottom float64
}

// focused looks where the focus is.
func (p *person) focused() stop {
	p.t.Helper()
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[json.RawMessage](`(() => {
		const clean = (text) => (text ?? "").replace(/\s+/g, " ").trim();
		const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter((e) =>
			e.checkVisibility() && !e.disabled && e.type !== "hidden" && e.tabIndex >= 0);
		const at = document.activeElement;
		const stop = {Name: "", Index: all.indexOf(at), Count: all.length, Hidden: "", Top: 0, Bottom: 0};
		if (!at || at === document.body) return stop;
		stop.Name = clean(at.getAttribute("aria-label") ?? (at.labels?.length ? at.labels[0].textContent : at.textContent));
		const box = at.getBoundingClientRect(), style = getComputedStyle(at);
		stop.Top = box.top + scrollY;
		stop.Bottom = box.bottom + scrollY;
		if (!at.matches(":focus-visible") || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) stop.Hidden = "it has no outline";
		if (box.bottom <= 0 || box.top >= innerHeight) stop.Hidden = "it is out of the window";
		const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, innerHeight / 2));
		if (top && !at.contains(top) && !top.contains(at)) stop.Hidden = "it is covered by " + top.outerHTML.slice(0, 80);
		return stop;
	})()`))
	if err != nil {
		p.t.Fatal(err)
	}
	var at stop
	if err := json.Unmarshal(found, &at); err != nil {
		p.t.Fatal(err)
	}
	return at
}

// keys types keys wherever the focus is.
func (p *person) keys(keys string) {
	p.t.Helper()
	p.do(fmt.Sprintf("type %d keys", len(keys)), chromedp.KeyEvent(keys))
}

// hits is keys for one key.
func (p *person) hits(key string) {
	p.t.Helper()
	p.keys(key)
}

// back is Shift and Tab.
func (p *person) back() {
	p.t.Helper()
	p.do("press Shift and Tab", chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
}

// focuses waits until a control has the focus.
func (p *person) focuses(name string) {
	p.t.Helper()
	p.until("focus "+name, func() bool { return p.focused().Name == name })
}

// tabsTo presses Tab until a control has the focus.
func (p *person) tabsTo(name string) {
	p.t.Helper()
	var passed []string
	for range 2 * (p.focused().Count + 1) {
		p.hits(kb.Tab)
		at := p.focused()
		if at.Name == name {
			return
		}
		passed = append(passed, at.Name)
	}
	p.t.Fatalf("%s did not come to %q by Tab, but to %q", p.name, name, passed)
}

// types goes to a field and types into it.
func (p *person) types(field, text string) {
	p.t.Helper()
	p.tabsTo(field)
	p.keys(text)
}

// app is the authenticator app that the key of the page was typed into.
func (p *person) app() authenticator {
	p.t.Helper()
	key, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.getElementById("totp-secret").textContent.replace(/\s+/g, "")`))
	if err != nil {
		p.t.Fatal(err)
	}
	return authenticator{secret: key}
}

// tours presses Tab from the beginning of the page to its end, and goes a step back.
func (p *person) tours() {
	p.t.Helper()
	p.until("find the page loaded", func() bool {
		ready, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`document.readyState === "complete"`))
		return err == nil && ready
	})
	path, before := p.path(), stop{}
	for i := range p.focused().Count {
		p.hits(kb.Tab)
		at := p.focused()
		switch {
		case at.Index != i:
			p.t.Errorf("%s: Tab %d comes to %q, which is control %d of %d", path, i+1, at.Name, at.Index+1, at.Count)
		case at.Hidden != "":
			p.t.Errorf("%s: the focus on %q cannot be seen: %s", path, at.Name, at.Hidden)
		case at.Name == "":
			p.t.Errorf("%s: control %d has no name", path, at.Index+1)
		case i > 1 && at.Bottom <= before.Top: // the first one leads past the head of the page, and lies on it
			p.t.Errorf("%s: after %q the focus goes up to %q", path, before.Name, at.Name)
		}
		before = at
	}
	p.back()
	if at := p.focused(); at.Index != before.Index-1 {
		p.t.Errorf("%s: Shift and Tab comes from %q to %q", path, before.Name, at.Name)
	}
	p.keys(kb.Tab + kb.Tab)
	if at := p.focused(); at.Index == before.Index {
		p.t.Errorf("%s: the focus cannot leave %q", path, at.Name)
	}
	p.do("load the page again", chromedp.Reload()) // the focus is at the beginning again
}
