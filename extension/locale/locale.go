// Package locale says sentences in the reader's language. It owns the languages there are, which of them fits a reader,
// the translations, and how a date is written; it knows no page and no letter. English is the source: an English sentence
// is its own key, so that code reads as the page does, and a sentence without a translation is said in English.
package locale

import (
	"fmt"

	"golang.org/x/text/language"
)

// Language is one of Languages, as a BCP 47 tag without a region. The zero value is English.
type Language string

// The languages.
const (
	English Language = "en"
	German  Language = "de"
	French  Language = "fr"
	Swedish Language = "sv"
)

// Languages lists the languages in the order in which pages offer them.
func Languages() []Language { return []Language{English, German, French, Swedish} }

// Match gives the language that fits a reader best, English when none does. An earlier preference counts more than a later
// one; see Parse for what a preference can be.
func Match(preferences ...string) Language {
	for _, preference := range preferences {
		if fitting, ok := Parse(preference); ok {
			return fitting
		}
	}
	return English
}

// Parse gives the language that fits a BCP 47 tag or an Accept-Language header (RFC 9110 §12.5.4); false when there is no
// translation for any language of it, and when it is empty or cannot be read.
func Parse(preference string) (Language, bool) {
	wanted, _, err := language.ParseAcceptLanguage(preference)
	if err != nil {
		return "", false
	}
	matcher := language.NewMatcher(tags())
	for _, tag := range wanted {
		// A reader of a language without a translation may know a neighbour of it or not; English is the better guess.
		if _, index, confidence := matcher.Match(tag); confidence >= language.High {
			return Languages()[index], true
		}
	}
	return "", false
}

// tags are Languages as the matcher knows them, in the same order.
func tags() []language.Tag {
	return []language.Tag{language.English, language.German, language.French, language.Swedish}
}

// Name is the language's own name for itself.
func (l Language) Name() string {
	switch l {
	case German:
		return "Deutsch"
	case French:
		return "Français"
	case Swedish:
		return "Svenska"
	case English:
	}
	return "English"
}

// Say gives an English sentence in the language, with its arguments in place (as fmt.Sprintf does; translations may
// reorder them by index). Without arguments the sentence stands as it is, percent signs included.
func (l Language) Say(english string, args ...any) string {
	said, ok := catalogs()[l][english]
	if !ok {
		said = english
	}
	if len(args) == 0 {
		return said
	}
	return fmt.Sprintf(said, args...)
}
