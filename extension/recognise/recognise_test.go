package recognise

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAResultIsWrittenAsOneObject(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(Recognise("Ann Alice@Müller.example; alice@müller.example, o’brien@example.com\nbob@gmial.com"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"recognised":["alice@xn--mller-kva.example","bob@gmial.com"],"duplicates":1,` +
		`"rejected":[{"text":"o’brien@example.com","reason":"unsupported_characters","suggestion":"o'brien@example.com"}],` +
		`"warnings":[{"address":"bob@gmial.com","kind":"probable_typo","suggestion":"bob@gmail.com"}],"ignored":["Ann"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON differs (-want +got):\n%s", diff)
	}
}

func TestAnEmptyResultHasEmptyLists(t *testing.T) {
	t.Parallel()
	for _, r := range []Result{{}, Recognise("")} {
		got, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"recognised":[],"duplicates":0,"rejected":[],"warnings":[],"ignored":[]}`; string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnAddressKeepsItsSpellingAndHasOneForm(t *testing.T) {
	t.Parallel()
	got := Recognise("“Ann” <Ann.Lee@MÜLLER.example>.").Recognised
	want := []Address{{Send: "ann.lee@xn--mller-kva.example", Key: "ann.lee@xn--mller-kva.example", Raw: "Ann.Lee@MÜLLER.example"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses differ (-want +got):\n%s", diff)
	}
}

func TestDomainsAreShownInUnicodeUnlessTheyImitate(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"alice@example.com":              "alice@example.com",
		"alice@xn--mller-kva.example":    "alice@müller.example",
		"alice@mail.xn--bcher-kva.co.uk": "alice@mail.bücher.co.uk",
		"alice@xn--e1afmkfd.xn--p1ai":    "alice@пример.рф",
		"alice@xn--exmple-4nf.com":       "alice@xn--exmple-4nf.com",
		"alice@xn--80ak6aa92e.com":       "alice@xn--80ak6aa92e.com",
		"alice@xn--a.com":                "alice@xn--a.com",
		"alice@XN--MLLER-KVA.example":    "alice@XN--MLLER-KVA.example",
		"xn--mller-kva.example":          "xn--mller-kva.example",
		"":                               "",
		"@":                              "@",
	} {
		if got := Display(address); got != want {
			t.Errorf("Display(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestEveryReasonAndWarningHasItsOwnSentence(t *testing.T) {
	t.Parallel()
	sentences := map[string]bool{}
	for _, r := range []Reason{NoAtSign, MoreThanOneAt, MissingName, MissingDomain, BadName, BadDomain, TooLong, UnsupportedCharacters} {
		sentences[r.Sentence()] = true
	}
	for _, k := range []WarningKind{ProbableTypo, LookalikeDomain, SameMailboxMaybe, UnusualName} {
		sentences[k.Sentence()] = true
	}
	if len(sentences) != 12 || sentences[""] {
		t.Errorf("some sentence is missing or used twice: %v", sentences)
	}
	if Reason("unknown").Sentence() != "" || WarningKind("unknown").Sentence() != "" {
		t.Error("an unknown reason or kind has a sentence")
	}
}
