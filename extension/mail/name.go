package mail

import (
	"strings"
	"unicode"
)

// The longest names in a letter, in characters. Longer ones are cut, so that no one can write a message of their own
// into the place of a name.
const (
	maxName    = 80
	maxNames   = 200 // areas and roles, of which a user may have several
	maxSubject = 60  // of a name in the subject, which mail clients cut at about that length
)

// name makes a name that somebody typed fit for a letter that carries our sender's reputation: one visible line, of
// bounded length, that no mail client turns into a link. Invitation mail with addresses in the names is a known way to
// send phishing through other people's servers.
func name(typed string, limit int) string {
	return shorten(unlinked(oneLine(typed)), limit)
}

// unlinked takes away what mail clients make links of: it drops the marks of a scheme or a network share, and parts
// what looks like a domain with a space after the dot. "St.Mary's" becomes "St. Mary's", which is how it is written
// anyway, and initials (J.R.R.) and numbers (2.1) stay as they are.
func unlinked(line string) string {
	line = strings.NewReplacer("://", " ", `\\`, " ").Replace(line)
	runes := []rune(line)
	var plain strings.Builder
	for i, r := range runes {
		plain.WriteRune(r)
		if isDot(r) && (looksLikeLabel(runes[i+1:]) || endsWithWWW(runes[:i])) {
			plain.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(plain.String()), " ")
}

// isDot knows the dots that separate labels of a domain name (RFC 3490 §3.1) and their look-alike U+2024.
func isDot(r rune) bool {
	switch r {
	case '.', '\u3002', '\uFF0E', '\uFF61', '\u2024':
		return true
	default:
		return false
	}
}

// looksLikeLabel tells whether a text begins with what could be a label of a domain name: two characters or more, one
// of them a letter.
func looksLikeLabel(rest []rune) bool {
	length, letter := 0, false
	for _, r := range rest {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N) && r != '-' {
			break
		}
		length++
		letter = letter || unicode.IsLetter(r)
	}
	return length >= 2 && letter
}

func endsWithWWW(before []rune) bool {
	return len(before) >= 3 && strings.EqualFold(string(before[len(before)-3:]), "www")
}
