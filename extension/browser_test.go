package extension_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestABrowserTakesTheCookiesOfAReply(t *testing.T) {
	t.Parallel()
	tomorrow := time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat)
	for name, c := range map[string]struct {
		sent string
		set  []string
		want string
	}{
		"nothing is set":                {"a=1; b=2", nil, "a=1; b=2"},
		"the first cookie":              {"", []string{"a=1; Path=/; HttpOnly; SameSite=Lax"}, "a=1"},
		"another one":                   {"a=1", []string{"b=2; Path=/"}, "a=1; b=2"},
		"one is replaced":               {"a=1; b=2", []string{"a=3; Max-Age=3600"}, "b=2; a=3"},
		"the later one stands":          {"", []string{"a=1", "a=2"}, "a=2"},
		"one is emptied":                {"a=1; b=2", []string{"a=; Path=/"}, "b=2"},
		"one is ended by Max-Age=0":     {"a=1; b=2", []string{"a=gone; Max-Age=0"}, "b=2"},
		"one is ended by a negative":    {"a=1; b=2", []string{"a=gone; Max-Age=-1"}, "b=2"},
		"one is ended by Expires":       {"a=1; b=2", []string{"a=gone; Expires=Thu, 01 Jan 1970 00:00:01 GMT"}, "b=2"},
		"as Kratos signs out":           {"csrf_token_x=y; ory_kratos_session=s", []string{"ory_kratos_session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly"}, "csrf_token_x=y"},
		"one expires tomorrow":          {"a=1", []string{"a=2; Expires=" + tomorrow}, "a=2"},
		"Max-Age goes before Expires":   {"a=1", []string{"a=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT"}, "a=2"},
		"Max-Age=0 goes before Expires": {"a=1", []string{"a=2; Max-Age=0; Expires=" + tomorrow}, ""},
		"an unreadable Expires":         {"a=1", []string{"a=2; Expires=whenever"}, "a=2"},
		"an end of what never was":      {"a=1", []string{"b=; Max-Age=0"}, "a=1"},
		"ended and set again":           {"a=1", []string{"a=; Max-Age=0", "a=2"}, "a=2"},
		"set and ended":                 {"", []string{"a=2", "a=; Max-Age=0"}, ""},
		"a line that is no cookie":      {"a=1", []string{"", ";", "=x", "no cookie", "b=2"}, "a=1; b=2"},
		"a name in another case":        {"a=1", []string{"A=2"}, "a=1; A=2"},
		"a name that begins alike":      {"ab=1", []string{"a=2"}, "ab=1; a=2"},
		"an equals sign in the value":   {"a=MTIz==; b=2", []string{"c=eyJ=; Path=/"}, "a=MTIz==; b=2; c=eyJ="},
		"duplicates are all replaced":   {"a=1; a=2; b=3", []string{"a=4"}, "b=3; a=4"},
		"somebody else's odd cookies":   {`_x={"id":"ä","n":[1, 2]}; session=s`, []string{"csrf=c"}, `_x={"id":"ä","n":[1, 2]}; session=s; csrf=c`},
		"untidy separators":             {" a=1 ;;b=2; ", []string{"c=3"}, "a=1; b=2; c=3"},
	} {
		before := extension.Browser{Cookies: c.sent, UserAgent: "agent", IP: "203.0.113.7"}
		after := before.With(extension.Reply{SetCookies: c.set})
		if diff := cmp.Diff(extension.Browser{Cookies: c.want, UserAgent: "agent", IP: "203.0.113.7"}, after); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if before.Cookies != c.sent {
			t.Errorf("%s: the browser before was changed", name)
		}
	}
}

func TestRepliesToOneBrowserAreJoinedInOrder(t *testing.T) {
	t.Parallel()
	first := extension.Reply{SetCookies: make([]string, 1, 8), ReturnTo: "/first"}
	first.SetCookies[0] = "a=1"
	second, third := first.And(extension.Reply{SetCookies: []string{"b=2"}}), first.And(extension.Reply{SetCookies: []string{"c=3"}, ReturnTo: "/third"})
	if diff := cmp.Diff(extension.Reply{SetCookies: []string{"a=1", "b=2"}, ReturnTo: "/first"}, second); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(extension.Reply{SetCookies: []string{"a=1", "c=3"}, ReturnTo: "/third"}, third); diff != "" {
		t.Error(diff)
	}
}
