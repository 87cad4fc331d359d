package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"paperplane/tools/local"
)

// TestEveryPagePassesAxe has visitors walk to every page that there is, and looks at what they were shown in a browser: in
// the light and in the dark, on a phone and on a desk. axe-core finds nothing wrong, and nothing scrolls sideways.
func TestEveryPagePassesAxe(t *testing.T) {
	t.Parallel()
	_, change := withSocial(t)
	s := startTestStack(t, "", change)
	shown := &gallery{stack: s, t: t}
	ada := s.administrator(t)
	shown.walk(t, ada)
	shown.hasEveryPage(t, ada)
	shown.check(t, startChromium(t))
}

// gallery keeps pages as visitors were shown them, and shows them again to a browser without a session.
type gallery struct {
	stack    *testStack
	t        *testing.T
	pictures []picture
}

// picture is one page.
type picture struct {
	name string
	page page
	open bool // the menu of initials is looked at, unfolded
}

// hang keeps a page, which it returns for the next press. It fails the test if the page has another heading than expected,
// because then it is not the one that was meant.
func (g *gallery) hang(name, heading string, p page) page {
	g.t.Helper()
	if got := headingOf(p); !strings.HasPrefix(got, heading) {
		g.t.Fatalf("%s: %s (%d) has the heading %q, want %q:\n%s", name, p.path(), p.status, got, heading, p.text())
	}
	g.pictures = append(g.pictures, picture{name: name, page: p})
	return p
}

func headingOf(p page) string {
	for node := range p.elements("h1") {
		return textOf(node)
	}
	return ""
}

// ServeHTTP answers /{number} with a picture, its policy included, and everything else that a page needs as Paperplane does.
func (g *gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var number int
	if _, err := fmt.Sscanf(r.URL.Path, "/%d", &number); err != nil || number >= len(g.pictures) {
		at := g.stack.server.config.Public.URL
		proxy := httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}
		proxy.ServeHTTP(w, r)
		return
	}
	shown := g.pictures[number].page
	for _, header := range []string{"Content-Type", "Content-Security-Policy"} {
		w.Header().Set(header, shown.header.Get(header))
	}
	_, _ = w.Write([]byte(shown.body))
}

// lights and widths are the ways in which every page is looked at. 320 px is a desk's 1280 at 400 % (WCAG 2.2 1.4.10).
func lights() []string { return []string{"light", "dark"} }
func widths() []int64  { return []int64{320, 1280} }

// tabs is how many pages are looked at at once.
const tabs = 3

// check looks at every picture.
func (g *gallery) check(t *testing.T, browser chromium) {
	t.Helper()
	folder, err := local.StateDir()
	if err != nil {
		t.Fatal(err)
	}
	axe, err := local.AxeCore(t.Context(), folder, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	next := make(chan int)
	var looking sync.WaitGroup
	for i := range tabs {
		viewer := browser.person(t, fmt.Sprintf("viewer %d", i))
		looking.Go(func() {
			for number := range next {
				viewer.looksAt(g.pictures[number], fmt.Sprintf("%s/%d", server.URL, number), axe)
			}
		})
	}
	for number := range g.pictures {
		next <- number
	}
	close(next)
	looking.Wait()
}

// looksAt opens a picture and checks it in every light and width. It reports and goes on, so that one run finds all.
func (p *person) looksAt(shown picture, address, axe string) {
	ctx, cancel := context.WithTimeout(p.ctx, recovery)
	defer cancel()
	fail := func(format string, values ...any) { p.t.Errorf(shown.name+": "+format, values...) }
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		fail("%v", err)
		return
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](axe+";0")); err != nil {
		fail("axe-core: %v", err)
		return
	}
	if shown.open {
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](`document.querySelector("header details").open = true; 0`)); err != nil {
			fail("%v", err)
		}
	}
	for _, light := range lights() {
		for _, width := range widths() {
			at := fmt.Sprintf("%s, %d px", light, width)
			if err := chromedp.Do(ctx, inLight(light), chromedp.EmulateViewport(width, 800)); err != nil {
				fail("%s: %v", at, err)
				return
			}
			for _, fault := range p.faults(ctx, rulesIn(light)) {
				fail("%s: %s", at, fault)
			}
			if folder := os.Getenv("PAPERPLANE_TEST_PICTURES"); folder != "" {
				p.picture(filepath.Join(folder, fmt.Sprintf("%s %d %s.png", shown.name, width, light)))
			}
		}
	}
}

// inLight emulates the preferred colour scheme (Chrome DevTools Protocol, Emulation.setEmulatedMedia).
func inLight(light string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Void{}, t.Call(ctx, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
			{"name": "prefers-color-scheme", "value": light}, {"name": "prefers-reduced-motion", "value": "reduce"},
		}}, nil)
	}
}

// rulesIn are the rules of axe-core that are asked for in a light. The page is the same in both but for its colours, so that
// in the dark only the rules that look at colours can find something else.
func rulesIn(light string) string {
	if light == "dark" {
		return `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
	}
	return `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`
}

// faults are what axe-core has against the page as it is shown now, and whether it is wider than the window.
func (p *person) faults(ctx context.Context, rules string) []string {
	found, err := chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage](`(async () => {
		const faults = [...document.querySelectorAll("link[rel=stylesheet]")].filter((link) => !link.sheet).map((link) => "not loaded: " + link.href);
		const wide = document.documentElement.scrollWidth;
		if (wide > innerWidth) {
			const causes = [...document.querySelectorAll("main *, header *, footer *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5);
			faults.push("scrolls sideways: " + wide + " px, " + causes.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(" | "));
		}
		const {violations} = await axe.run(document.querySelector("header details[open]") ?? document, {runOnly: `+rules+`, resultTypes: ["violations"]});
		for (const {id, help, nodes} of violations)
			for (const {html, failureSummary} of nodes) faults.push(id + ": " + help + ": " + html.slice(0, 200) + " " + failureSummary);
		return faults;
	})()`, chromedp.EvalAwaitPromise))
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	if err := json.Unmarshal(found, &faults); err != nil {
		return []string{err.Error()}
	}
	return faults
}
