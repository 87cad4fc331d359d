package kratos

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"paperplane/extension"
)

// browserKey finds the browser in the context of one request. Only this package can set it, and it never outlives the
// call: the context is the one way into the transport that the Ory client offers.
type browserKey struct{}

// as marks a request as made in the name of a browser.
func as(ctx context.Context, browser extension.Browser) context.Context {
	return context.WithValue(ctx, browserKey{}, browser)
}

// relay gives requests that are made in the name of a browser its cookies, its user agent and its address, so that
// Kratos knows the session and lists the person's device and not ours.
type relay struct {
	next http.RoundTripper
}

// RoundTrip adds the browser's headers to a copy of the request.
func (t relay) RoundTrip(request *http.Request) (*http.Response, error) {
	browser, ok := request.Context().Value(browserKey{}).(extension.Browser)
	if !ok {
		return t.next.RoundTrip(request)
	}
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", printable(browser.UserAgent)) // empty: none is sent, rather than ours
	if browser.Cookies != "" {
		request.Header.Set("Cookie", printable(browser.Cookies))
	}
	if browser.IP != "" {
		// The only address header that Kratos hands on to web hooks.
		request.Header.Set("True-Client-IP", printable(browser.IP))
	}
	return t.next.RoundTrip(request)
}

// printable drops the control characters that no header may hold (RFC 9110 §5.5). Whoever sends them would otherwise
// make the request fail before it leaves, as if Kratos were down.
func printable(value string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, value)
}

// reply takes what a browser must be told beside the form.
func reply(response *http.Response) extension.Reply {
	if response == nil {
		return extension.Reply{}
	}
	return extension.Reply{SetCookies: response.Header.Values("Set-Cookie")}
}

// carriesSession tells whether the browser has a Kratos session cookie at all. Without one Kratos need not be asked.
func (c *Client) carriesSession(browser extension.Browser) bool {
	cookies, err := http.ParseCookie(browser.Cookies)
	if err != nil { // one malformed cookie spoils the strict parser; Kratos' own is lenient, so let it decide
		return browser.Cookies != ""
	}
	for _, cookie := range cookies {
		if cookie.Name == c.sessionCookie {
			return true
		}
	}
	return false
}
