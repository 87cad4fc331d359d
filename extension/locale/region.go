package locale

import (
	"cmp"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Region is the name of a country in the language, by its code (ISO 3166-1 alpha-2), as CLDR has it. A code that is none
// stands for itself.
func (l Language) Region(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	return display.Regions(language.Make(string(cmp.Or(l, English)))).Name(region)
}
