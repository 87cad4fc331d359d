package invite

import (
	"strings"

	"paperplane/extension"
	"paperplane/extension/recognise"
)

// reading is what was read in the text of an order.
type reading struct {
	text      int // how many bytes long it is
	found     recognise.Result
	entries   []extension.Entry
	queued    int  // how many entries can lead to a message
	needsArea bool // some of them name no service area of their own
	needsRole bool // some of them name no role of their own
}

// read recognises the addresses of a text and finds the areas and roles that its rows name. Of a text that is too long
// nothing is read. Every recognised and every rejected piece becomes an entry; duplicates are only counted, and ignored
// words are dropped.
func read(text string, choices extension.Choices) reading {
	r := reading{text: len(text)}
	if len(text) > MaxPaste {
		return r
	}
	r.found = recognise.Read(text, MaxPieces)
	r.entries = make([]extension.Entry, 0, len(r.found.Recognised)+len(r.found.Rejected))
	areas := byName(choices.Areas, func(a extension.ServiceArea) string { return a.Name })
	roles := byName(choices.Roles, func(r extension.Role) string { return r.Name })
	for _, a := range r.found.Recognised {
		e := extension.Entry{
			Text: cut(a.Raw), Address: a.Send, Key: a.Key, Outcome: extension.OutcomeQueued, Cells: [2]string{cut(a.Area), cut(a.Role)},
		}
		var areaKnown, roleKnown bool
		e.Area, areaKnown = areas.find(a.Area)
		e.Role, roleKnown = roles.find(a.Role)
		switch {
		case !areaKnown:
			e.Outcome, e.Reason = extension.OutcomeInvalid, string(recognise.UnknownArea)
		case !roleKnown:
			e.Outcome, e.Reason = extension.OutcomeInvalid, string(recognise.UnknownRole)
		default:
			r.queued++
			r.needsArea = r.needsArea || a.Area == ""
			r.needsRole = r.needsRole || a.Role == ""
		}
		r.entries = append(r.entries, e)
	}
	for _, x := range r.found.Rejected {
		r.entries = append(r.entries, extension.Entry{
			Text: cut(x.Text), Outcome: extension.OutcomeInvalid, Reason: string(x.Reason), Cells: [2]string{cut(x.Area), cut(x.Role)},
		})
	}
	if r.queued == 0 {
		r.needsArea, r.needsRole = true, true // nothing can be said about a table of nothing
	}
	return r
}

// tooMuch tells whether the text is beyond MaxPaste or MaxPieces.
func (r reading) tooMuch() bool {
	return r.text > MaxPaste || r.found.Cut || len(r.entries) > MaxPieces
}

// mixed is a heading of the table that is several; empty when there is none.
func (r reading) mixed() string {
	if r.found.Table == nil {
		return ""
	}
	return r.found.Table.Mixed
}

// fault says why nothing can be sent to what was read; empty when something can.
func (r reading) fault() string {
	switch {
	case r.tooMuch():
		return TooMuch()
	case r.mixed() != "":
		return "The header of the table mixes separators, so “" + r.mixed() + "” is one column. Put the same separator between all its headings, and between the cells of the rows."
	case len(r.found.Recognised) == 0 && len(r.found.Rejected)+len(r.found.Ignored) == 0:
		return "Type or paste at least one email address."
	case len(r.found.Recognised) == 0:
		return "No email address was recognised in this text. Check it for typing mistakes."
	case r.queued == 0:
		return "No row of the table names a service area and a role that you can invite to. Check their names."
	}
	return ""
}

// named finds choices by the names that people type: in any case, unless two of them differ in nothing else.
type named[T any] struct {
	exact  map[string]T
	folded map[string]*T // nil for a name that several have
	typed  map[string]*T // what was asked for before, so that a long table folds every name once
}

func byName[T any](choices []T, name func(T) string) named[T] {
	n := named[T]{exact: map[string]T{}, folded: map[string]*T{}, typed: map[string]*T{}}
	for _, choice := range choices {
		n.exact[name(choice)] = choice
		folded := fold(name(choice))
		if _, taken := n.folded[folded]; taken {
			n.folded[folded] = nil
			continue
		}
		n.folded[folded] = &choice
	}
	return n
}

// find gives the choice of this name, or the zero choice for an empty name. It reports false for a name that no choice
// has.
func (n named[T]) find(name string) (T, bool) {
	var none T
	if name == "" {
		return none, true
	}
	found, asked := n.typed[name]
	if !asked {
		if choice, ok := n.exact[name]; ok {
			found = &choice
		} else {
			found = n.folded[fold(name)]
		}
		n.typed[name] = found
	}
	if found == nil {
		return none, false
	}
	return *found, true
}

func fold(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// cut makes a piece fit for a row: valid UTF-8 without NUL, at most MaxEntryText bytes, no character split.
func cut(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= extension.MaxEntryText {
		return text
	}
	end := 0
	for i := range text {
		if i > extension.MaxEntryText {
			break
		}
		end = i
	}
	return text[:end]
}
