package recognise

import (
	"strings"
	"unicode"
)

// column is what a column of a table is for.
type column int

const (
	unusedColumn column = iota
	addressColumn
	areaColumn
	roleColumn
)

// header is the first line of a table.
type header struct {
	separator           byte
	names               []string
	address, area, role int    // indexes of columns; -1 for none
	mixed               string // see Table
}

// readHeader reads the header that text begins with and leaves the cells behind
// it. There is one if the first line that is not empty has several cells, one of
// them names a column of addresses, and none is an address itself.
func readHeader(t *cells) (header, bool) {
	separators := []byte{'\t', ';', ','}
	if forced := separatorLine(t); forced != 0 {
		separators = []byte{forced}
	}
	skipEmptyLines(t)
	start := t.pos
	best, after, known := header{}, start, newVocabulary()
	for _, separator := range separators {
		t.pos = start
		line := t.next(separator)
		if strings.IndexByte(line, '@') >= 0 {
			return header{}, false
		}
		row := t.row
		if len(row) == 1 { // in quotes as a whole
			inner := cells{text: row[0]}
			inner.next(separator)
			row = inner.row
		}
		if h := known.nameColumns(separator, row); h.address >= 0 && len(h.names) > 1 && len(h.names) > len(best.names) {
			best, after = h, t.pos
		}
	}
	t.pos = after
	return best, len(best.names) > 1
}

// separatorLine reads the line by which Excel is told the separator ("sep=;"), if
// one stands first.
func separatorLine(t *cells) byte {
	ahead := t.text[t.pos:min(len(t.text), t.pos+len("\"sep=;\"\r\n"))]
	line := strings.Trim(ahead[:len(ahead)-len(strings.TrimLeft(ahead, "\"sepSEP=,;\t"))], "\"")
	if len(line) != len("sep=;") || !hasPrefixFold(line, "sep=") || strings.IndexByte(",;\t", line[4]) < 0 {
		return 0
	}
	t.next('\n')
	return line[4]
}

func skipEmptyLines(t *cells) {
	for t.pos < len(t.text) && strings.IndexByte(" \t\r\n,;\"", t.text[t.pos]) >= 0 {
		end := strings.IndexAny(t.text[t.pos:], "\r\n")
		if end < 0 || strings.Trim(t.text[t.pos:t.pos+end], " \t,;\"") != "" {
			return
		}
		t.pos += end + 1
	}
}

// nameColumns finds out what the columns with these headings are for. Of several
// for the same, the plainest heading wins, then the first.
func (v vocabulary) nameColumns(separator byte, headings []string) header {
	h := header{separator: separator, names: make([]string, 0, len(headings)), address: -1, area: -1, role: -1}
	best := map[column]int{}
	for i, heading := range headings {
		if h.mixed == "" && v.isSeveral(separator, heading) {
			h.mixed = tidy(heading)
		}
		heading = tidy(heading)
		h.names = append(h.names, heading)
		said := v.meaning(heading)
		if known, ok := best[said.use]; said.use == unusedColumn || ok && known <= said.rank {
			continue
		}
		best[said.use] = said.rank
		switch said.use {
		case addressColumn:
			h.address = i
		case areaColumn:
			h.area = i
		case roleColumn:
			h.role = i
		case unusedColumn:
		}
	}
	return h
}

// isSeveral reports whether a heading is several that another separator stands
// between: one of them names a column that is used. A comma or a semicolon with a
// space behind it stands in the words of one heading, as in "Site, building".
func (v vocabulary) isSeveral(separator byte, heading string) bool {
	for _, other := range []byte{'\t', ';', ','} {
		if other == separator || strings.IndexByte(heading, other) < 0 || strings.Contains(heading, string(other)+" ") {
			continue
		}
		for part := range strings.SplitSeq(heading, string(other)) {
			if v.meaning(part).use != unusedColumn {
				return true
			}
		}
	}
	return false
}

// meaning is what a heading says its column is for.
type meaning struct {
	use  column
	rank int // how plainly the heading says so: less is plainer
}

// vocabulary is the meanings of the headings that are known, as letters and digits
// in lower-case. It is made once a text, because a line may have millions of cells.
type vocabulary map[string]meaning

// meaning looks a heading up; of one that is not known the column is not used.
func (v vocabulary) meaning(heading string) meaning {
	return v[strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, heading)]
}

// newVocabulary lists the headings of every kind of column, the plainest first.
func newVocabulary() vocabulary {
	v := vocabulary{}
	for use, ranks := range map[column][]string{
		addressColumn: {
			"email emailaddress emailaddresses emails",
			"emailadresse emailadressen epost epostadress epostadresse mejl mejladress sähköposti sähköpostiosoite " +
				"adresseemail adressemail courriel adresseélectronique correo correoelectrónico correoelectronico " +
				"direccióndecorreo indirizzoemail postaelettronica emailadres adresemail endereçodeemail " +
				"メールアドレス 电子邮件 电子邮箱 邮箱 이메일",
			"workemail businessemail primaryemail useremail emailid emailaddress1 email1",
			"mail mailaddress mailadresse mails",
			"address addresses adresse adress adres", //nolint:misspell // German, Swedish, Dutch
		},
		areaColumn: {
			"servicearea",
			"servicebereich dienststelle område verksamhetsområde zonedeservice áreadeservicio",
			"area site location standort bereich abteilung department",
		},
		roleColumn: {
			"role",
			"rolle roll rôle rol ruolo função papel",
			"roles userrole accessrole",
		},
	} {
		for rank, words := range ranks {
			for word := range strings.FieldsSeq(words) {
				v[word] = meaning{use: use, rank: rank}
			}
		}
	}
	return v
}

// tidy makes a cell fit to be compared and shown: single spaces, nothing invisible.
func tidy(cell string) string {
	if isTidy(cell) {
		return cell
	}
	cell = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case isInvisible(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(cell, "\uFFFD"))
	return strings.Join(strings.Fields(cell), " ")
}

func isTidy(cell string) bool {
	for i := range len(cell) {
		c := cell[i]
		if c < ' ' || c >= 0x7f || c == ' ' && (i == 0 || i == len(cell)-1 || cell[i-1] == ' ') {
			return false
		}
	}
	return true
}
