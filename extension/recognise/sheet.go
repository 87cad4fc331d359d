package recognise

import (
	"slices"
	"strings"
)

// Table says how the columns of a table were read.
type Table struct {
	// Address, Area and Role are the headings of the columns that were used; Area
	// and Role are empty when there is no such column.
	Address, Area, Role string
	// Unused holds the headings of the other columns.
	Unused []string
	// Mixed is a heading that is several, because another separator stands between
	// them than between the others; empty when there is none. Then no row is where
	// its writer meant it to be.
	Mixed string
	// Rows counts the rows that hold anything, without the header.
	Rows int
}

// Read reads text as Recognise does, unless it is a table: text whose first line
// is a header with a column of addresses, as spreadsheets copy it or save it as
// CSV. Of a table only the cells of that column are read, and every address keeps
// the service area and role of its row. The separator is a comma, a semicolon or
// a tab, whichever the header has; a row may use another one if it fits.
//
// Reading stops behind the first piece, recognised or rejected, that is more than
// most; then the result is Cut. At most as many ignored words are kept.
func Read(text string, most int) Result {
	t := cells{text: strings.TrimPrefix(text, "\uFEFF")}
	h, ok := readHeader(&t)
	if !ok {
		return recogniseAtMost(text, most)
	}
	s := sheet{cells: t, header: h, out: newCollector(text)}
	s.out.most = most
	s.out.result.Table = h.table()
	s.read()
	return s.out.result
}

func (h header) table() *Table {
	table := &Table{Address: h.names[h.address], Mixed: h.mixed}
	for i, name := range h.names {
		switch i {
		case h.address:
		case h.area:
			table.Area = name
		case h.role:
			table.Role = name
		default:
			if name != "" {
				table.Unused = append(table.Unused, name)
			}
		}
	}
	return table
}

// sheet reads the rows of a table.
type sheet struct {
	cells
	header
	out    *collector
	tokens []token // of the last cell; kept for its memory
}

func (s *sheet) read() {
	for s.more() {
		if s.out.full() {
			s.out.result.Cut = true
			return
		}
		line := s.next(s.separator)
		if len(s.row) == 1 {
			s.unwrap()
		}
		if strings.Trim(line, " \t\r\n,;\"") == "" {
			continue
		}
		s.out.result.Table.Rows++
		s.readRow(line)
	}
}

// unwrap cuts a row that is one cell, because it has another separator or stands
// in quotes as a whole, if that gives as many cells as the header has.
func (s *sheet) unwrap() {
	for _, separator := range []byte{s.separator, '\t', ';', ','} {
		if strings.IndexByte(s.row[0], separator) < 0 {
			continue
		}
		inner := cells{text: s.row[0]}
		if inner.next(separator); len(inner.row) == len(s.names) {
			s.row = inner.row
			return
		}
	}
}

// readRow takes one row.
func (s *sheet) readRow(line string) {
	s.out.last = mention{}
	s.out.area, s.out.role = plainCell(s.at(s.area)), plainCell(s.at(s.role))
	cell := strings.TrimSpace(s.at(s.address))
	switch {
	case s.overflows(), s.strays(cell):
		s.out.rejectMeant(tidy(line), UnfitRow, "")
	case cell != "":
		s.readCell(cell, line)
	case strings.IndexByte(line, '@') >= 0 && len(s.row) < len(s.names):
		s.out.rejectMeant(tidy(line), UnfitRow, "")
	case s.out.area != "" || s.out.role != "":
		s.out.rejectMeant(tidy(line), MissingAddress, "")
	default:
		s.out.ignore(tidy(line))
	}
	s.out.area, s.out.role = "", ""
}

// at is the cell of a column; empty where there is none.
func (s *sheet) at(column int) string {
	if column < 0 || column >= len(s.row) {
		return ""
	}
	return s.row[column]
}

// overflows reports whether a row has more cells than the header, so that what
// stands in which column is not certain. It does not matter when nothing but the
// first column is used.
func (s *sheet) overflows() bool {
	if s.address == 0 && s.area < 0 && s.role < 0 {
		return false
	}
	for i := len(s.names); i < len(s.row); i++ {
		if strings.TrimSpace(s.row[i]) != "" {
			return true
		}
	}
	return false
}

// strays reports whether an address stands where nobody looks for it: in a cell
// without a heading, or anywhere beside a cell that a separator within quotes has
// torn in two.
func (s *sheet) strays(cell string) bool {
	torn := strings.HasPrefix(cell, "\"") && strings.Count(cell, "\"")%2 == 1
	for i, other := range s.row {
		unheaded := i >= len(s.names) || s.names[i] == ""
		if i != s.address && (torn || unheaded) && holdsAddress(other) {
			return true
		}
	}
	return false
}

// holdsAddressBeside reports whether there is an address in another cell than the
// one that should hold it.
func (s *sheet) holdsAddressBeside() bool {
	for i, other := range s.row {
		if i != s.address && holdsAddress(other) {
			return true
		}
	}
	return false
}

// holdsAddress reports whether a cell holds an address, or what was meant as one.
// An @ that stands alone is none: the reasons in the list of what was not sent
// speak of it.
func holdsAddress(cell string) bool {
	const shortest = len("a@b.c")
	if len(cell) < shortest {
		return false
	}
	found := recogniseAtMost(cell, 1)
	return len(found.Recognised) > 0 || slices.ContainsFunc(found.Rejected, func(r Rejected) bool {
		return strings.Contains(strings.Trim(r.Text, "@.,;"), "@")
	})
}

// readCell takes the cell that should hold an address. One in which there is
// nothing like it is rejected as a whole: in this column it is no mere word. If
// the address stands in another cell, so is the row.
func (s *sheet) readCell(cell, line string) {
	if isFormula(tidy(cell)) {
		s.out.rejectMeant(tidy(cell), Formula, strings.TrimLeft(cell, "'=+"))
		return
	}
	found := &s.out.result
	addresses, rejected := len(found.Recognised)+found.Duplicates, len(found.Rejected)
	ignored, more := len(found.Ignored), found.MoreIgnored
	inner := scanner{out: s.out, text: clean(cell), tokens: s.tokens[:0]}
	inner.run()
	s.tokens = inner.tokens
	if len(found.Recognised)+found.Duplicates > addresses {
		return
	}
	beside := s.holdsAddressBeside()
	if !beside && len(found.Rejected) > rejected {
		return
	}
	found.Rejected, found.Ignored, found.MoreIgnored = found.Rejected[:rejected], found.Ignored[:ignored], more
	if beside {
		s.out.rejectMeant(tidy(line), UnfitRow, "")
		return
	}
	s.out.rejectMeant(tidy(cell), NoAtSign, "")
}

// isFormula reports whether a spreadsheet would compute the cell instead of
// showing it. The function HYPERLINK names the address itself, and is read like
// any other text.
func isFormula(cell string) bool {
	cell = strings.TrimLeft(cell, "'")
	return cell != "" && cell[0] == '=' && !hasPrefixFold(cell, `=HYPERLINK("mailto:`)
}
