package recognise

import "strings"

// cells cuts a table into rows and rows into cells (RFC 4180, with any of three
// separators). It is lenient where lists from spreadsheets need it: a line ends
// with CR LF, LF or CR, and a quote that does not enclose a whole cell is a plain
// mark.
type cells struct {
	text string
	pos  int
	row  []string // of the current row; reused
}

// more reports whether there is another row.
func (t *cells) more() bool { return t.pos < len(t.text) }

// next reads one row and returns it as it stands in the text. It moves past the
// end of the line.
func (t *cells) next(separator byte) string {
	start := t.pos
	t.row = t.row[:0]
	for {
		t.row = append(t.row, t.cell(separator))
		if t.pos == len(t.text) {
			return t.text[start:]
		}
		end := t.pos
		t.pos++
		switch t.text[end] {
		case '\r':
			if t.pos < len(t.text) && t.text[t.pos] == '\n' {
				t.pos++
			}
			return t.text[start:end]
		case '\n':
			return t.text[start:end]
		}
	}
}

// cell reads one cell and stops at what ends it.
func (t *cells) cell(separator byte) string {
	if content, ok := t.quoted(separator); ok {
		return content
	}
	start := t.pos
	for t.pos < len(t.text) && !endsCell(t.text[t.pos], separator) {
		t.pos++
	}
	return t.text[start:t.pos]
}

func endsCell(c, separator byte) bool { return c == separator || c == '\n' || c == '\r' }

// quoted reads a cell in double quotes, if one stands here: the closing quote must
// be the end of the cell. The look ahead stops at the first quote that is not
// doubled, so the work stays linear.
func (t *cells) quoted(separator byte) (string, bool) {
	start := t.pos
	for start < len(t.text) && t.text[start] == ' ' && separator != ' ' {
		start++
	}
	if start == len(t.text) || t.text[start] != '"' {
		return "", false
	}
	start++
	doubled := false
	for i := start; i < len(t.text); i++ {
		if t.text[i] != '"' {
			continue
		}
		if i+1 < len(t.text) && t.text[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		if i+1 < len(t.text) && !endsCell(t.text[i+1], separator) {
			return "", false
		}
		t.pos = i + 1
		content := t.text[start:i]
		if doubled {
			content = strings.ReplaceAll(content, `""`, `"`)
		}
		return content, true
	}
	return "", false
}
