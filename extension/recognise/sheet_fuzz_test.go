package recognise

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead holds what must be true of every table.
func FuzzRead(f *testing.F) {
	f.Add("Email,Area\n\"a@example.com\",\"Ea\"\"st\"\n=x,\n")
	f.Add("sep=;\r\nEmail;Role\r\na@example.com;\"x\r\n")
	f.Add("E-mail\tArea\n\"\"\"\t\"a\"b\"\t\n\xff@x.org\t\x00")
	f.Add("Email,Service area,Role\n\"Doe, J\" <a3@x.com>,South Pier,\n")
	f.Add("Email,,Role\nDoe, J <a3@x.com>,b3@x.com,\n=x,a@b.co\n")
	f.Add("Email;Service area,Role\na@x.com;East,b@x.com;c@x.com\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := Read(text, 100)
		checkTexts(t, got)
		checkNoAddressVanishes(t, text, got)
		for _, a := range got.Recognised {
			checkAddress(t, a)
			if isFormula(a.Raw) && got.Table != nil {
				t.Errorf("the formula %q is an address", a.Raw)
			}
		}
		if len(got.Recognised)+len(got.Rejected) > 101+len(text)/6 {
			t.Errorf("%d pieces", len(got.Recognised)+len(got.Rejected))
		}
		if decoded, _ := Decode([]byte(text)); !utf8.ValidString(decoded) {
			t.Errorf("%q is decoded to %q", text, decoded)
		}
		if back := plainCell(Harmless(text)); utf8.ValidString(text) && back != tidy(text) {
			t.Errorf("the cell %q comes back as %q", text, back)
		}
		CheckFile(text)
	})
}

// checkNoAddressVanishes checks that every plain address of a text stands somewhere
// in what was read. It leaves out texts with a column that is named as unused, with
// repetitions, which are only counted, and with markup or encodings.
func checkNoAddressVanishes(t *testing.T, text string, r Result) {
	t.Helper()
	counted := r.Cut || r.MoreIgnored > 0 || r.Duplicates > 0
	unused := r.Table != nil && len(r.Table.Unused) > 0
	if counted || unused || strings.ContainsAny(text, "%&") || regexp.MustCompile(`</?[A-Za-z][^<>\r\n]*>`).MatchString(clean(text)) {
		return
	}
	all := texts(r)
	for _, a := range r.Recognised {
		all = append(all, a.Area, a.Role)
	}
	for _, x := range r.Rejected {
		all = append(all, x.Area, x.Role)
	}
	found := strings.ToLower(strings.Join(all, "\n"))
	for _, address := range regexp.MustCompile(`[a-z0-9]+@[a-z0-9]+\.[a-z]+`).FindAllString(strings.ToLower(text), -1) {
		if !strings.Contains(found, address) {
			t.Errorf("the address %q of %q has vanished: %+v", address, text, r)
		}
	}
}
