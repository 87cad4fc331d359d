package recognise

import (
	"strings"
	"unicode/utf8"
)

// The limits of RFC 5321 §4.5.3.1 and RFC 1035 §2.3.4, in octets. The path limit
// of 256 includes two angle brackets (RFC 3696 erratum 1690).
const (
	longestAddress = 254
	longestName    = 64
	longestDomain  = 253
	longestLabel   = 63
)

// parse returns the form in which the address word is sent to, or the reason why
// it is none.
func parse(word string) (string, Reason) {
	name, domain, found := strings.Cut(word, "@")
	switch {
	case !found:
		return "", NoAtSign
	case strings.IndexByte(domain, '@') >= 0:
		return "", MoreThanOneAt
	case name == "":
		return "", MissingName
	case domain == "":
		return "", MissingDomain
	}
	if reason := checkName(name); reason != "" {
		return "", reason
	}
	ascii, reason := asciiDomain(domain)
	if reason != "" {
		return "", reason
	}
	if len(name)+1+len(ascii) > longestAddress {
		return "", TooLong
	}
	if ascii == domain && !hasUpper(name) {
		return word, ""
	}
	return lower(name) + "@" + ascii, ""
}

// checkName checks a local part: a dot-atom (RFC 5322 §3.2.3) of ASCII characters.
// Quoted local parts and internationalised ones (RFC 6531) are legal, but Kratos
// stores the first without quotes, which is another address, and few mail servers
// take the second.
func checkName(name string) Reason {
	bad := name[0] == '.' || name[len(name)-1] == '.'
	for i := range len(name) {
		switch c := name[i]; {
		case c >= utf8.RuneSelf || c == '"':
			return UnsupportedCharacters
		case c == '.':
			bad = bad || i > 0 && name[i-1] == '.'
		default:
			bad = bad || !isAtomText(c)
		}
	}
	switch {
	case bad:
		return BadName
	case len(name) > 1 && name[0] == '\'' && name[len(name)-1] == '\'':
		return UnsupportedCharacters
	case len(name) > longestName:
		return TooLong
	}
	return ""
}

// isAtomText reports whether c may stand in an atom (RFC 5322 §3.2.3).
func isAtomText(c byte) bool {
	return isLetterOrDigit(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// isUnusualName reports whether a valid local part is one that hardly anybody has:
// it begins or ends with a sign, as after a careless copy, or has signs in it
// that only routing tricks (RFC 5321 appendix F) and gateways use.
func isUnusualName(name string) bool {
	return plainStart(name) != name || name[len(name)-1] == '\'' || strings.ContainsAny(name, "!#$%*/?^`{|}~")
}

// plainStart returns name without what a list or a spreadsheet leaves in front of
// it: a number with a full stop, a bullet, the sign of a formula.
func plainStart(name string) string {
	const longestNumber = 4
	if number, rest, found := strings.Cut(name, "."); found && len(number) <= longestNumber && strings.Trim(number, "0123456789") == "" {
		name = rest
	}
	return strings.TrimLeft(name, "!#$%&'*+-/=?^`{|}~.")
}

// hasUpper reports whether s has an ASCII capital.
func hasUpper(s string) bool {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return true
		}
	}
	return false
}

// lower returns s with its ASCII capitals in lower-case. Other letters stay: the
// Kelvin sign and the dotted capital I are not k and i.
func lower(s string) string {
	if !hasUpper(s) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}
