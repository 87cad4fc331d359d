package recognise

import "strings"

// quote reads a double quote. A quoted stretch is taken whole if it is a name
// with separators in it ("Doe, John") or the display name of the address that
// follows; otherwise, as in the cells of a CSV file, its words are read one by
// one. A stretch ends with its line; a quote without a partner is a plain mark.
func (s *scanner) quote() {
	open := s.pos
	s.pos++
	s.gap = true
	if open < s.quoted {
		return
	}
	end := s.closingQuote(open + 1)
	switch {
	case end == len(s.text) || s.text[end] != '"':
		s.quoted = end
	case end+1 < len(s.text) && s.text[end+1] == '@':
		s.pos = s.wordEnd(end + 1)
		s.add(quotedName, open, s.pos)
	case s.isDisplayName(s.text[open+1:end], end+1):
		s.add(literal, open+1, end)
		s.pos = end + 1
		s.boundary()
	default:
		s.quoted = end + 1
	}
}

// closingQuote returns the index of the quote that closes the stretch beginning
// at i, or the end of its line. A doubled quote (CSV) and one behind a backslash
// (RFC 5322, JSON) belong to the stretch.
func (s *scanner) closingQuote(i int) int {
	for i = s.next(i, "\"\r\n"); i < len(s.text) && s.text[i] == '"'; i = s.next(i, "\"\r\n") {
		switch {
		case s.text[i-1] == '\\':
			i++
		case i+1 < len(s.text) && s.text[i+1] == '"':
			i += 2
		default:
			return i
		}
	}
	return i
}

// isDisplayName reports whether the quoted content that ends before after is a
// name. With an @ in it, it is one only if an address in angle brackets follows,
// because only that one gets mail.
func (s *scanner) isDisplayName(content string, after int) bool {
	switch strings.Count(content, "@") {
	case 0:
		return strings.ContainsAny(content, ",;|\t") && !strings.ContainsAny(content, ".([{<")
	case 1:
		return !strings.ContainsAny(content, ",;|\t<") && s.isAngleAddress(after)
	}
	return false
}

// isAngleAddress reports whether <…@…> stands at i, perhaps behind spaces.
func (s *scanner) isAngleAddress(i int) bool {
	for i < len(s.text) && s.text[i] == ' ' {
		i++
		s.out.work++
	}
	if i == len(s.text) || s.text[i] != '<' {
		return false
	}
	return strings.IndexByte(s.text[i:s.next(i+1, "<>\"\r\n")], '@') >= 0 && !s.isTag(i)
}

// openAngle reads a less-than sign, which opens an address, an HTML tag or a
// mask such as <at>.
func (s *scanner) openAngle() {
	if s.tag() || s.mask() {
		return
	}
	s.boundary()
	s.angle = true
	s.pos++
}

// openBracket reads an opening bracket, which may belong to a mask such as (at)
// or to the text by which Cloudflare replaces addresses on web pages.
func (s *scanner) openBracket() {
	const protectedText = "[email protected]"
	if hasPrefixFold(s.text[s.pos:], protectedText) {
		end := s.pos + len(protectedText)
		s.add(protected, s.pos, end)
		s.pos = end
		return
	}
	if s.mask() {
		return
	}
	s.boundary()
	s.pos++
}

// mask reads what people write in brackets for @ or for a dot, if it stands at
// the scanner's position.
func (s *scanner) mask() bool {
	const longest = len("( arroba )")
	ahead := s.text[s.pos:min(len(s.text), s.pos+longest)]
	end := strings.IndexByte(ahead, closing(ahead[0]))
	if end < 0 {
		return false
	}
	kind := maskAt
	switch strings.ToLower(strings.Trim(ahead[1:end], " ")) {
	case "@", "at", "a", "ät", "arroba":
	case ".", "dot", "punkt", "point", "punto":
		kind = maskDot
	default:
		return false
	}
	s.add(kind, s.pos, s.pos+end+1)
	s.pos += end + 1
	return true
}

// closing returns the bracket that closes the one given.
func closing(open byte) byte {
	switch open {
	case '(':
		return ')'
	case '[':
		return ']'
	case '{':
		return '}'
	default:
		return '>'
	}
}
