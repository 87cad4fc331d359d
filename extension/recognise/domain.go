package recognise

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// acePrefix begins every label in punycode (RFC 5890 §2.3.2.1).
const acePrefix = "xn--"

// asciiDomain returns domain in lower-case with its international labels as
// A-labels (RFC 5890), so that every spelling of a domain is one string, or the
// reason why mail can't be sent to it.
func asciiDomain(domain string) (string, Reason) {
	if isPlain(domain) {
		return lower(domain), checkDomain(domain)
	}
	switch {
	case strings.ContainsRune(domain, utf8.RuneError):
		return "", UnsupportedCharacters
	case len(domain) > longestDomain*len("豆"):
		// Every character of a label takes at least one octet of its A-label. This also
		// bounds the work, because encoding a label takes quadratic time.
		return "", TooLong
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || ascii == "" {
		return "", BadDomain
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if strings.ContainsFunc(unicodeLabel(label), notInIDN) {
			return "", BadDomain
		}
	}
	// Some mappings leave empty or overlong labels behind.
	return ascii, checkDomain(ascii)
}

// notInIDN reports whether r is not allowed in an international label. The lookup
// lets symbols and dashes pass for the sake of old registrations (UTS #46 §2.3);
// IDNA 2008 allows letters, marks and digits and a few more in their languages
// (RFC 5892 §2.1, §2.6, appendix A), and mail to anything else goes nowhere.
func notInIDN(r rune) bool {
	return r != '-' && !isJoiner(r) && !strings.ContainsRune("·͵׳״・〇۽۾་", r) &&
		!unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.Nd)
}

// isPlain reports whether domain has ASCII characters only and no A-label.
func isPlain(domain string) bool {
	label := 0
	for i := range len(domain) {
		switch c := domain[i]; {
		case c >= utf8.RuneSelf:
			return false
		case c == '.':
			label = i + 1
		case c == '-' && i-label == len(acePrefix)-1 && hasPrefixFold(domain[label:], acePrefix):
			return false
		}
	}
	return true
}

// checkDomain checks an ASCII domain: at least two labels of letters, digits and
// inner hyphens (RFC 1123 §2.1), the last one a possible top-level domain. That
// leaves out single names, address literals and IP addresses.
func checkDomain(domain string) Reason {
	long := len(domain) > longestDomain
	labels := 0
	for label := range strings.SplitSeq(domain, ".") {
		if !isLabel(label) {
			return BadDomain
		}
		long = long || len(label) > longestLabel
		labels++
	}
	if labels < 2 || !isTopLevel(domain[strings.LastIndexByte(domain, '.')+1:]) {
		return BadDomain
	}
	if long {
		return TooLong
	}
	return ""
}

// isLabel reports whether label has the characters of a host name's label.
func isLabel(label string) bool {
	if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		if !isLetterOrDigit(label[i]) && label[i] != '-' {
			return false
		}
	}
	return true
}

// isTopLevel reports whether label can be a top-level domain: letters only, at
// least two of them (RFC 3696 §2), or an A-label.
func isTopLevel(label string) bool {
	if hasPrefixFold(label, acePrefix) {
		return true
	}
	for i := range len(label) {
		if c := label[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return len(label) >= 2
}

// displayDomain returns domain in Unicode. It stays as it is if it imitates
// another domain, or if its Unicode form would not lead back to it.
func displayDomain(domain string) string {
	if isPlain(domain) || isLookalike(domain) {
		return domain
	}
	shown, err := idna.Lookup.ToUnicode(domain)
	if err != nil {
		return domain
	}
	if back, reason := asciiDomain(shown); reason != "" || back != domain {
		return domain
	}
	return shown
}
