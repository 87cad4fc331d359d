package recognise

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rule is a text and all that becomes of it: recognised addresses as they stand;
// "2 duplicates"; "x text: reason → suggestion" for what is rejected;
// "! address: kind → suggestion" for warnings; "- word" for what is ignored.
type rule struct {
	name string
	text string
	want []string
}

// rules returns the tables of all rules.
func rules() []rule {
	return slices.Concat(separatorRules(), nameRules(), mailClientRules(), tableRules(), markupRules(), linkRules(),
		maskRules(), invisibleRules(), trimRules(), localPartRules(), domainRules(), lengthRules(), missingAtRules(),
		typoRules(), lookalikeRules(), mailboxRules(), unusualRules())
}

func TestEveryRuleHoldsBothWays(t *testing.T) {
	t.Parallel()
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(r.want, summary(Recognise(r.text))); diff != "" {
				t.Errorf("Recognise(%q) differs (-want +got):\n%s", r.text, diff)
			}
		})
	}
}

// summary writes a result down in the way of a rule.
func summary(r Result) []string {
	var all []string
	for _, a := range r.Recognised {
		all = append(all, a.Key)
	}
	if r.Duplicates > 0 {
		all = append(all, fmt.Sprintf("%d duplicates", r.Duplicates))
	}
	for _, x := range r.Rejected {
		all = append(all, "x "+x.Text+": "+string(x.Reason)+arrow(x.Suggestion))
	}
	for _, w := range r.Warnings {
		all = append(all, "! "+w.Address+": "+string(w.Kind)+arrow(w.Suggestion))
	}
	for _, word := range r.Ignored {
		all = append(all, "- "+word)
	}
	return all
}

// arrow points to a suggestion, if there is one.
func arrow(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return " → " + suggestion
}

func separatorRules() []rule {
	abc := []string{"a@example.com", "b@example.com", "c@example.com"}
	return []rule{
		{"nothing", "", nil},
		{"only separators", " ,;\t|\r\n \u3000、", nil},
		{"new lines of all systems", "a@example.com\rb@example.com\r\nc@example.com", abc},
		{"line and page breaks of word processors", "a@example.com\vb@example.com\u2028\fc@example.com\u0085", abc},
		{"record and unit separators", "a@example.com\x1eb@example.com\x1fc@example.com", abc},
		{"separators without spaces", "a@example.com,b@example.com;c@example.com", abc},
		{"empty fields", ",a@example.com,,;b@example.com;|c@example.com,", abc},
		{"ideographic and full-width separators", "a@example.com、b@example.com，c@example.com；", abc},
		{"Arabic separators", "a@example.com، b@example.com؛ c@example.com", abc},
		{"vertical lines of drawn tables", "│ a@example.com │ b@example.com ┃ c@example.com ¦", abc},
		{"slashes", "a@example.com / b@example.com/c@example.com", abc},
		{"a slash may belong to a name, and is no separator for other words", "a/b@example.com a@b/c@d/e", []string{"a/b@example.com", "x a@b/c@d/e: more_than_one_at", "! a/b@example.com: unusual_name"}},
		{"no separator at all", "<a@example.com><b@example.com>c@example.com", abc},
		{"an unclosed bracket ends with its line", "x <a@example.com\n(b@example.com\n[c@example.com", append(slices.Clone(abc), "- x")},
		{"an unclosed quote ends with its line", "\"Doe, J <a@example.com>\n\"b@example.com, c@example.com", append(slices.Clone(abc), "- Doe", "- J")},
		{"words between addresses", "a@example.com or b@example.com and c@example.com", append(slices.Clone(abc), "- or", "- and")},
		{"order is kept", "b@example.com a@example.com c@example.com", []string{"b@example.com", "a@example.com", "c@example.com"}},
	}
}

func nameRules() []rule {
	return []rule{
		{"a quoted name with a comma is one piece", "\"Doe, John\" <john@example.com>", []string{"john@example.com", "- Doe, John"}},
		{"an unquoted name with a comma is two", "Doe, John <john@example.com>; Roe, Jane <jane@example.com>", []string{"john@example.com", "jane@example.com", "- Doe", "- John", "- Roe", "- Jane"}},
		{"a name with full stops", "Dr. Alice B. Smith-Jones Ph.D. <alice@example.com>", []string{"alice@example.com", "- Dr. Alice B. Smith-Jones Ph.D."}},
		{"half a name with a full stop", "J.Smith, Alice <alice@example.com>", []string{"alice@example.com", "- J.Smith", "- Alice"}},
		{"an address without @ before a name is not half a name", "bob.example.com, Alice <alice@example.com>", []string{"alice@example.com", "x bob.example.com: no_at_sign", "- Alice"}},
		{"a name with an apostrophe", "Miles O'Brien <miles@example.com>", []string{"miles@example.com", "- Miles O'Brien"}},
		{"doubled quotes", "\"Smith, \"\"Al\"\" Alice\" <alice@example.com>", []string{"alice@example.com", "- Smith, \"\"Al\"\" Alice"}},
		{"escaped quotes", `"Smith, \"Al\" Alice" <alice@example.com>`, []string{"alice@example.com", `- Smith, \"Al\" Alice`}},
		{"typographic and angular quotes", "„Smith, Alice“ <a@example.com>; «Roe, Jane» <b@example.com>", []string{"a@example.com", "b@example.com", "- Smith, Alice", "- Roe, Jane"}},
		{"East Asian brackets", "田中（営業）<tanaka@example.jp>；【佐藤】sato@example.jp", []string{"tanaka@example.jp", "sato@example.jp", "- 田中", "- 営業", "- 佐藤"}},
		{"a name that repeats the address is the same mention", "a@example.com <a@example.com>, \"b@example.com\" <B@example.com>, 'c@example.com' <c@example.com>", []string{"a@example.com", "b@example.com", "c@example.com"}},
		{"an address in a quoted name gets no mail", "\"old@example.com\" <new@example.com>", []string{"new@example.com", "- old@example.com"}},
		{"an unquoted address before another one does", "old@example.com <new@example.com>", []string{"old@example.com", "new@example.com"}},
		{"several addresses in quotes are no name", "\"a@example.com, b@example.com\" <c@example.com>", []string{"a@example.com", "b@example.com", "c@example.com"}},
		{"name and address in quotes", "\"Doe, Ann <ann@example.com>\"", []string{"ann@example.com", "- Doe", "- Ann"}},
		{"the same address twice is a duplicate", "a@example.com a@example.com, <a@example.com>\na@example.com", []string{"a@example.com", "3 duplicates"}},
	}
}

func mailClientRules() []rule {
	return []rule{
		{"a reply's first line", "On Mon, 3 Nov 2026 at 10:00, Alice <alice@example.com> wrote:", []string{"alice@example.com", "- On Mon", "- 3 Nov 2026 at 10:00", "- Alice", "- wrote:"}},
		{"quoted lines", "> From: Alice <alice@example.com>\n>> Cc:bob@example.com", []string{"alice@example.com", "bob@example.com", "- From: Alice", "- Cc:"}},
		{"Outlook's headers", "From: Alice [mailto:alice@example.com]\nTo: bob@example.com<mailto:bob@example.com>", []string{"alice@example.com", "bob@example.com", "- From: Alice", "- To:"}},
		{"message identifiers are no addresses", "Message-ID: <CAF1@mail.gmail.com>\nIn-Reply-To:<x@y.example.com>\n[cid:image001.png@01D9A1B2.C3D4E5F6]", []string{"- Message-ID: <CAF1@mail.gmail.com>", "- In-Reply-To:<x@y.example.com>", "- cid:image001.png@01D9A1B2.C3D4E5F6"}},
		{"groups", "Team: a@example.com, b@example.com; Empty:; Others:c@example.com;", []string{"a@example.com", "b@example.com", "c@example.com", "- Team:", "- Empty:", "- Others:"}},
		{"calendar attendees", "ATTENDEE;CN=a@example.com;RSVP=TRUE:mailto:a@example.com\r\nATTENDEE;CN=\"Roe, Jane\":MAILTO:jane@example.com", []string{"a@example.com", "jane@example.com", "- ATTENDEE", "- CN=a@example.com", "- RSVP=TRUE:", "- ATTENDEE", "- CN=", "- Roe, Jane"}},
		{"a guest list with notes", "Alice Smith\nalice@example.com\nOrganiser\n2 guests: 1 yes", []string{"alice@example.com", "- Alice Smith", "- Organiser", "- 2 guests: 1 yes"}},
		{"Exchange's address types", "SMTP:alice@example.com smtp:bob@example.com", []string{"alice@example.com", "bob@example.com", "- SMTP:", "- smtp:"}},
	}
}

func tableRules() []rule {
	return []rule{
		{"numbered lists", "1. a@example.com\n2) b@example.com\n(3) c@example.com\n4: d@example.com", []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "- 1.", "- 2", "- 3", "- 4:"}},
		{"bulleted lists", "- a@example.com\n* b@example.com\n• c@example.com\n–d@example.com\n•e@example.com\n☐ f@example.com", []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com"}},
		{"CSV with a heading and quoted cells", "\"Name\",\"E-mail\"\r\n\"Doe, John\",\"john@example.com\"\r\n\"\",\"a@example.com, b@example.com\"", []string{"john@example.com", "a@example.com", "b@example.com", "- Name", "- E-mail", "- Doe, John"}},
		{"a row with a number and a date", "Alice\talice@example.com\t+46 70 123 45 67\t12.03.2026\t3.14", []string{"alice@example.com", "- Alice", "- +46 70 123 45 67", "- 12.03.2026", "- 3.14"}},
		{"a Markdown table", "| Name | Mail |\n|---|---|\n| Alice | alice@example.com |", []string{"alice@example.com", "- Name", "- Mail", "- Alice"}},
		{"JSON", `{"members":["a@example.com",{"email":"b@example.com"}]}`, []string{"a@example.com", "b@example.com", "- members", "- email"}},
		{"settings", "email=a@example.com\nmail: b@example.com", []string{"a@example.com", "b@example.com", "- email=", "- mail:"}},
	}
}
