package extension_test

import (
	"strings"
	"testing"

	"paperplane/extension"
)

func TestNamesOfTheWorldAreTaken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Bob", "O'Brien", "Jean-Luc", "Ångström", "علی\u200cرضا", "李", "van der Berg", "St. John", strings.Repeat("ö", 100),
		extension.TidyName(" Anna\u00a0 Maria "),
	} {
		if sentence := extension.NameRefusal(extension.TidyName(name), "first name"); sentence != "" {
			t.Errorf("%q: %s", name, sentence)
		}
	}
	if got := extension.TidyName(" Anna\u00a0 Maria "); got != "Anna Maria" {
		t.Errorf("tidied to %q", got)
	}
}

func TestARefusedNameIsToldItsFault(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                        "Enter your last name.",
		"<script>":                "Your last name cannot contain < or >.",
		"Bob <bob@example.com>":   "Your last name cannot contain < or >.",
		"bob@example.com":         "Your last name looks like an address or a link. Enter the name alone.",
		"https://evil.example":    "Your last name looks like an address or a link. Enter the name alone.",
		"Win at www.evil.example": "Your last name looks like an address or a link. Enter the name alone.",
		"Bob\tB":                  "Your last name contains characters that cannot be shown. Type it again.",
		"\u202eboB":               "Your last name contains characters that cannot be shown. Type it again.",
		strings.Repeat("<", 101):  "Your last name can have at most 100 characters.",
	} {
		if got := extension.NameRefusal(name, "last name"); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestNamesThatWouldMisleadAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "Bob\r\nBcc: eve@example.com", "Bob\tB", "Bob\x00", "\u202eboB", "Bob\u200b", "http://evil.example", "WWW.evil.example", "<b>Bob</b>",
		"bob@example.com", "Bob\xff", strings.Repeat("ö", 101),
	} {
		if extension.NameRefusal(extension.TidyName(name), "first name") == "" {
			t.Errorf("%q was taken", name)
		}
	}
}
