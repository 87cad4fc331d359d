package recognise

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// FileFault says why an uploaded file can't be read as a list. Its value is stable
// and meant for programs; Sentence is meant for people.
type FileFault string

// The faults of files.
const (
	FileWorkbook FileFault = "workbook"  // .xlsx, .xls, .ods, .numbers
	FileNoText   FileFault = "no_text"   // any other binary format
	FileNoHeader FileFault = "no_header" // columns that nobody names
)

// Sentence explains the fault to an administrator. It is empty for one this
// package does not know.
func (f FileFault) Sentence() string {
	switch f {
	case FileWorkbook:
		return "This is a workbook and not a CSV file. Save it as CSV (in Excel: Save as, CSV UTF-8), or copy its cells and paste them into the field."
	case FileNoText:
		return "This is not a text file. Save the list as CSV or as plain text."
	case FileNoHeader:
		return "The columns of this file have no names that are known here. " +
			"Put a first line above them that names the column of the addresses “Email”, and if there are such columns, “Service area” and “Role”, as in the template."
	default:
		return ""
	}
}

// Decode turns the bytes of an uploaded file into text: UTF-8, or UTF-16 in either
// byte order, each with or without a byte order mark, and otherwise Windows-1252,
// of which ISO 8859-1 (Latin-1) is a part as far as text goes. A format that holds
// no text is a fault.
func Decode(file []byte) (string, FileFault) {
	switch {
	case hasAnyPrefix(file, "PK\x03\x04", "\xd0\xcf\x11\xe0"):
		return "", FileWorkbook
	case hasAnyPrefix(file, "\xff\xfe"):
		return fromUTF16(file[2:], binary.LittleEndian), ""
	case hasAnyPrefix(file, "\xfe\xff"):
		return fromUTF16(file[2:], binary.BigEndian), ""
	case looksLikeUTF16(file, 1):
		return fromUTF16(file, binary.LittleEndian), ""
	case looksLikeUTF16(file, 0):
		return fromUTF16(file, binary.BigEndian), ""
	case hasAnyPrefix(file, "%PDF-"), bytes.IndexByte(file[:min(len(file), 4096)], 0) >= 0:
		return "", FileNoText
	case utf8.Valid(file):
		return strings.TrimPrefix(string(file), "\uFEFF"), ""
	default:
		return fromWindows1252(file), ""
	}
}

func hasAnyPrefix(file []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if bytes.HasPrefix(file, []byte(p)) {
			return true
		}
	}
	return false
}

// looksLikeUTF16 reports whether nearly every character of a file's beginning has
// zero as its upper byte, which stands at this parity, and hardly any as its lower one.
func looksLikeUTF16(file []byte, upper int) bool {
	const enough, sample = 8, 512
	begin := file[:min(len(file), sample)&^1]
	zeros := [2]int{}
	for i, b := range begin {
		if b == 0 {
			zeros[i%2]++
		}
	}
	return len(begin) >= enough && zeros[upper]*2 > len(begin)*3/4 && zeros[1-upper]*10 < zeros[upper]
}

// fromUTF16 decodes UTF-16; a half character at the end and unpaired surrogates
// become U+FFFD.
func fromUTF16(file []byte, order binary.ByteOrder) string {
	var text strings.Builder
	text.Grow(len(file) / 2)
	for len(file) > 1 {
		r, size := rune(order.Uint16(file)), 2
		if utf16.IsSurrogate(r) {
			low := rune(utf8.RuneError)
			if len(file) > 3 {
				low = rune(order.Uint16(file[2:]))
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				size = 4
			}
		}
		text.WriteRune(r)
		file = file[size:]
	}
	if len(file) == 1 {
		text.WriteRune(utf8.RuneError)
	}
	return text.String()
}

// fromWindows1252 decodes Windows-1252 (WHATWG Encoding Standard, index
// windows-1252): ISO 8859-1 with other characters in place of the upper control
// characters.
func fromWindows1252(file []byte) string {
	const upper = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"
	upperRunes := []rune(upper)
	var text strings.Builder
	text.Grow(len(file) + len(file)/8)
	for _, b := range file {
		r := rune(b)
		if b >= 0x80 && b < 0xa0 {
			r = upperRunes[b-0x80]
		}
		text.WriteRune(r)
	}
	return text.String()
}

// CheckFile says why the text of a file, as Decode gives it, can't be used: it has columns
// with something else than addresses in them, and no header that says what they
// are. Text that is no table at all is fine.
func CheckFile(text string) FileFault {
	if _, ok := readHeader(&cells{text: text}); ok {
		return ""
	}
	for _, separator := range []byte{'\t', ';', ','} {
		if hasNamelessColumns(&cells{text: text}, separator) {
			return FileNoHeader
		}
	}
	return ""
}

// hasNamelessColumns reports whether most of the first lines are like rows of a
// table.
func hasNamelessColumns(t *cells, separator byte) bool {
	const sample = 100
	lines, rows := 0, 0
	for t.more() && lines < sample {
		line := t.next(separator)
		if strings.TrimSpace(line) == "" {
			continue
		}
		lines++
		if isRow(line, t.row) {
			rows++
		}
	}
	return rows*2 > lines
}

// isRow reports whether a line has several cells, and beside at most one address
// something that is none. "Smith, Alice <alice@example.com>" is no row.
func isRow(line string, row []string) bool {
	if strings.Count(line, "@") > 1 || strings.IndexByte(line, '<') >= 0 {
		return false
	}
	filled, others := 0, 0
	for _, cell := range row {
		if strings.TrimSpace(cell) == "" {
			continue
		}
		filled++
		if strings.IndexByte(cell, '@') < 0 {
			others++
		}
	}
	return filled > 1 && others > 0
}
