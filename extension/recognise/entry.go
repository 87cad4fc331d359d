package recognise

import (
	"slices"
	"strings"
)

// ignoredRun is the text of neighbouring tokens that are no address, so that a
// name is ignored as one piece.
type ignoredRun struct {
	start, end int
}

// finish ends the current entry and says what became of its tokens.
func (s *scanner) finish(by separator) {
	if len(s.tokens) > 0 || s.held.end > 0 {
		s.settle(s.tokens, by)
		s.tokens = s.tokens[:0]
	}
	s.gap, s.angle = false, false
	if by == newline || by == comma || by == otherSeparator {
		s.out.last = mention{}
	}
}

// settle passes the tokens of one entry on to the collector.
func (s *scanner) settle(tokens []token, by separator) {
	s.out.work += len(tokens)
	s.release(tokens)
	if by == comma && len(tokens) == 1 && tokens[0].kind == dotted && tokens[0].place == inText {
		s.held = tokens[0]
		return
	}
	if by != link && s.isSpoken(tokens) {
		text := s.text[tokens[0].start:tokens[len(tokens)-1].end]
		s.out.rejectMeant(text, NoAtSign, unspoken(text))
		return
	}
	listed := by != link && slices.ContainsFunc(tokens, isDottedWord) && s.isList(tokens)
	var run ignoredRun
	for len(tokens) > 0 {
		if n := chainLength(tokens); n > 1 {
			tokens = s.settleChain(&run, tokens, n)
			continue
		}
		t := tokens[0]
		switch {
		case t.kind == candidate, t.kind == quotedName, t.kind == protected, t.kind == dotted && (listed || t.place == asTarget):
			s.flush(&run)
			s.settlePiece(t)
		case t.kind == literal && s.labelsNext(tokens):
			s.flush(&run)
		default:
			s.extend(&run, t)
		}
		tokens = tokens[1:]
	}
	s.flush(&run)
}

// settlePiece passes on one token that looks like an address.
func (s *scanner) settlePiece(t token) {
	piece := s.text[t.start:t.end]
	switch t.kind {
	case candidate:
		s.out.address(piece, t.place)
	case quotedName:
		s.out.reject(trim(piece), UnsupportedCharacters)
	default:
		s.out.reject(trim(piece), NoAtSign)
	}
}

// release settles a dotted word that was alone between commas, now that the
// tokens of the next entry are known. It is half of a name in
// "J.Smith, Alice <alice@example.com>", otherwise an address without its @.
func (s *scanner) release(next []token) {
	if s.held.end == 0 {
		return
	}
	word := s.text[s.held.start:s.held.end]
	s.held = token{}
	named := len(next) > 1 && (next[0].kind == phrase || next[0].kind == dotted) &&
		slices.ContainsFunc(next, func(t token) bool { return t.kind == candidate && t.place == asTarget })
	if named && strings.Count(word, ".") == 1 {
		s.out.ignore(word)
		return
	}
	s.out.reject(trim(word), NoAtSign)
}

// isList reports whether an entry holds nothing but what looks like addresses,
// with or without @, perhaps behind a number. Only then is a dotted word without
// @ taken for a mistake; elsewhere it may be a web site, an abbreviation or, next
// to an address that a space broke up, its other half.
func (s *scanner) isList(tokens []token) bool {
	for i, t := range tokens {
		text := s.text[t.start:t.end]
		switch t.kind {
		case phrase:
			if i > 0 || !isOrdinal(text) {
				return false
			}
		case literal, maskAt, maskDot:
			return false
		case candidate:
			if _, reason := parse(trim(text)); reason != "" {
				return false
			}
		case dotted, quotedName, protected:
		}
	}
	return true
}

// isDottedWord reports whether t is a word that may be an address without its @.
func isDottedWord(t token) bool { return t.kind == dotted }

// isOrdinal reports whether word numbers a list.
func isOrdinal(word string) bool {
	return len(word) <= len("99999.") && strings.Trim(word, "0123456789.:#") == ""
}

// isSpoken reports whether the tokens of an entry spell an address in words, as
// in "alice at example.com" or "alice at example dot com".
func (s *scanner) isSpoken(tokens []token) bool {
	const most = 9 // a at b dot c dot d dot e
	if len(tokens) == 0 || len(tokens) > 2 || tokens[0].kind != phrase || tokens[0].words > most {
		return false
	}
	words := strings.Fields(s.text[tokens[0].start:tokens[0].end])
	if len(words) < 2 || !strings.EqualFold(words[1], "at") {
		return false
	}
	if len(tokens) == 2 {
		return len(words) == 2 && tokens[1].kind == dotted && !tokens[1].gap
	}
	for i := 3; i < len(words); i += 2 {
		if !strings.EqualFold(words[i], "dot") {
			return false
		}
	}
	return len(words) >= 5 && len(words)%2 == 1
}

// unspoken returns the address that isSpoken has found in text.
func unspoken(text string) string {
	words := strings.Fields(text)
	for i := 1; i < len(words); i += 2 {
		words[i] = "."
	}
	words[1] = "@"
	return strings.Join(words, "")
}

// labelsNext reports whether the first token is a display name that repeats the
// address behind it, as mail programs write addresses they have no name for.
func (s *scanner) labelsNext(tokens []token) bool {
	if len(tokens) < 2 || tokens[1].kind != candidate {
		return false
	}
	return strings.EqualFold(trim(s.text[tokens[0].start:tokens[0].end]), trim(s.text[tokens[1].start:tokens[1].end]))
}

// extend adds t to the run of ignored text.
func (s *scanner) extend(run *ignoredRun, t token) {
	if t.gap || run.end == 0 {
		s.flush(run)
		run.start = t.start
	}
	run.end = t.end
}

// flush ends the run of ignored text.
func (s *scanner) flush(run *ignoredRun) {
	if run.end > 0 {
		s.out.ignore(s.text[run.start:run.end])
	}
	*run = ignoredRun{}
}
