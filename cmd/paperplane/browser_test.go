package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium is one real browser for a test.
type chromium struct {
	ctx context.Context
}

func startChromium(t *testing.T) chromium {
	t.Helper()
	allocator, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), chromedp.NoFirstRun, chromedp.DisableGPU, chromedp.Headless)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return chromium{ctx: ctx}
}

// person is somebody with a browser profile of their own: cookies are shared with nobody.
type person struct {
	t    *testing.T
	name string
	ctx  context.Context
}

func (c chromium) person(t *testing.T, name string) *person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // a tab lives as long as the context of its first action
		t.Fatal(err)
	}
	p := &person{t: t, name: name, ctx: ctx}
	t.Cleanup(p.keepPicture)
	return p
}

// keepPicture saves what the person saw when the test failed.
func (p *person) keepPicture() {
	folder := os.Getenv("PAPERPLANE_TEST_PICTURES")
	if !p.t.Failed() && folder == "" {
		return
	}
	if folder == "" {
		folder = p.t.ArtifactDir()
	}
	p.picture(filepath.Join(folder, p.name+".png"))
}

func (p *person) picture(path string) {
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Logf("no picture of what %s saw: %v", p.name, err)
		return
	}
	if err := os.WriteFile(path, png, 0o600); err != nil {
		p.t.Log(err)
	}
}

func (p *person) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, recovery)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s could not %s: %v\n%s", p.name, what, err, p.text())
	}
}

func (p *person) open(address string) {
	p.t.Helper()
	p.do("open "+address, chromedp.Navigate(address))
}

// text is what the page says now.
func (p *person) text() string {
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.pathname + '\\n' + (document.body ? document.body.innerText : '')"))
	if err != nil {
		return ""
	}
	return text
}

// sees waits until the page says all of these.
func (p *person) sees(wanted ...string) {
	p.t.Helper()
	p.until(fmt.Sprintf("see %q", wanted), func() bool {
		text := p.text()
		for _, w := range wanted {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	})
}

// until waits for a condition, looking again and again.
func (p *person) until(what string, condition func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, recovery)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			p.t.Fatalf("%s did not %s; the page says:\n%s", p.name, what, p.text())
		case <-tick.C:
		}
	}
}

// fill types into the field with this name.
func (p *person) fill(field, value string) {
	p.t.Helper()
	selector := chromedp.CSS(fmt.Sprintf(`[name=%q]:not([type=hidden])`, field))
	p.do("find "+field, chromedp.WaitVisible(selector))
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](fmt.Sprintf(`document.querySelector('[name=%q]:not([type=hidden])').value = ''; 0`, field))); err != nil {
		p.t.Fatal(err)
	}
	p.do("fill in "+field, chromedp.SendKeys(selector, value))
}

// choose picks the option with this text.
func (p *person) choose(field, option string) {
	p.t.Helper()
	chosen, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
		const select = document.querySelector('select[name=%q]');
		const option = select && [...select.options].find(o => o.text.trim() === %q);
		if (!option) return false;
		select.value = option.value;
		select.dispatchEvent(new Event('change', {bubbles: true}));
		return true;
	})()`, field, option)))
	if err != nil || !chosen {
		p.t.Fatalf("%s could not choose %q as %s: %v\n%s", p.name, option, field, err, p.text())
	}
}

// press clicks the visible button or link whose accessible name is this. It is found and clicked in one step of the page,
// because news may replace or move it at any moment; nothing may cover it.
func (p *person) press(name string) {
	p.t.Helper()
	p.until("press "+name, func() bool {
		pressed, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
			const name = e => (e.getAttribute('aria-label') || e.textContent).replace(/\s+/g, ' ').trim();
			const found = [...document.querySelectorAll('button, a[href], summary')].find(e => e.checkVisibility() && name(e) === %q);
			if (!found) return false;
			found.scrollIntoView({block: 'center', behavior: 'instant'});
			const {x, y, width, height} = found.getClientRects()[0];
			if (!found.contains(document.elementFromPoint(x + width / 2, y + height / 2))) return false;
			found.click();
			return true;
		})()`, name)))
		return err == nil && pressed
	})
}

// path is where the person is.
func (p *person) path() string {
	path, _, _ := strings.Cut(p.text(), "\n")
	return path
}

// arrives waits until the person is at a path that begins so.
func (p *person) arrives(prefix string) {
	p.t.Helper()
	p.until("arrive at "+prefix, func() bool { return strings.HasPrefix(p.path(), prefix) })
}
