// Package locale says sentences in the reader's language. It owns the languages there are, which of them fits a reader,
// and the translations; it knows no page and no letter. English is the source: an English sentence is its own key, so that
// code reads as the page does, and a sentence without a translation is said in English.
package locale

import "fmt"

// Language is one of Languages, as a BCP 47 tag without a region.
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

// Say gives an English sentence in the language, with its arguments in place (as fmt.Sprintf does; translations may
// reorder them by index).
func (l Language) Say(english string, args ...any) string {
	if len(args) == 0 {
		return english
	}
	return fmt.Sprintf(english, args...)
}
