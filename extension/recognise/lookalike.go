package recognise

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// isLookalike reports whether a domain with A-labels has a label that can pass
// for another one: letters of scripts that are never mixed within a word
// (Unicode UTS #39 §5.2, moderately restrictive), single letters that were made to
// look Latin, or, under an ASCII top-level domain, a label entirely of letters
// that look Latin.
func isLookalike(domain string) bool {
	foreign := !hasPrefixFold(domain[strings.LastIndexByte(domain, '.')+1:], acePrefix)
	for label := range strings.SplitSeq(domain, ".") {
		shown := unicodeLabel(label)
		if shown == label {
			continue
		}
		if mixesScripts(shown) || hasPhoneticLatin(shown) || foreign && skeleton(shown) != "" {
			return true
		}
	}
	return false
}

// imitated returns the ASCII domain that a look-alike looks like, or nothing if
// it has letters that look like no ASCII one.
func imitated(domain string) string {
	labels := strings.Split(domain, ".")
	for i, label := range labels {
		shown := unicodeLabel(label)
		if shown == label {
			continue
		}
		if labels[i] = skeleton(shown); labels[i] == "" {
			return ""
		}
	}
	return strings.Join(labels, ".")
}

// unicodeLabel returns an A-label in Unicode, and any other label as it is.
func unicodeLabel(label string) string {
	if !hasPrefixFold(label, acePrefix) {
		return label
	}
	shown, err := idna.Punycode.ToUnicode(label)
	if err != nil {
		return label
	}
	return shown
}

// mixesScripts reports whether label has letters of scripts that don't occur in
// one word. Latin goes with most scripts, but not with those that share shapes
// with it; Chinese, Japanese and Korean each use several scripts together.
func mixesScripts(label string) bool {
	var latin, eastAsian bool
	other := "" // the one script of the label that is neither
	for _, r := range label {
		switch name := scriptOf(r); name {
		case "":
		case "Latin":
			latin = true
		case "Han", "Hiragana", "Katakana", "Hangul", "Bopomofo":
			eastAsian = true
		default:
			if other != "" && other != name {
				return true
			}
			other = name
		}
	}
	return eastAsian && other != "" || latin && sharesShapes(other)
}

// sharesShapes reports whether a script has letters that look Latin; among the
// rare ones Cherokee, Coptic and Lisu do.
func sharesShapes(script string) bool {
	switch script {
	case "Cyrillic", "Greek", "Armenian", "Georgian", "rare":
		return true
	}
	return false
}

// scriptOf returns the script that a letter belongs to, or nothing for characters
// that several scripts share. Scripts without a country's domain names count as
// one, "rare".
func scriptOf(r rune) string {
	switch {
	case r < utf8.RuneSelf && !isLetterOrDigit(r), r >= '0' && r <= '9':
		return ""
	case unicode.Is(unicode.Latin, r):
		return "Latin"
	case unicode.In(r, unicode.Common, unicode.Inherited):
		return ""
	}
	for _, s := range [...]struct {
		name  string
		table *unicode.RangeTable
	}{
		{"Cyrillic", unicode.Cyrillic},
		{"Greek", unicode.Greek},
		{"Han", unicode.Han},
		{"Hiragana", unicode.Hiragana},
		{"Katakana", unicode.Katakana},
		{"Hangul", unicode.Hangul},
		{"Arabic", unicode.Arabic},
		{"Hebrew", unicode.Hebrew},
		{"Thai", unicode.Thai},
		{"Devanagari", unicode.Devanagari},
		{"Bengali", unicode.Bengali},
		{"Tamil", unicode.Tamil},
		{"Telugu", unicode.Telugu},
		{"Kannada", unicode.Kannada},
		{"Malayalam", unicode.Malayalam},
		{"Gujarati", unicode.Gujarati},
		{"Gurmukhi", unicode.Gurmukhi},
		{"Oriya", unicode.Oriya},
		{"Sinhala", unicode.Sinhala},
		{"Armenian", unicode.Armenian},
		{"Georgian", unicode.Georgian},
		{"Khmer", unicode.Khmer},
		{"Lao", unicode.Lao},
		{"Myanmar", unicode.Myanmar},
		{"Ethiopic", unicode.Ethiopic},
		{"Bopomofo", unicode.Bopomofo},
	} {
		if unicode.Is(s.table, r) {
			return s.name
		}
	}
	return "rare"
}

// hasPhoneticLatin reports whether label has a letter of phonetic notation that is
// drawn like a common Latin letter and belongs to no language's spelling.
func hasPhoneticLatin(label string) bool {
	return strings.ContainsAny(label, "ɑɡɩɪʏᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢꜱʙɢʜʟɴʀ")
}

// skeleton returns the ASCII label that label looks like, or nothing if one of
// its letters does not look quite like an ASCII one. The pairs are those of
// Unicode's confusables.txt (UTS #39 §4) that common fonts draw alike; в, к, м
// and т, which only resemble capitals, would accuse ordinary words.
func skeleton(label string) string {
	const (
		shapes = "асԁеһіјӏорԛѕухѵԝ" + "αινορυ" + "ոսօցհ" + "ɑɡɩɪʏᴄᴏᴜᴠᴡᴢꜱ"
		latin  = "acdehijlopqsyxvw" + "aivopu" + "nuogh" + "agiiycouvwzs"
	)
	var b strings.Builder
	for _, r := range label {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		before, _, found := strings.Cut(shapes, string(r))
		if !found {
			return ""
		}
		b.WriteByte(latin[utf8.RuneCountInString(before)])
	}
	return b.String()
}
