package main

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"paperplane/extension"
)

// comesInByApp goes from the letter to being in with a real browser, and signs in once more.
func (s *testStack) comesInByApp(t *testing.T, robin *person) {
	t.Helper()
	const address = "robin@example.com"
	s.invitesCarer(t, address)
	robin.open(s.linkTo(t, address))
	robin.press("Start")
	robin.arrives("/register")
	robin.fill("first_name", "Robin")
	robin.fill("last_name", "Sand")
	robin.fill("mobile", strings.Replace(s.mobile(), "+46", "0", 1))
	robin.fill("password", goodPassword)
	robin.press("Register")
	robin.arrives("/secure")
	robin.press("Set up an authenticator app")
	robin.arrives("/secure/totp")
	robin.sees("Scan this code with the app")
	robin.until("see the QR code as a picture", func() bool {
		drawn, err := chromedp.Run(robin.ctx, chromedp.Evaluate[bool](`(() => {
			const picture = document.querySelector('img.qr');
			return picture.complete && picture.naturalWidth >= 128 && picture.src.startsWith('data:image/png;base64,');
		})()`))
		return err == nil && drawn
	})
	secret, err := chromedp.Run(robin.ctx, chromedp.Evaluate[string](`document.getElementById('totp-secret').textContent`))
	if err != nil {
		t.Fatal(err)
	}
	app := authenticator{secret: strings.Join(strings.Fields(secret), "")}
	robin.fill("code", app.codeAt(t, time.Now()))
	robin.press("Confirm")
	robin.arrives("/secure/codes")
	robin.sees("Keep your recovery codes")
	robin.do("tick the box", chromedp.Click(chromedp.CSS(`[name=kept]`)))
	robin.press("Go on")
	robin.arrives("/agree")
	if _, err := chromedp.Run(robin.ctx, chromedp.Evaluate[any](`history.back(); 0`)); err != nil {
		t.Fatal(err)
	}
	robin.sees("Recovery codes are shown once")
	robin.press("Go on")
	robin.arrives("/agree")
	robin.press("I accept the terms and conditions")
	robin.sees("You’re in, Robin")
	s.is(t, address, extension.Active)

	robin.press("Sign out")
	robin.sees("You are signed out.")
	robin.fill("identifier", address)
	robin.fill("password", goodPassword)
	robin.press("Sign in")
	robin.arrives("/confirm")
	s.appsRest(t)
	robin.fill("code", app.codeAt(t, time.Now()))
	robin.press("Confirm")
	robin.sees("You’re in, Robin")
}
