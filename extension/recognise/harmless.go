package recognise

import (
	"strings"
	"unicode/utf8"
)

// Harmless is a cell for a table that no spreadsheet takes for a formula (OWASP, CSV Injection): an apostrophe, which a
// spreadsheet hides, stands in front of what might be one. Read takes it off again, so that such a table can be pasted
// back as it is. Line ends and tabs, which begin a formula too, become spaces.
func Harmless(text string) string {
	if mayCompute(tidy(text)) {
		text = "'" + text
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, text)
}

// plainCell is a cell fit to be compared and shown, without the apostrophe that
// keeps a spreadsheet from computing it.
func plainCell(cell string) string {
	cell = tidy(cell)
	if bare, marked := strings.CutPrefix(cell, "'"); marked && mayCompute(bare) {
		return strings.TrimLeft(bare, " ")
	}
	return cell
}

// mayCompute reports whether some spreadsheet computes a cell, now or once spaces
// and apostrophes in front are gone.
func mayCompute(cell string) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " '"))
	return strings.ContainsRune("=+-@＝＋－＠", first)
}
