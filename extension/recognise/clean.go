package recognise

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dropped is what fold returns for a character that nobody sees.
const dropped rune = -1

// clean returns text with everything made uniform that people can't see or can't
// tell apart when they copy a list: invisible characters go, separators, quotes
// and spaces become their ASCII forms, full-width letters become narrow ones
// (U+FF01–U+FF5E only: a wider normalisation would turn alice² into alice2,
// another person), and HTML character references are decoded. The returned text
// is valid UTF-8 and has no control characters other than tab, carriage return
// and newline.
func clean(text string) string {
	i := asciiPrefix(text)
	if i == len(text) {
		return text
	}
	out := make([]byte, i, len(text)+utf8.UTFMax)
	copy(out, text)
	for i < len(text) {
		r, size := decode(text[i:])
		if isStray(r) {
			i += size
			i += strays(text[i:])
			out = appendStray(out, text[i:])
			continue
		}
		i += size
		if isJoiner(r) && !joins(out, text[i:]) {
			r = dropped
		}
		if r = fold(r); r != dropped {
			out = utf8.AppendRune(out, r)
		}
		n := asciiPrefix(text[i:])
		out = append(out, text[i:i+n]...)
		i += n
	}
	return string(out)
}

// asciiPrefix returns how many bytes at the start of text need no cleaning.
func asciiPrefix(text string) int {
	for i := range len(text) {
		c := text[i]
		if c == '&' || c >= 0x7f || (c < ' ' && c != '\n' && c != '\t' && c != '\r') {
			return i
		}
	}
	return len(text)
}

// decode returns the first character of text, which may be written as an HTML
// character reference, and the number of bytes it takes. A byte that is not
// UTF-8 is U+FFFD.
func decode(text string) (rune, int) {
	if text[0] == '&' {
		return decodeReference(text)
	}
	return utf8.DecodeRuneInString(text)
}

// decodeReference returns the character that text, which begins with &, refers
// to. Text that was escaped several times (&amp;lt;) is unescaped as often.
func decodeReference(text string) (rune, int) {
	const longest = len("&NonBreakingSpace;")
	start := 1
	for strings.HasPrefix(text[start:], "amp;") {
		start += len("amp;")
	}
	end := strings.IndexByte(text[start:min(len(text), start+longest)], ';') + 1
	if end > 1 {
		decoded := html.UnescapeString("&" + text[start:start+end])
		if r, n := utf8.DecodeRuneInString(decoded); n == len(decoded) {
			return r, start + end
		}
	}
	return '&', start
}

// isStray reports whether r is a control character without a meaning in a list.
func isStray(r rune) bool {
	return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' && fold(r) == r
}

// strays returns the length of the stray control characters at the start of text.
func strays(text string) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		if !isStray(r) {
			break
		}
		n += size
	}
	return n
}

// appendStray appends what stands for stray control characters between out and next.
// Beside a separator they are invisible padding. Within a word they are marked
// by U+FFFD so that the word is rejected: leaving them out could turn
// alice@example.com\x00.invalid into another address.
func appendStray(out []byte, next string) []byte {
	const separators = " \t\r\n,;|"
	padding := len(out) == 0 || next == "" ||
		strings.IndexByte(separators, out[len(out)-1]) >= 0 || strings.IndexByte(separators, next[0]) >= 0
	if padding {
		return out
	}
	return utf8.AppendRune(out, utf8.RuneError)
}

// isJoiner reports whether r is a zero-width (non-)joiner.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// joins reports whether a joiner between out and next means something: between
// letters of Arabic and Indic scripts it is part of the spelling, also in domain
// names (RFC 5892 appendix A), elsewhere it is an invisible leftover.
func joins(out []byte, next string) bool {
	before, _ := utf8.DecodeLastRune(out)
	after, _ := utf8.DecodeRuneInString(next)
	return inJoiningScript(before) && inJoiningScript(after)
}

// inJoiningScript reports whether r lies in the blocks from Arabic to Vedic
// extensions, which hold the scripts that use joiners.
func inJoiningScript(r rune) bool { return r >= 0x0600 && r <= 0x1cff }

// fold returns the uniform form of one character, or dropped.
func fold(r rune) rune {
	switch {
	case r < 0x7f:
		return foldASCII(r)
	case r >= 0xff01 && r <= 0xff5e:
		return r - 0xff01 + '!'
	case isJoiner(r):
		return r
	case isInvisible(r):
		return dropped
	case unicode.Is(unicode.Zs, r):
		return ' '
	}
	return foldPunctuation(r)
}

// foldASCII turns the control characters that mean a new line or a new field
// into those that the scanner knows.
func foldASCII(r rune) rune {
	switch r {
	case '\v', '\f', 0x1c, 0x1d, 0x1e: // line tabulation, page; file, group and record separator
		return '\n'
	case 0x1f: // unit separator
		return '\t'
	}
	return r
}

// foldPunctuation turns separators, quotes, brackets and bullets of all scripts
// into the ASCII characters with the same role.
func foldPunctuation(r rune) rune {
	switch r {
	case 0x85, 0x2028, 0x2029:
		return '\n'
	case '、', '､', '،', '﹐', '﹑':
		return ','
	case '؛', '﹔', '\u037e':
		return ';'
	case '。', '｡':
		return '.'
	case '“', '”', '„', '‟', '«', '»', '「', '」', '『', '』', '〝', '〞', '〟':
		return '"'
	case '【', '〔', '〖', '《', '〈', '⟨', '‹':
		return '('
	case '】', '〕', '〗', '》', '〉', '⟩', '›':
		return ')'
	case '¦', '│', '┃', '║':
		return '|'
	case '•', '‣', '◦', '⁃', '▪', '▫', '●', '○', '■', '□', '◆', '◇', '►', '▶', '➤', '➢', '→', '⇒', '✓', '✔', '☐', '☑', '☒':
		return ' '
	}
	return r
}

// isInvisible reports whether r leaves no mark on a page: format characters such
// as zero-width spaces, byte order marks, soft hyphens and direction controls,
// variation selectors and fillers.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
