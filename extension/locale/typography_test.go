package locale_test

import (
	"regexp"
	"strings"
	"testing"

	"paperplane/extension/locale"
)

func TestTranslationsAreSetAsTheirLanguageSetsThem(t *testing.T) {
	t.Parallel()
	wrong := map[locale.Language]map[string]*regexp.Regexp{
		locale.German: {
			"another quotation mark than „ and “": regexp.MustCompile(`["”«»]`),
			"a wrong space":              regexp.MustCompile(` [:;!?]`),
			"a familiar form of address": regexp.MustCompile(`(?i)(^|\PL)(du|dein|dich|dir)(\PL|$)`),
		},
		locale.French: {
			"no space before a mark":     regexp.MustCompile(`[^\x{a0}\x{202f}/?!\d][:;?!](\s|$)`),
			"a breaking space":           regexp.MustCompile(`( [:;?!»]|« )`),
			"a straight apostrophe":      regexp.MustCompile(`'`),
			"another quotation mark":     regexp.MustCompile(`["“”„]`),
			"a familiar form of address": regexp.MustCompile(`(?i)(^|\PL)(tu|toi|ton|tes)(\PL|$)`),
		},
		locale.Swedish: {
			"another quotation mark than ”": regexp.MustCompile(`["“„«»]`),
			"a wrong space":                 regexp.MustCompile(` [:;!?]`),
			"a straight apostrophe":         regexp.MustCompile(`'`),
			"a formal form of address":      regexp.MustCompile(`(^|\PL)(Ni|Er|Ert|Era)(\PL|$)`),
		},
	}
	for language, catalog := range catalogs(t) {
		for english, translated := range catalog {
			for what, pattern := range wrong[language] {
				if pattern.MatchString(translated) {
					t.Errorf("%s has %s: %q", language, what, translated)
				}
			}
			if translated == "" || strings.TrimSpace(translated) != translated && strings.TrimSpace(english) == english {
				t.Errorf("%s says %q for %q", language, translated, english)
			}
		}
	}
}
