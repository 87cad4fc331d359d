package locale_test

import (
	"slices"
	"testing"
	"time"

	"paperplane/extension/locale"
)

func TestASentenceIsSaidInTheLanguage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		language locale.Language
		english  string
		args     []any
		want     string
	}{
		{locale.German, "Sign out", nil, "Abmelden"},
		{locale.French, "Step %d of %d", []any{2, 3}, "Étape 2 sur 3"},
		{locale.Swedish, "Show %s", []any{"lösenord"}, "Visa lösenord"},
		{locale.English, "Show %s", []any{"password"}, "Show password"},
		{"", "Sign out", nil, "Sign out"},
		{locale.German, "Nobody has translated 100% of this.", nil, "Nobody has translated 100% of this."},
		{locale.German, "Nobody has translated %s.", []any{"this"}, "Nobody has translated this."},
	} {
		if got := test.language.Say(test.english, test.args...); got != test.want {
			t.Errorf("%s: %q, want %q", test.language, got, test.want)
		}
	}
}

func TestEveryLanguageHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	var names []string
	for _, language := range locale.Languages() {
		if name := language.Name(); slices.Contains(names, name) {
			t.Errorf("%s is named %s, like another one", language, name)
		} else {
			names = append(names, name)
		}
	}
}

func TestDatesAreWrittenAsTheLanguageWritesThem(t *testing.T) {
	t.Parallel()
	stockholm := time.FixedZone("CET", 60*60)
	for language, want := range map[locale.Language]struct{ first, date, dateTime string }{
		locale.English: {"1 March 2026", "23 November 2026", "Monday, 23 November 2026, 14:05 UTC"},
		locale.German:  {"1. März 2026", "23. November 2026", "Montag, 23. November 2026, 14:05 UTC"},
		locale.French:  {"1er mars 2026", "23 novembre 2026", "lundi 23 novembre 2026 à 14:05 UTC"},
		locale.Swedish: {"1 mars 2026", "23 november 2026", "måndag 23 november 2026 kl. 14:05 UTC"},
	} {
		at := time.Date(2026, 11, 23, 15, 5, 59, 0, stockholm)
		if got := language.Date(time.Date(2026, 3, 1, 0, 30, 0, 0, time.UTC)); got != want.first {
			t.Errorf("%s: %q, want %q", language, got, want.first)
		}
		if got := language.Date(at); got != want.date {
			t.Errorf("%s: %q, want %q", language, got, want.date)
		}
		if got := language.DateTime(at); got != want.dateTime {
			t.Errorf("%s: %q, want %q", language, got, want.dateTime)
		}
	}
}

func TestEveryDayAndMonthHasItsName(t *testing.T) {
	t.Parallel()
	for _, language := range locale.Languages() {
		seen := map[string]bool{}
		for day := range 366 {
			seen[language.DateTime(time.Date(2028, 1, 1+day, 8, 0, 0, 0, time.UTC))] = true
		}
		if len(seen) != 366 {
			t.Errorf("%s writes the 366 days of a year in %d ways", language, len(seen))
		}
	}
}

func TestACountryIsNamedInTheLanguage(t *testing.T) {
	t.Parallel()
	for language, want := range map[locale.Language]string{
		locale.English: "Sweden", locale.German: "Schweden", locale.French: "Suède", locale.Swedish: "Sverige", "": "Sweden",
	} {
		if got := language.Region("SE"); got != want {
			t.Errorf("%s: %q, want %q", language, got, want)
		}
	}
	for _, code := range []string{"", "X", "no region"} {
		if got := locale.French.Region(code); got != code {
			t.Errorf("%q is named %q", code, got)
		}
	}
}
