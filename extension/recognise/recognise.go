// Package recognise turns pasted text and uploaded files into email addresses.
//
// It owns the reading of lists as people copy them (mail clients, calendars,
// spreadsheets, web pages) and of tables with a header (sheet.go), the rules an address must meet before an invitation
// may go to it, and the words that explain what could not be used. It does not
// know organisations, users or limits, asks no server, and never decides that
// two spellings are one person: where that is likely, it warns.
//
// Nothing in the text vanishes. Every piece is recognised, a duplicate,
// rejected with a reason, or ignored because it is no address at all (a name, a
// telephone number, the heading of a column).
package recognise

import (
	"encoding/json"
	"math"
	"strings"
)

// Result says what became of every piece of a text, each list in the order of
// the text.
type Result struct {
	// Recognised holds every address once.
	Recognised []Address
	// Duplicates counts the further mentions of recognised addresses.
	Duplicates int
	// Repeated holds the spellings of the further mentions; Read keeps no more than
	// it takes pieces.
	Repeated []string
	// Rejected holds what looks like an address and can't be used, and the rows of
	// a table that no address can be read from.
	Rejected []Rejected
	// Warnings are about recognised addresses only; sending remains possible.
	Warnings []Warning
	// Ignored holds words that are no address and need no reason.
	Ignored []string
	// MoreIgnored counts the words that were ignored beyond what Read keeps.
	MoreIgnored int
	// Cut says that the text holds more pieces than Read was to take, and that the
	// rest of it was not read.
	Cut bool
	// Table says how the columns of a table were read; nil for any other text.
	Table *Table
}

// Address is one recognised address. It consists of ASCII characters only, has
// one @, and recognising Send or Key again yields the same address.
type Address struct {
	// Send is the address to send to and to give to Kratos: lower-case, because
	// Kratos lower-cases its identifiers, with the domain in punycode.
	Send string
	// Key identifies the address: two addresses are the same exactly if their
	// keys are equal. Dots and plus tags count (RFC 5321 §2.3.11 leaves their
	// meaning to the receiving host).
	Key string
	// Raw is the spelling in the text, without what surrounds it.
	Raw string
	// Area and Role are the cells of its row in a table, as typed but with single
	// spaces; empty elsewhere.
	Area, Role string
}

// Display returns the address with its domain in Unicode, for people.
func (a Address) Display() string { return Display(a.Send) }

// Rejected is one piece of text that can't be used as an address.
type Rejected struct {
	// Text is the piece as it stands in the text.
	Text string `json:"text"`
	// Reason says why it can't be used.
	Reason Reason `json:"reason"`
	// Suggestion is an address that was probably meant, or empty. It may be
	// another person's, so it is offered and never taken without being asked for.
	Suggestion string `json:"suggestion,omitempty"`
	// Area and Role are the cells of its row in a table.
	Area string `json:"area,omitempty"`
	Role string `json:"role,omitempty"`
}

// Warning is a doubt about one recognised address.
type Warning struct {
	// Address is the Send form of the recognised address.
	Address string `json:"address"`
	// Kind is the doubt.
	Kind WarningKind `json:"kind"`
	// Suggestion is an address that was probably meant, or empty. It is offered
	// and never taken without being asked for.
	Suggestion string `json:"suggestion,omitempty"`
}

// Recognise reads text and says what became of every piece of it. It accepts any
// bytes, never fails, and its time grows linearly with the length of the text.
func Recognise(text string) Result { return recogniseAtMost(text, math.MaxInt) }

func recogniseAtMost(text string, most int) Result {
	c := newCollector(text)
	c.most = most
	s := scanner{out: c, text: clean(text)}
	s.run()
	return c.result
}

// MarshalJSON encodes the result as one object with the members recognised,
// duplicates, rejected, warnings and ignored; the lists are never null. It never
// fails.
func (r Result) MarshalJSON() ([]byte, error) {
	report := struct {
		Recognised []string   `json:"recognised"`
		Duplicates int        `json:"duplicates"`
		Rejected   []Rejected `json:"rejected"`
		Warnings   []Warning  `json:"warnings"`
		Ignored    []string   `json:"ignored"`
	}{
		Recognised: make([]string, 0, len(r.Recognised)),
		Duplicates: r.Duplicates,
		Rejected:   append([]Rejected{}, r.Rejected...),
		Warnings:   append([]Warning{}, r.Warnings...),
		Ignored:    append([]string{}, r.Ignored...),
	}
	for _, a := range r.Recognised {
		report.Recognised = append(report.Recognised, a.Key)
	}
	return json.Marshal(report)
}

// Display returns a stored address with its domain in Unicode, for people. A
// domain that imitates another one stays in punycode, as in browsers, and so
// does whatever is not an address.
func Display(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	return address[:at+1] + displayDomain(address[at+1:])
}
