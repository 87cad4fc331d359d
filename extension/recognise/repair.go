package recognise

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// repair returns what was probably meant by a rejected piece, if the mistake is one
// that programs or hasty fingers make: typographic signs that a word processor put
// in, a pictogram in front, %40 for @, the rest of a link or word behind, a
// provider without its .com. The result may be no address either; it is only ever
// offered.
func repair(text string) string {
	if len(text) > longestAddress*utf8.UTFMax {
		return ""
	}
	text = straighten(strings.TrimLeftFunc(text, func(r rune) bool {
		return r >= utf8.RuneSelf && !unicode.In(r, unicode.L, unicode.M, unicode.N) && r != utf8.RuneError
	}))
	if strings.Contains(text, "%40") && !strings.Contains(text, "@") {
		if decoded, err := url.PathUnescape(text); err == nil {
			text = decoded
		}
	}
	name, domain, found := strings.Cut(text, "@")
	if !found || strings.Contains(domain, "@") {
		return text
	}
	if end := strings.IndexAny(domain, "?/&='"); end >= 0 {
		domain = domain[:end]
	}
	if meant := likelyProvider(strings.TrimSuffix(lower(domain), "com"), "com"); meant != "" {
		domain = meant
	}
	return name + "@" + domain
}

// straighten undoes what word processors do to the signs of an address while it
// is typed.
func straighten(word string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '‘', '’', 'ʼ', '′', '´', '‛':
			return '\''
		case '‐', '\u2011', '‒', '–', '—', '−':
			return '-'
		}
		return r
	}, word)
}
