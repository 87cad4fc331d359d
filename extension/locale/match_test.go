package locale_test

import (
	"testing"

	"paperplane/extension/locale"
)

func TestTheFirstPreferenceThatThereIsATranslationForCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		preferences []string
		want        locale.Language
	}{
		"nothing":                          {nil, locale.English},
		"a tag":                            {[]string{"sv"}, locale.Swedish},
		"a tag with a region":              {[]string{"de-AT"}, locale.German},
		"a tag with a script and a region": {[]string{"fr-Latn-CA"}, locale.French},
		"a POSIX locale":                   {[]string{"de_CH"}, locale.German},
		"capitals":                         {[]string{"SV-fi"}, locale.Swedish},
		"a header":                         {[]string{"fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5"}, locale.French},
		"a header out of order":            {[]string{"en;q=0.1, de;q=0.9"}, locale.German},
		"a header that refuses":            {[]string{"de;q=0, sv;q=0.1"}, locale.Swedish},
		"an unknown language, then one":    {[]string{"pl, sv;q=0.5"}, locale.Swedish},
		"an unknown language alone":        {[]string{"zh-Hant-TW"}, locale.English},
		"a neighbour is no translation":    {[]string{"nb, da;q=0.9"}, locale.English},
		"anything":                         {[]string{"*"}, locale.English},
		"an earlier preference wins":       {[]string{"sv", "de"}, locale.Swedish},
		"an earlier English wins":          {[]string{"en-GB", "de"}, locale.English},
		"an empty one is passed over":      {[]string{"", "de"}, locale.German},
		"one beyond reading is too":        {[]string{"<script>", "de"}, locale.German},
		"an unknown one is too":            {[]string{"ja", "de-DE,de;q=0.9"}, locale.German},
	} {
		if got := locale.Match(test.preferences...); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
