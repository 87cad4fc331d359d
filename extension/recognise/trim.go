package recognise

import (
	"strings"
	"unicode/utf8"
)

// trim removes from a word what belongs to the text around an address and not to
// the address. It removes only what can't begin or end an address, and marks that
// stand on both sides ('a@example.com', *a@example.com*); anything else might
// change the person, and is left to the rules and warnings.
func trim(word string) string {
	for {
		before := len(word)
		if word = trimPair(word); len(word) == before {
			word = trimEnd(word)
		}
		if len(word) == before {
			break
		}
	}
	word = strings.TrimLeft(word, "‘’‚–—―·・:")
	if opensQuotedName(word) {
		return word
	}
	return strings.TrimLeft(word, "'")
}

// trimPair removes a mark of emphasis or a quote that stands on both sides.
func trimPair(word string) string {
	if len(word) < 2 || word[0] != word[len(word)-1] || strings.IndexByte("*_~'`", word[0]) < 0 {
		return word
	}
	return word[1 : len(word)-1]
}

// trimEnd removes one sign of punctuation behind an address. Two full stops are an
// ellipsis and stay: the address was cut short.
func trimEnd(word string) string {
	if n := len(word) - 1; n > 0 && word[n] == '.' && word[n-1] != '.' {
		return word[:n]
	}
	last, size := utf8.DecodeLastRuneInString(word)
	if strings.ContainsRune(":!?*/\\'`’‘–—―·・†‡", last) && last != utf8.RuneError {
		return word[:len(word)-size]
	}
	return word
}

// opensQuotedName reports whether word is like 'a b'@example.com, where the
// apostrophes stand for the quotes of a quoted local part.
func opensQuotedName(word string) bool {
	return strings.HasPrefix(word, "'") && strings.Contains(word, "'@")
}
