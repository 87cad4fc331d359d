package recognise

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzRecognise holds what must be true of every text.
func FuzzRecognise(f *testing.F) {
	for _, c := range readCases(f) {
		f.Add(c.Text)
	}
	for _, r := range rules() {
		f.Add(r.text)
	}
	for _, text := range awkward() {
		f.Add(strings.Repeat(text, 3))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Recognise(text)
		checkTexts(t, got)
		checkAddresses(t, got)
		checkLists(t, got)
		checkLines(t, text, got)
		checkNothingVanishes(t, text, got)
		checkOrder(t, text, got)
		checkWork(t, text)
	})
}

// texts returns every string of a result.
func texts(r Result) []string {
	all := slices.Clone(r.Ignored)
	for _, a := range r.Recognised {
		all = append(all, a.Send, a.Key, a.Raw, a.Display())
	}
	for _, x := range r.Rejected {
		all = append(all, x.Text, string(x.Reason), x.Suggestion)
	}
	for _, w := range r.Warnings {
		all = append(all, w.Address, string(w.Kind), w.Suggestion)
	}
	return all
}

// checkTexts checks that what comes out can be shown and stored anywhere.
func checkTexts(t *testing.T, r Result) {
	t.Helper()
	for _, text := range texts(r) {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, isOutputControl) {
			t.Errorf("%q has control characters or is not UTF-8", text)
		}
	}
	if slices.Contains(r.Ignored, "") {
		t.Error("an empty word is ignored")
	}
}

// isOutputControl reports whether r must not be in a piece: a tab may stand
// between the words of a name in quotes.
func isOutputControl(r rune) bool { return unicode.IsControl(r) && r != '\t' }

// checkAddresses checks that every address stands for itself and that every
// warning is about one of them.
func checkAddresses(t *testing.T, r Result) {
	t.Helper()
	keys := map[string]bool{}
	for _, a := range r.Recognised {
		if keys[a.Key] {
			t.Errorf("%q is recognised twice", a.Key)
		}
		keys[a.Key] = true
		checkAddress(t, a)
	}
	for _, w := range r.Warnings {
		if !keys[w.Address] || w.Kind.Sentence() == "" {
			t.Errorf("the warning %+v is about no recognised address or has no sentence", w)
		}
	}
}

// checkAddress checks that an address is plain ASCII, that the standard library
// takes it for the same one, and that it is recognised again from each of its
// spellings.
func checkAddress(t *testing.T, a Address) {
	t.Helper()
	parsed, err := mail.ParseAddress(a.Send)
	if err != nil || parsed.Address != a.Send || parsed.Name != "" || len(a.Send) > longestAddress {
		t.Errorf("%q is not one plain address for the standard library: %v, %v", a.Send, parsed, err)
	}
	for _, spelling := range []string{a.Send, a.Display(), a.Raw, "Name <" + a.Send + ">;"} {
		again := Recognise(spelling)
		if len(again.Recognised) != 1 || len(again.Rejected) != 0 || again.Duplicates != 0 {
			t.Errorf("%q, a spelling of %q, is read as %+v", spelling, a.Send, again)
			continue
		}
		if got := again.Recognised[0]; got.Send != a.Send || got.Key != a.Key {
			t.Errorf("%q, a spelling of %+v, is read as %+v", spelling, a, got)
		}
	}
}

// checkLists checks that all that is recognised, joined in any usual way, gives
// the same list in the same order.
func checkLists(t *testing.T, r Result) {
	t.Helper()
	var sends []string
	for _, a := range r.Recognised {
		sends = append(sends, a.Send)
	}
	for _, separator := range []string{"\n", ", ", ";", "\t", " ", "|", "、"} {
		again := Recognise(strings.Join(sends, separator))
		var got []string
		for _, a := range again.Recognised {
			got = append(got, a.Send)
		}
		if diff := cmp.Diff(sends, got); diff != "" || len(again.Rejected) > 0 || again.Duplicates > 0 || len(again.Ignored) > 0 {
			t.Errorf("the list joined by %q is read as %+v:\n%s", separator, again, diff)
		}
	}
	for _, x := range r.Rejected {
		if x.Suggestion != "" && len(Recognise(x.Suggestion).Recognised) != 1 {
			t.Errorf("the suggestion %q for %q is no address", x.Suggestion, x.Text)
		}
		if x.Reason.Sentence() == "" {
			t.Errorf("the reason %q has no sentence", x.Reason)
		}
	}
}

// checkLines checks that a new line ends whatever stands before it: nothing in
// one line changes what is read in the next.
func checkLines(t *testing.T, text string, r Result) {
	t.Helper()
	const next = "zoe.zebra@example.com (Zoe)"
	joined := Recognise(text + "\n" + next)
	want := r
	want.Ignored = append(slices.Clone(r.Ignored), "Zoe")
	if slices.ContainsFunc(r.Recognised, func(a Address) bool { return strings.HasPrefix(a.Key, "zoe.") }) {
		return
	}
	want.Recognised = append(slices.Clone(r.Recognised),
		Address{Send: "zoe.zebra@example.com", Key: "zoe.zebra@example.com", Raw: "zoe.zebra@example.com"})
	if diff := cmp.Diff(want, joined, cmp.Transformer("lists", func(r Result) [4]any {
		return [4]any{append([]Address{}, r.Recognised...), append([]Rejected{}, r.Rejected...), append([]string{}, r.Ignored...), r.Duplicates}
	})); diff != "" {
		t.Errorf("a line behind %q changes it (-alone +joined):\n%s", text, diff)
	}
}

// checkNothingVanishes checks that every run of letters and digits in the text
// stands somewhere in the result. It leaves out texts with markup, whose tags are
// no words, and encoded links.
func checkNothingVanishes(t *testing.T, text string, r Result) {
	t.Helper()
	uniform := clean(text)
	ascii := !strings.ContainsFunc(uniform, func(r rune) bool { return r >= utf8.RuneSelf })
	if regexp.MustCompile(`</?[A-Za-z][^<>\r\n]*>`).MatchString(uniform) || strings.Contains(uniform, "%") ||
		!ascii && r.Duplicates > 0 {
		return
	}
	found := strings.ToLower(strings.Join(texts(r), "\n"))
	for _, word := range strings.FieldsFunc(strings.ToLower(uniform), isNoWord) {
		if !strings.Contains(found, word) && !strings.HasSuffix(word, "mailto") && word != "to" {
			t.Errorf("%q of %q is neither recognised nor rejected nor ignored: %+v", word, text, r)
		}
	}
}

// checkOrder checks that every list has the pieces as they stand in the text, in
// its order. It leaves out encoded links.
func checkOrder(t *testing.T, text string, r Result) {
	t.Helper()
	uniform := clean(text)
	if strings.Contains(uniform, "%") {
		return
	}
	var recognised, rejected []string
	for _, a := range r.Recognised {
		recognised = append(recognised, a.Raw)
	}
	for _, x := range r.Rejected {
		rejected = append(rejected, x.Text)
	}
	for _, pieces := range [][]string{recognised, rejected, r.Ignored} {
		rest := uniform
		for _, piece := range pieces {
			at := strings.Index(rest, piece)
			if at < 0 {
				t.Errorf("%q of %q does not stand where its list has it: %q", piece, text, pieces)
				break
			}
			rest = rest[at+len(piece):]
		}
	}
}

// isNoWord reports whether r is between words.
func isNoWord(r rune) bool { return !unicode.In(r, unicode.L, unicode.N) }

// checkWork checks that no text makes the scanner look at its bytes again and
// again. Every byte is read a few times: by the scan itself, and by the look-ahead
// for a quote, a bracket or a tag.
func checkWork(t *testing.T, text string) {
	t.Helper()
	if work, limit := workOf(text), 8*len(clean(text))+64; work > limit {
		t.Errorf("a text of %d bytes takes %d steps, more than %d", len(text), work, limit)
	}
}

// workOf returns how many steps the scanner takes for text.
func workOf(text string) int {
	c := newCollector(text)
	s := scanner{out: c, text: clean(text)}
	s.run()
	return c.work
}

// awkward returns pieces that tempt a scanner to look ahead in vain.
func awkward() []string {
	return []string{
		"@", "<", "\"", "(", "[", "{", "'", "*", "&", ":", "=", "|", ",", ".", " ", "%", "é", "界", "\x00", "\xff", "\u200c", "＠",
		"&lt;", "&amp;", "&#64;", "&#", "mailto:", "mailto:a@b.co,", "mailto:a@b.co?to=", "mailto:%2525", "to=", "cn=", "a:", "a=",
		"a@", "a@b.c ", "a@[", "a@[1", "@[", "a.bb ", "a.bb,", "..a@b.co", ":!", "(at)", "a(at)", "a(dot)", "a(dot)b c", "a@b(dot)",
		"[email protected]", "[email ", "<a ", "<a x=", "<a x=@>", "<a x=\"@\" ", "<a href=\"mailto:mailto:%2540", "</td>", "<b>",
		"\\\"", "\"\"", "\"a@b\" ", "\"a@b\",", "\"a@b\"  <", "\"a, b\" <", "\"a@b\" <a ", "a at b dot c ", " at ", "http://", "cid:",
		"message-id:", "a@b.co <a@b.co> ", "a@xn--a.com ", "a@xn--exmple-4nf.com,", "a@ррр.com,", "a@gmial.com ",
	}
}

func TestTheWorkGrowsWithTheLengthOfTheText(t *testing.T) {
	t.Parallel()
	for _, piece := range awkward() {
		t.Run(piece, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1 << 10, 1 << 18} {
				checkWork(t, strings.Repeat(piece, size/len(piece)))
			}
		})
	}
}
