package recognise

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one part of an entry: a stretch of the scanner's text.
type token struct {
	start, end int
	kind       tokenKind
	place      place
	words      int  // how many words a phrase has
	gap        bool // a bracket or a quote stands before it
}

// place says where a token stands.
type place int

const (
	inText   place = iota
	asTarget       // in angle brackets or in a link, as the address behind a name does
)

type tokenKind int

const (
	phrase     tokenKind = iota // words without @
	dotted                      // a word without @ that is shaped like a domain
	candidate                   // a word with @
	quotedName                  // "a b"@example.com
	literal                     // a web link, a display name in quotes: taken whole, never an address
	maskAt                      // (at)
	maskDot                     // (dot)
	protected                   // [email protected]
)

// separator says what ended an entry.
type separator int

const (
	endOfText separator = iota
	newline
	comma
	otherSeparator // semicolon, tab, table cell
	pipe
	link // a link follows, which is an entry of its own
)

// deepest is how far texts within texts are followed: an HTML tag within a
// percent-encoded mail link within an HTML tag. Beyond it tags are read as they
// stand, which bounds the work.
const deepest = 2

// scanner cuts text into entries and entries into tokens. It goes through the
// text once; looks ahead either consume what they saw or stop at the next
// character that could start the same look, so the work stays linear.
type scanner struct {
	out    *collector
	text   string
	pos    int
	line   int     // where the current line begins
	tokens []token // of the current entry
	held   token   // a dotted word that may belong to the next entry; none if its end is 0
	quoted int     // quotes before this index are plain marks
	gap    bool    // a bracket or quote was passed since the last token
	angle  bool    // the next word follows <
	inside bool    // the whole text is the target of a link
	depth  int     // texts around this one
}

// run reads the whole text.
func (s *scanner) run() {
	for s.pos < len(s.text) {
		if s.out.full() {
			s.out.result.Cut = true
			return
		}
		switch s.text[s.pos] {
		case '\n', '\r':
			s.finish(newline)
			s.line = s.pos + 1
		case ',':
			s.finish(comma)
		case ';', '\t':
			s.finish(otherSeparator)
		case '|':
			s.finish(pipe)
		case ' ':
		case '"':
			s.quote()
			continue
		case '<':
			s.openAngle()
			continue
		case '(', '[', '{':
			s.openBracket()
			continue
		case ')', ']', '}', '>':
			s.boundary()
		default:
			s.word()
			continue
		}
		s.pos++
	}
	s.finish(endOfText)
}

// boundary notes that a bracket or quote separates what was read from what
// follows, within the same entry.
func (s *scanner) boundary() { s.gap, s.angle = true, false }

// endsWord reports whether no word goes past c.
func endsWord(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ',', ';', '|', '"', '<', '>', '(', ')', '[', ']', '{', '}':
		return true
	}
	return false
}

// wordEnd returns the end of the word that i is in.
func (s *scanner) wordEnd(i int) int {
	for i < len(s.text) && !endsWord(s.text[i]) {
		i++
	}
	s.out.work += i - s.pos
	return i
}

// lineEnd returns the end of the line that i is in.
func (s *scanner) lineEnd(i int) int { return s.next(i, "\r\n") }

// next returns the index of the first of the characters stops at or behind i, or
// the end of the text.
func (s *scanner) next(i int, stops string) int {
	n := strings.IndexAny(s.text[i:], stops)
	if n < 0 {
		n = len(s.text) - i
	}
	s.out.work += n
	return i + n
}

// word reads one word at the scanner's position.
func (s *scanner) word() {
	start, i := s.pos, s.pos
	at, dot := false, false
	for ; i < len(s.text) && !endsWord(s.text[i]); i++ {
		switch s.text[i] {
		case '@':
			at = true
			i = s.addressLiteral(i)
		case '.':
			dot = true
		case ':', '=':
			if !at && s.prefix(start, i) {
				return
			}
		}
	}
	s.pos = i
	s.out.work += i - start
	switch {
	case at:
		s.add(candidate, start, i)
	case dot && isDotted(s.text[start:i]):
		s.add(dotted, start, i)
	default:
		s.add(phrase, start, i)
	}
}

// addressLiteral returns the index of the last character of the address literal
// (RFC 5321 §4.1.3) that follows the @ at i, or i if none does.
func (s *scanner) addressLiteral(i int) int {
	const longest = len("@[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]")
	if i+1 >= len(s.text) || s.text[i+1] != '[' {
		return i
	}
	ahead := s.text[i+1 : min(len(s.text), i+longest)]
	if end := strings.IndexAny(ahead, "] \t\r\n@"); end > 0 && ahead[end] == ']' {
		return i + 1 + end
	}
	return i
}

// add appends a token to the entry. Words in a row make one phrase, which keeps
// an entry of millions of words small. Words without a letter or digit, such as
// bullets, are separators and no tokens.
func (s *scanner) add(kind tokenKind, start, end int) {
	if kind == phrase && !hasContent(s.text[start:end]) {
		return
	}
	if n := len(s.tokens) - 1; kind == phrase && n >= 0 && s.tokens[n].kind == phrase && !s.gap {
		s.tokens[n].end = end
		s.tokens[n].words++
		return
	}
	where := inText
	if s.angle || s.inside {
		where = asTarget
	}
	s.tokens = append(s.tokens, token{start: start, end: end, kind: kind, place: where, words: 1, gap: s.gap})
	s.gap, s.angle = false, false
}

// nested reads text that stands within this one and is the target of a link.
func (s *scanner) nested(text string) {
	inner := scanner{out: s.out, text: text, inside: true, depth: s.depth + 1}
	inner.run()
}

// hasContent reports whether word has anything but punctuation.
func hasContent(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool {
		return isLetterOrDigit(r) || r >= utf8.RuneSelf && !unicode.IsPunct(r)
	})
}

// isDotted reports whether word is shaped like an address that lacks its @:
// labels of letters and digits with dots between them, the last one a possible
// top-level domain. Web sites, dates, numbers and initials are not.
func isDotted(word string) bool {
	word = trim(word)
	last := strings.LastIndexByte(word, '.')
	if last <= 0 || len(word) < len("a.b.cd") || len(word) > longestAddress || hasPrefixFold(word, "www.") {
		return false
	}
	tld := word[last+1:]
	if utf8.RuneCountInString(tld) < 2 || strings.ContainsFunc(tld, func(r rune) bool { return !unicode.IsLetter(r) }) {
		return false
	}
	for label := range strings.SplitSeq(word, ".") {
		if label == "" || strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	return true
}

// notInLabel reports whether r is neither part of a label nor of what people
// type in place of @ or before it.
func notInLabel(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.N, unicode.M) && !strings.ContainsRune("-_+'%#", r)
}

// hasPrefixFold reports whether text begins with the ASCII prefix in any case.
func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// isLetterOrDigit reports whether c is an ASCII letter or digit.
func isLetterOrDigit[T byte | rune](c T) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z'
}
