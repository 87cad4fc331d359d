package recognise

import (
	"net/url"
	"strings"
)

// mailtoScheme begins a mail link.
const mailtoScheme = "mailto:"

// prefix reads the part of a word that begins at start and ends with the colon or
// equals sign at i: mailto:, https:, or a label such as "To:" glued to what it
// labels. CN= is followed by a name (RFC 5545 §3.2.2), even where that is spelled
// like an address. It reports whether it moved the scanner on.
func (s *scanner) prefix(start, i int) bool {
	name := s.text[start:i]
	switch {
	case s.text[i] == '=' && !strings.EqualFold(name, "cn"):
		return isAddressField(name) && s.label(start, i)
	case endsInMailto(name):
		s.add(phrase, start, i+1-len(mailtoScheme))
		s.mailto(i + 1)
	case s.text[i] == '=' || strings.HasPrefix(s.text[i+1:], "//") || isContentScheme(name):
		s.pos = s.wordEnd(i)
		s.add(literal, start, s.pos)
	case start == s.line && isMessageHeader(name):
		s.pos = s.lineEnd(i)
		s.add(literal, start, s.pos)
	default:
		return s.label(start, i)
	}
	return true
}

// label reads a label and leaves the scanner behind it, unless the word ends with
// it anyway.
func (s *scanner) label(start, i int) bool {
	if i+1 == len(s.text) || endsWord(s.text[i+1]) {
		return false
	}
	s.add(phrase, start, i+1)
	s.pos = i + 1
	return true
}

// isAddressField reports whether name is what directories, calendars and forms
// write before an equals sign and an address. Before other names the equals sign
// is part of the address, as in VERP and BATV.
func isAddressField(name string) bool {
	if len(name) > len("emailaddress") {
		return false // also keeps a word of many equals signs from being read again for each
	}
	switch strings.ToLower(name) {
	case "mail", "email", "e-mail", "emailaddress", "address", "to", "cc", "bcc":
		return true
	}
	return false
}

// endsInMailto reports whether the last word of name is mailto.
func endsInMailto(name string) bool {
	before := len(name) + 1 - len(mailtoScheme)
	return before >= 0 && strings.EqualFold(name[before:], "mailto") && (before == 0 || !isLetterOrDigit(name[before-1]))
}

// isContentScheme reports whether scheme names a part of a message (RFC 2392),
// whose identifier looks like an address and is none.
func isContentScheme(scheme string) bool {
	return strings.EqualFold(scheme, "cid") || strings.EqualFold(scheme, "mid")
}

// isMessageHeader reports whether name is a header field that holds message
// identifiers (RFC 5322 §3.6.4), which look like addresses and are none.
func isMessageHeader(name string) bool {
	switch strings.ToLower(name) {
	case "message-id", "in-reply-to", "references", "content-id", "resent-message-id":
		return true
	}
	return false
}

// mailto reads the mail link whose recipients begin at i. Within a link the scheme
// is a repetition and means nothing.
func (s *scanner) mailto(i int) {
	if s.inside {
		s.pos = i
		return
	}
	end := s.linkEnd(i)
	s.finish(link)
	s.pos = end
	s.recipients(s.text[i:end])
}

// linkEnd returns the end of the mail link that i is in. Recipients are separated
// by commas, but the next link of a list ends it too.
func (s *scanner) linkEnd(i int) int {
	for {
		i = s.next(i, ",; \t\r\n|\"<>()[]{}")
		if i == len(s.text) || s.text[i] != ',' && s.text[i] != ';' || hasPrefixFold(s.text[i+1:], mailtoScheme) {
			return i
		}
		i++
	}
}

// recipients reads what follows mailto: in a mail link (RFC 6068). Recipients in
// its query count if they are its own ("to"); copies do not, because nobody sees
// them in a link.
func (s *scanner) recipients(link string) {
	to, query, _ := strings.Cut(strings.TrimLeft(link, "/"), "?")
	s.nested(unescape(to))
	if query == "" {
		return
	}
	for field := range strings.SplitSeq(query, "&") {
		if hasPrefixFold(field, "to=") {
			s.nested(unescape(field[len("to="):]))
		} else {
			s.out.ignore(field)
		}
	}
}

// unescape decodes the percent-encoding of part of a mail link. What is not
// encoded properly stays as it is.
func unescape(part string) string {
	if strings.IndexByte(part, '%') < 0 {
		return part
	}
	decoded, err := url.PathUnescape(part)
	if err != nil {
		return part
	}
	return clean(decoded)
}
