package extension_test

import (
	"testing"

	"paperplane/extension"
)

func TestNamesAndInitials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ first, last, address, name, initials string }{
		{"Ada", "Lovelace", "ada@example.com", "Ada Lovelace", "AL"},
		{"", "", "ada@example.com", "ada@example.com", "A"},
		{"ada", "", "x@example.com", "ada", "A"},
		{"", "lovelace", "x@example.com", "lovelace", "L"},
		{" Ada ", "\tLovelace\n", "x@example.com", "Ada Lovelace", "AL"},
		{"  ", " ", "ada@example.com", "ada@example.com", "A"},
		{"Åsa", "Öberg", "x@example.com", "Åsa Öberg", "ÅÖ"},
		{"élodie", "østergård", "x@example.com", "élodie østergård", "ÉØ"},
		{"李", "小龙", "x@example.com", "李 小龙", "李小"},
		{"ياسر", "عرفات", "x@example.com", "ياسر عرفات", "يع"},
		{"ij", "ǆ", "x@example.com", "ij ǆ", "IǄ"},
		{"\u00a0Ada", "Byron", "x@example.com", "Ada Byron", "AB"},
		{"", "", "ünal@example.com", "ünal@example.com", "Ü"},
		{"", "", "", "", ""},
		{"😀", "Smith", "x@example.com", "😀 Smith", "😀S"},
	} {
		user := extension.User{FirstName: c.first, LastName: c.last, Address: c.address}
		if got := user.Name(); got != c.name {
			t.Errorf("%q %q is called %q, want %q", c.first, c.last, got, c.name)
		}
		if got := user.Initials(); got != c.initials {
			t.Errorf("%q %q %q has the initials %q, want %q", c.first, c.last, c.address, got, c.initials)
		}
	}
}

func TestNobodyIsCalledWhatTheOperatorIs(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{
		{"The operator of", "Paperplane"}, {"the OPERATOR", "of  paperplane"}, {"The\u00a0operator of Paperplane", ""}, {"", " The operator\tof Paperplane"},
	} {
		user := extension.User{ID: "u", FirstName: names[0], LastName: names[1], Address: "eve@example.com"}
		if user.Name() != user.Address || extension.ActorOf(user).Name != user.Address {
			t.Errorf("%q is called %q, and acts as %q", names, user.Name(), extension.ActorOf(user).Name)
		}
	}
	if user := (extension.User{FirstName: "The operator of", LastName: "Paperplanes"}); user.Name() != "The operator of Paperplanes" {
		t.Errorf("somebody else is called %q", user.Name())
	}
}

func TestTheHashOfTermsIsOfExactlyTheirText(t *testing.T) {
	t.Parallel()
	terms := extension.NewTerms("o", "en", "Terms", "abc")
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	if terms.SHA256 != abc || terms.Version != 1 || terms.Organisation != "o" {
		t.Errorf("terms %+v", terms)
	}
	if other := extension.NewTerms("o", "en", "Terms", "abc\n"); other.SHA256 == abc || other.ID == terms.ID {
		t.Errorf("other terms %+v", other)
	}
}

func TestProgressIsDoneWhenNothingWaits(t *testing.T) {
	t.Parallel()
	if (extension.Progress{Queued: 2, Sent: 1, Waiting: 1}).Done() {
		t.Error("done with one waiting")
	}
	if !(extension.Progress{Queued: 2, Sent: 1, Refused: 1}).Done() || !(extension.Progress{}).Done() {
		t.Error("not done with none waiting")
	}
}
