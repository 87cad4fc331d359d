package mail

import (
	"strings"
	"testing"
)

func TestNamesThatAreNamesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{
		"Alice Meyer", "J.R.R. Tolkien", "Dr. Strangelove", "Müller & Söhne GmbH", "O'Brien", "Ward 2.1", "U.S.A.",
		"東京第一病院", "Łódź – Górna", "Anne-Marie", "A/B team", "Time: 10:30", "محمد علي", "हिन्दी", "👩 Team",
	} {
		if got := name(typed, maxName); got != typed {
			t.Errorf("name(%q) = %q", typed, got)
		}
	}
}

func TestNamesLoseWhatIsNoName(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"  Alice \t Meyer\n":        "Alice Meyer",
		"St.Mary's":                 "St. Mary's",
		"https://evil.example/x":    "https evil. example/x",
		"WWW.e.com":                 "WWW. e. com",
		"eve@evil.example":          "eve@evil. example",
		"evil.co.uk":                "evil. co. uk",
		"evil.xn--p1ai":             "evil. xn--p1ai",
		"\u200b\u2060\ufeff":        "",
		"a\u202eb\u2066c\u00add":    "abcd",
		"a\x00b\x1b[31mc":           "a b [31mc",
		"\xff\xfe":                  "",
		`\\host\share`:              `host\share`,
		"one\u2028two\u2029three":   "one two three",
		"evil\u200b.\u200bexample":  "evil. example",
		"evil\uff0eexample":         "evil\uff0e example",
		"\U000e0041\U000e0042 tags": "tags",
	} {
		if got := name(typed, maxName); got != want {
			t.Errorf("name(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestLongNamesAreCutAtCharacters(t *testing.T) {
	t.Parallel()
	got := name(strings.Repeat("ü", 500), maxName)
	if want := strings.Repeat("ü", maxName-1) + "…"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestProvidersWordsAreCleaned(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"Invalid `to` field.\r\n\x00Set-Cookie: x":                 "Invalid `to` field. Set-Cookie: x",
		"see https://resend.com/docs?x=1 for more":                 "see https://resend.com/… for more",
		"bad html: href=\"https://p.example/join/k1.SECRET\">Join": "bad html: href=\"https://p.example/… bad",
		"(http://[::1/join/SECRET)":                                "(…",
		"":                                                         "The mail provider refused the message and gave no reason.",
		"\u202e\u200b":                                             "The mail provider refused the message and gave no reason.",
	} {
		got := reason(words)
		if strings.Contains(words, "SECRET") {
			if strings.Contains(got, "SECRET") {
				t.Errorf("reason(%q) = %q tells the secret", words, got)
			}
			continue
		}
		if got != want {
			t.Errorf("reason(%q) = %q, want %q", words, got, want)
		}
	}
	if got := []rune(reason(strings.Repeat("word ", 200))); len(got) > maxReason {
		t.Errorf("a reason has %d characters", len(got))
	}
}
