package recognise

import (
	"net/url"
	"strings"
)

// prefix reads the part of a word that begins at start and ends with the colon or
// equals sign at i: mailto:, https:, or a label such as "To:" glued to what it
// labels. CN= is followed by a name (RFC 5545 §3.2.2), even where that is spelled
// like an address. It reports whether it moved the scanner on.
func (s *scanner) prefix(start, i int) bool {
	name := s.text[start:i]
	switch {
	case s.text[i] == '=' && !strings.EqualFold(name, "cn"):
		return isAddressField(name) && s.label(start, i)
	case s.depth < deepest && endsInMailto(name):
		s.add(phrase, start, i-len("mailto"))
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
	switch strings.ToLower(name) {
	case "mail", "email", "e-mail", "emailaddress", "address", "to", "cc", "bcc":
		return true
	}
	return false
}

// endsInMailto reports whether the last word of name is mailto.
func endsInMailto(name string) bool {
	before := len(name) - len("mailto")
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

// mailto reads the mail link (RFC 6068) whose recipients begin at i. Recipients
// in its query count if they are its own ("to"); copies do not, because nobody
// sees them in a link.
func (s *scanner) mailto(i int) {
	end := s.next(i, " \t\r\n|\"<>()[]{}")
	s.finish(link)
	s.pos = end
	recipients, query, _ := strings.Cut(strings.TrimLeft(s.text[i:end], "/"), "?")
	s.nested(unescape(recipients))
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

// tagKind says how an HTML tag parts the text around it.
type tagKind int

const (
	notTag    tagKind = iota
	inlineTag         // within a line, such as a link
	blockTag          // begins or ends a line or a cell
)

// tag reads the HTML tag at the scanner's position, if one stands there. Its
// attributes are markup and not text, except for the addresses in them.
func (s *scanner) tag() bool {
	kind, attributes := s.tagAt(s.pos)
	targets, ok := addressesIn(attributes)
	if kind == notTag || !ok {
		return false
	}
	s.boundary()
	if kind == blockTag {
		s.finish(otherSeparator)
	}
	if len(targets) > 0 {
		s.finish(link)
	}
	for _, target := range targets {
		s.nested(target)
	}
	s.pos = s.next(s.pos, ">") + 1
	return true
}

// isTag reports whether an HTML tag stands at i.
func (s *scanner) isTag(i int) bool {
	kind, attributes := s.tagAt(i)
	_, ok := addressesIn(attributes)
	return kind != notTag && ok
}

// tagAt returns the kind of the HTML tag at i and the text between its name and
// its end. A tag ends on its line.
func (s *scanner) tagAt(i int) (tagKind, string) {
	i++
	if i < len(s.text) && s.text[i] == '/' {
		i++
	}
	const longest = len("blockquote")
	name := i
	for i < len(s.text) && i-name <= longest && isLetterOrDigit(s.text[i]) {
		i++
	}
	kind := kindOfTag(strings.ToLower(s.text[name:i]))
	if kind == notTag {
		return notTag, ""
	}
	end := s.next(i, "<>\r\n")
	if end == len(s.text) || s.text[end] != '>' {
		return notTag, ""
	}
	return kind, s.text[i:end]
}

// kindOfTag returns the kind of the HTML element with this lower-case name, as
// mail programs, office programs and web tables write them.
func kindOfTag(name string) tagKind {
	switch name {
	case "a", "abbr", "b", "big", "cite", "code", "em", "font", "i", "img", "ins", "kbd", "label", "mark", "q", "s",
		"small", "span", "strong", "sub", "sup", "tt", "u", "wbr":
		return inlineTag
	case "address", "article", "aside", "blockquote", "body", "br", "button", "caption", "center", "col", "colgroup",
		"dd", "div", "dl", "dt", "fieldset", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header",
		"hr", "html", "input", "li", "link", "main", "meta", "nav", "ol", "option", "p", "pre", "section", "select",
		"style", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr", "ul":
		return blockTag
	}
	return notTag
}

// addressesIn returns the attribute values that may hold addresses. It reports
// false if attributes are none, so that text in angle brackets is not lost.
func addressesIn(attributes string) ([]string, bool) {
	if strings.Trim(attributes, " \t/") == "" {
		return nil, true
	}
	if strings.IndexByte(" \t/", attributes[0]) < 0 || strings.IndexByte(attributes, '=') < 0 {
		return nil, false
	}
	var values []string
	outside := strings.Count(attributes, "@")
	for {
		_, rest, found := strings.Cut(attributes, "=")
		if !found {
			return values, outside == 0
		}
		var value string
		value, attributes = attributeValue(rest)
		if n := strings.Count(value, "@"); n > 0 || hasPrefixFold(value, "mailto:") {
			values = append(values, value)
			outside -= n
		}
	}
}

// attributeValue splits text, which follows an equals sign, into the value and
// what comes behind it.
func attributeValue(text string) (value, rest string) {
	text = strings.TrimLeft(text, " \t")
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		value, rest, _ = strings.Cut(text[1:], text[:1])
		return value, rest
	}
	end := strings.IndexAny(text, " \t")
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}
