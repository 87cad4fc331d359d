package recognise

import "strings"

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
	if kind == notTag || !ok || s.depth == deepest {
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
		if hasPrefixFold(target, mailtoScheme) {
			s.recipients(target[len(mailtoScheme):])
		} else {
			s.nested(target)
		}
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
		if n := strings.Count(value, "@"); n > 0 || hasPrefixFold(value, mailtoScheme) {
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
