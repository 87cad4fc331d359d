package recognise

import "strings"

// Replace puts another address in the place of a piece of text, wherever it stands
// as a word of its own, and reports whether it was there. A piece that Read has
// cleaned of invisible or full-width characters is found as well; then its line is
// cleaned too.
func Replace(text, piece, by string) (string, bool) {
	if piece == "" {
		return text, false
	}
	if replaced, ok := replaceWords(text, piece, by); ok {
		return replaced, true
	}
	var out strings.Builder
	found := false
	for line := range strings.Lines(text) {
		if cleaned := clean(line); cleaned != line {
			if replaced, ok := replaceWords(cleaned, piece, by); ok {
				line, found = replaced, true
			}
		}
		out.WriteString(line)
	}
	if !found {
		return text, false
	}
	return out.String(), true
}

// replaceWords replaces every occurrence of a piece that is no part of a longer
// address.
func replaceWords(text, piece, by string) (string, bool) {
	var out strings.Builder
	rest, found := text, false
	for {
		at := strings.Index(rest, piece)
		if at < 0 {
			break
		}
		end := at + len(piece)
		if continues(text[:len(text)-len(rest)+at], rest[end:]) {
			out.WriteString(rest[:end])
		} else {
			out.WriteString(rest[:at])
			out.WriteString(by)
			found = true
		}
		rest = rest[end:]
	}
	if !found {
		return text, false
	}
	out.WriteString(rest)
	return out.String(), true
}

// continues reports whether the address between before and after is only a part of
// a longer one.
func continues(before, after string) bool {
	if n := len(before); n > 0 && (isAtomText(before[n-1]) && before[n-1] != '\'' || before[n-1] == '.' || before[n-1] == '@') {
		return true
	}
	if after == "" {
		return false
	}
	next := after[0]
	if next == '.' {
		return len(after) > 1 && isLetterOrDigit(after[1])
	}
	return isLetterOrDigit(next) || next == '-' || next == '_' || next == '@'
}
