package recognise

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// said is what became of the rows of a table: addresses and rejected pieces with
// what their row says beside.
type said struct {
	recognised []string
	rejected   []string
	ignored    []string
	unused     []string
}

func saidBy(r Result) said {
	var s said
	for _, a := range r.Recognised {
		s.recognised = append(s.recognised, strings.Trim(a.Send+" "+a.Area+"/"+a.Role, "/ "))
	}
	for _, x := range r.Rejected {
		s.rejected = append(s.rejected, x.Text+": "+string(x.Reason))
	}
	s.ignored = r.Ignored
	if r.Table != nil {
		s.unused = r.Table.Unused
	}
	return s
}

func TestATableGivesEveryAddressTheCellsOfItsRow(t *testing.T) {
	t.Parallel()
	north := []string{"a@example.com North Pier/Carer", "b@example.com South Pier"}
	for name, c := range map[string]struct {
		text string
		want said
	}{
		"commas":          {"email,service area,role\na@example.com,North Pier,Carer\nb@example.com,South Pier,\n", said{recognised: north}},
		"semicolons":      {"Email;Service area;Role\r\na@example.com;North Pier;Carer\r\nb@example.com;South Pier;\r\n", said{recognised: north}},
		"tabs from Excel": {"E-mail\tArea\tRole\na@example.com\tNorth Pier\tCarer\nb@example.com\tSouth Pier\t", said{recognised: north}},
		"old Mac lines":   {"EMAIL,AREA,ROLE\ra@example.com,North Pier,Carer\rb@example.com,South Pier", said{recognised: north}},
		"quoted cells": {
			"\"E-Mail Address\",\"Service Area\",\"Role\"\n\"a@example.com\",\"North Pier\",\"Carer\"\n\"b@example.com\",\"South  Pier \",\"\"",
			said{recognised: north},
		},
		"a byte order mark and empty lines": {"\ufeff\n,,\n \nEmail,Area,Role\n\n,,\na@example.com,North Pier,Carer\n\nb@example.com,South Pier\n\n", said{recognised: north}},
		"Excel's line about the separator":  {"sep=;\r\nEmail;Area;Role\r\na@example.com;North Pier;Carer\r\nb@example.com;South Pier;", said{recognised: north}},
		"another order and other columns": {
			"Phone;Role;E-post;Område;Notes\n1;Carer;a@example.com;North Pier;hello\n2;;b@example.com;South Pier;", said{recognised: north, unused: []string{"Phone", "Notes"}},
		},
		"another separator in some rows": {"Email;Area;Role\na@example.com,North Pier,Carer\nb@example.com;South Pier;", said{recognised: north}},
		"separators and quotes in cells": {
			"Email,Area,Role\na@example.com,\"Piers, \"\"North\"\"\",Carer", said{recognised: []string{`a@example.com Piers, "North"/Carer`}},
		},
		"several addresses and a name in a cell": {
			"Email,Area\n\"Alice <a@example.com>, b@example.com\",East", said{recognised: []string{"a@example.com East", "b@example.com East"}, ignored: []string{"Alice"}},
		},
		"cells with invisible characters": {"Email,Area,Role\n\u200ba@example.com\u00a0,\u00a0North\u00a0Pier,Car\u200ber\nb@example.com,South Pier", said{recognised: north}},
		"no more columns than addresses":  {"Name\tMail\nAlice\ta@example.com", said{recognised: []string{"a@example.com"}, unused: []string{"Name"}}},
		"the plainest heading of several": {"Address,Email\nHigh Street 1,a@example.com", said{recognised: []string{"a@example.com"}, unused: []string{"Address"}}},
		"lines in quotes as a whole": {
			"\"Email,Area,Role\"\n\"a@example.com,North Pier,Carer\"\n\"b@example.com,South Pier,\"", said{recognised: north},
		},
		"apostrophes against formulas": {"Email,Area,Role\n'+a@example.com,'+1 Street,'Carer'", said{recognised: []string{"+a@example.com +1 Street/'Carer'"}}},
		"a cell that breaks its line":  {"Email,Area\na@example.com,\"North\nPier\"", said{recognised: []string{"a@example.com North Pier"}}},
		"a quote that is never closed": {"Email,Area\na@example.com,\"North Pier\nb@example.com,South Pier", said{recognised: []string{`a@example.com "North Pier`, "b@example.com South Pier"}}},
	} {
		if diff := cmp.Diff(c.want, saidBy(Read(c.text, 1000)), cmp.AllowUnexported(said{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestARowThatGivesNoAddressIsRejectedWithItsReason(t *testing.T) {
	t.Parallel()
	const text = `Email,Service area,Role
nobody,East,Carer
,East,Carer
,,
a@example.com,East,Carer,West
"b@example.com;East;Carer"
c@example,East,Carer
"=HYPERLINK(""mailto:d@example.com"",""Dora"")",East,Carer
=cmd|' /C calc'!A0,East,Carer
=e@example.com,East,Carer
"=A1&""@example.com""",East,Carer
'=f@example.com,East,Carer
`
	got := Read(text, 1000)
	want := said{
		recognised: []string{"b@example.com East/Carer", "d@example.com East/Carer"},
		rejected: []string{
			"nobody: no_at_sign", ",East,Carer: missing_address", "a@example.com,East,Carer,West: unfit_row", "c@example: bad_domain",
			"=cmd|' /C calc'!A0: formula", "=e@example.com: formula", `=A1&"@example.com": formula`, "'=f@example.com: formula",
		},
		ignored: []string{"=HYPERLINK", "Dora"},
	}
	if diff := cmp.Diff(want, saidBy(got), cmp.AllowUnexported(said{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, r := range got.Rejected {
		if r.Reason == Formula && strings.Contains(r.Text, "e@") && r.Suggestion != "e@example.com" {
			t.Errorf("%q suggests %q", r.Text, r.Suggestion)
		}
		if r.Text == "nobody" && (r.Area != "East" || r.Role != "Carer") {
			t.Errorf("the rejected row lost its cells: %+v", r)
		}
		if r.Reason.Sentence() == "" {
			t.Errorf("%s has no sentence", r.Reason)
		}
	}
}

func TestNoAddressVanishesInARowWhoseCellsAreNotWhereTheHeaderSays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Email,Service area,Role\n\"Doe, J\" <a3@x.com>,South Pier,",
		"Email,Service area,Role\n\"Doe, J\" <a3@x.com>,South Pier",
		"Email,Service area,Role\nDoe, J <a3@x.com>,South Pier,",
		"Email,Service area,Role\n\"b3@x.com, J\" <a3@x.com>,South Pier,",
		"Email,First name,Last name\n\"Doe, J\" <a3@x.com>,South Pier",
		"Email,Name\nb3@x.com,Alice,a3@x.com",
		"Email,,Name\nb3@x.com,a3@x.com,Alice",
		"Email,,Name\n=x,a3@x.com,Alice",
	} {
		_, row, _ := strings.Cut(text, "\n")
		want := said{rejected: []string{row + ": unfit_row"}}
		got := saidBy(Read(text, 1000))
		got.unused = nil
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(said{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	got := saidBy(Read("Email,Area,Manager\na3@x.com,East,boss@x.com\n\"Doe\" <b3@x.com>,East,boss@x.com", 1000))
	want := said{recognised: []string{"a3@x.com East", "b3@x.com East"}, ignored: []string{"Doe"}, unused: []string{"Manager"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(said{})); diff != "" {
		t.Errorf("a column of other addresses (-want +got):\n%s", diff)
	}
}

func TestAHeaderThatMixesSeparatorsIsToldOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Email;Service area,Role\na@example.com;East,Carer":   "Service area,Role",
		"Email,Service area;Role\na@example.com,East;Carer":   "Service area;Role",
		"Email;Service area\tRole\na@example.com;East\tCarer": "Service area Role",
		"Email;Role,Notes\na@example.com;Carer,x":             "Role,Notes",
		"Email;Name, first and last\na@example.com;Carer":     "",
		"Email;Site, building;Role\na@example.com;East":       "",
		"Email;Contact (name, role)\na@example.com;Carer":     "",
		"Email,\"Area, role\"\na@example.com,East":            "",
		"Email,Area,Role\na@example.com,East,Carer":           "",
	} {
		got := Read(text, 1000)
		if got.Table == nil || got.Table.Mixed != want {
			t.Errorf("%q: %+v", text, got.Table)
		}
	}
}

func TestOtherTextIsReadAsBefore(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "\n", ",", "a@example.com", "Email\na@example.com", "Email, a@example.com", "first, second\na@example.com, b@example.com",
		"Alice Smith <alice@example.com>; bob@example.com", "a@example.com,North Pier,Carer\nb@example.com,South Pier,Carer",
	} {
		got := Read(text, 1000)
		if got.Table != nil {
			t.Errorf("%q is read as a table", text)
		}
		if diff := cmp.Diff(Recognise(text), got); diff != "" {
			t.Errorf("%q (-Recognise +Read):\n%s", text, diff)
		}
	}
}

func TestOneAddressInTwoRowsThatDifferIsToldOf(t *testing.T) {
	t.Parallel()
	got := Read("Email,Area\na@example.com,East\nA@example.com,West\nb@example.com,East\nb@example.com,EAST", 1000)
	if got.Duplicates != 2 || len(got.Warnings) != 1 || got.Warnings[0] != (Warning{Address: "a@example.com", Kind: DifferentRows}) {
		t.Errorf("%d duplicates, warnings %+v", got.Duplicates, got.Warnings)
	}
	if got.Recognised[0].Area != "East" {
		t.Errorf("the first row does not count: %+v", got.Recognised[0])
	}
}

func TestReadingStopsBehindWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	table := "Email,Area\n" + strings.Repeat("a@b@c,East\n", 50)
	for name, text := range map[string]string{"a list": strings.Repeat("a@b@c\n", 50), "a table": table} {
		if got := Read(text, 50); got.Cut || len(got.Rejected) != 50 {
			t.Errorf("%s of just the limit: cut %v, %d rejected", name, got.Cut, len(got.Rejected))
		}
		if got := Read(text, 20); !got.Cut || len(got.Rejected) != 21 {
			t.Errorf("%s beyond the limit: cut %v, %d rejected", name, got.Cut, len(got.Rejected))
		}
	}
	if got := Read(strings.Repeat("word\n", 50), 20); got.Cut || len(got.Ignored) != 20 || got.MoreIgnored != 30 {
		t.Errorf("words: cut %v, %d and %d more", got.Cut, len(got.Ignored), got.MoreIgnored)
	}
}

func TestAFileIsDecodedWhateverWroteIt(t *testing.T) {
	t.Parallel()
	const text = "Email;Område\r\nåsa@example.com;Östra – 😀\r\n"
	utf16of := func(big bool) []byte {
		var b []byte
		for _, r := range utf16Units(text) {
			low, high := byte(r), byte(r>>8)
			if big {
				low, high = high, low
			}
			b = append(b, low, high)
		}
		return b
	}
	const western = "Email;Område €\r\nåsa@example.com;Östra – “x”\r\n"
	for name, c := range map[string]struct{ file, want string }{
		"UTF-8":                     {text, text},
		"UTF-8 with a mark":         {"\ufeff" + text, text},
		"UTF-16, little end first":  {"\xff\xfe" + string(utf16of(false)), text},
		"UTF-16, big end first":     {"\xfe\xff" + string(utf16of(true)), text},
		"UTF-16 without a mark":     {string(utf16of(false)), text},
		"UTF-16, big, without mark": {string(utf16of(true)), text},
		"UTF-16 cut in a character": {"\xff\xfea\x00\x3d\xd8", "a\uFFFD"},
		"UTF-16 cut in a unit":      {"\xff\xfea\x00b", "a\uFFFD"},
		"Windows-1252":              {"Email;Omr\xe5de \x80\r\n\xe5sa@example.com;\xd6stra \x96 \x93x\x94\r\n", western},
		"nothing":                   {"", ""},
	} {
		got, fault := Decode([]byte(c.file))
		if got != c.want || fault != "" || !utf8.ValidString(got) {
			t.Errorf("%s: %q, %q", name, got, fault)
		}
	}
	for file, want := range map[string]FileFault{
		"PK\x03\x04 a workbook": FileWorkbook, "\xd0\xcf\x11\xe0 an old one": FileWorkbook, "%PDF-1.7": FileNoText, "\x89PNG\r\n\x1a\n\x00\x00": FileNoText,
	} {
		if text, got := Decode([]byte(file)); got != want || text != "" || got.Sentence() == "" {
			t.Errorf("%q: %q, %q", file, text, got)
		}
	}
}

// utf16Units is what UTF-16 makes of text, written down by the rule itself (RFC 2781 §2.1).
func utf16Units(text string) []uint16 {
	var units []uint16
	for _, r := range text {
		if r < 0x10000 {
			units = append(units, uint16(r))
			continue
		}
		r -= 0x10000
		units = append(units, 0xd800+uint16(r>>10), 0xdc00+uint16(r&0x3ff))
	}
	return units
}

func TestAFileWithColumnsNeedsAHeader(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]FileFault{
		"Email,Area\na@example.com,East":                           "",
		"a@example.com\nb@example.com":                             "",
		"a@example.com,b@example.com\nc@example.com,d@example.com": "",
		"a@example.com,,\nb@example.com,,":                         "",
		"Smith, Alice <a@example.com>\nBerg, Bo <b@example.com>":   "",
		"\"Smith, Alice\" <a@example.com>; Bo <b@example.com>":     "",
		"": "",
		"a@example.com,North Pier,Carer\nb@example.com,South Pier,Carer":        FileNoHeader,
		"Postfach;Bereich\na@example.com;East\nb@example.com;West":              FileNoHeader,
		"Name\tContact\nAlice\ta@example.com\nBob\tb@example.com":               FileNoHeader,
		"Alice,a@example.com\n\nBob,b@example.com\nCarol,c@example.com\n\n\n\n": FileNoHeader,
	} {
		if got := CheckFile(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if FileNoHeader.Sentence() == "" {
		t.Error("no sentence")
	}
}

func TestReplaceTakesWholeAddressesOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, piece, by, want string
		found                 bool
	}{
		{"bob@gmial.com", "bob@gmial.com", "bob@gmail.com", "bob@gmail.com", true},
		{"Bob <bob@gmial.com>, bob@gmial.com.", "bob@gmial.com", "bob@gmail.com", "Bob <bob@gmail.com>, bob@gmail.com.", true},
		{"jbob@gmial.com, bob@gmial.com.au, bob@gmial.company, x.bob@gmial.com, 'bob@gmial.com'", "bob@gmial.com", "B", "jbob@gmial.com, bob@gmial.com.au, bob@gmial.company, x.bob@gmial.com, 'B'", true},
		{"o’brien@example.com\r\nx", "o’brien@example.com", "o'brien@example.com", "o'brien@example.com\r\nx", true},
		{"“a”\nbo\u200bb@gmial.com x\n“c”\n", "bob@gmial.com", "bob@gmail.com", "“a”\nbob@gmail.com x\n“c”\n", true},
		{"a@example.com", "b@example.com", "c@example.com", "a@example.com", false},
		{"a@example.com", "", "c@example.com", "a@example.com", false},
		{"xbob@gmial.com", "bob@gmial.com", "c@example.com", "xbob@gmial.com", false},
	} {
		got, found := Replace(c.text, c.piece, c.by)
		if got != c.want || found != c.found {
			t.Errorf("Replace(%q, %q): %q, %v", c.text, c.piece, got, found)
		}
	}
}

func TestEveryOfferedFixCanBeTaken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"bob@gmial.com", "Email,Area\n=bob@example.com,East", "o’brien@example.com", "alice at example dot com", "bob@gmial", "ｂｏｂ@gmial.com", "alice@exаmple.com",
	} {
		for range 3 {
			pieces := Read(text, math.MaxInt)
			var piece, by string
			for _, r := range pieces.Rejected {
				if r.Suggestion != "" {
					piece, by = r.Text, r.Suggestion
				}
			}
			for _, w := range pieces.Warnings {
				at := slices.IndexFunc(pieces.Recognised, func(a Address) bool { return a.Send == w.Address })
				if w.Suggestion != "" {
					piece, by = pieces.Recognised[at].Raw, w.Suggestion
				}
			}
			if piece == "" {
				break
			}
			fixed, ok := Replace(text, piece, by)
			if !ok || fixed == text {
				t.Fatalf("%q: %q is not found", text, piece)
			}
			text = fixed
		}
		if got := Read(text, math.MaxInt); len(got.Rejected)+len(got.Warnings) > 0 || len(got.Recognised) != 1 {
			t.Errorf("after the fixes, %q: %+v", text, got)
		}
	}
}

func TestACellThatWasMadeHarmlessIsReadBackAsItWas(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"+1 Street": "'+1 Street", "=SUM(A1)": "'=SUM(A1)", "-": "'-", "@home": "'@home",
		"＝和": "'＝和", "＋1": "'＋1", "－1": "'－1", "＠家": "'＠家",
		"'=1": "''=1", "' ＋1": "'' ＋1", "'Carer'": "'Carer'", "North Pier": "North Pier", "1+1": "1+1", "A = B": "A = B",
	} {
		if got := Harmless(cell); got != want {
			t.Errorf("%q becomes %q", cell, got)
		}
		for _, typed := range []string{cell, " " + cell, "\t" + cell, "\u200b" + cell, cell + "\n"} {
			got := Read("Email,Area,Role\na@example.com,\""+Harmless(typed)+"\",Carer", 10)
			if len(got.Recognised) != 1 || got.Recognised[0].Area != cell {
				t.Errorf("%q comes back as %+v", typed, got.Recognised)
			}
		}
	}
}
