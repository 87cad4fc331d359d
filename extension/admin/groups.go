package admin

import (
	"strings"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/recognise"
)

// grouping sorts the pieces of a text by what would become of them.
type grouping struct {
	flight   invite.Preflight
	outcomes map[extension.Outcome]int // of the flight
	most     int                       // how many pieces of a group are listed
	again    bool                      // the Expired are included
}

// plan says how many invitations Invite would send.
func (g grouping) plan() string {
	if len(g.flight.Found.Recognised) == 0 {
		return ""
	}
	n := g.outcomes[extension.OutcomeQueued]
	if g.again {
		n += g.flight.Renewable
	}
	if n == 0 {
		return "Invite would send nothing: nobody on this list is new."
	}
	return "Invite will send " + counted(n, "invitation", "invitations") + "."
}

// outcomeGroup is how a group of people is called.
type outcomeGroup struct {
	outcome extension.Outcome
	one     string
	many    string
	note    string
}

func outcomeGroups() []outcomeGroup {
	return []outcomeGroup{
		{extension.OutcomeQueued, "new", "new", "They get an invitation."},
		{extension.OutcomeAlreadyExpired, "invited before, Expired", "invited before, Expired", "Their links have run out. They get nothing unless you choose to invite them again."},
		{extension.OutcomeAlreadyPending, "already invited, Pending", "already invited, Pending", "Their links still work, or are on their way. They get nothing more."},
		{extension.OutcomeAlreadyMember, "already in this organisation", "already in this organisation", "They are Active and get no invitation."},
		{
			extension.OutcomeInactive, "in this organisation, but Inactive", "in this organisation, but Inactive",
			"They get no invitation. Resume them in the users list.",
		},
		{
			extension.OutcomeUndeliverable, "undeliverable", "undeliverable",
			"An earlier message to them bounced or was reported as spam, so they get nothing. Correct the address in the users list.",
		},
	}
}

// lists gives the groups that hold anything, in the order in which the page shows them.
func (g grouping) lists() []countList {
	var lists []countList
	add := func(list countList, n int) {
		if n > 0 {
			lists = append(lists, list)
		}
	}
	for _, group := range outcomeGroups() {
		n := g.outcomes[group.outcome]
		add(g.people(group, n), n)
	}
	unplaced := g.unplaced()
	add(g.list("unplaced", "row with a service area or role that is unknown", "rows with a service area or role that is unknown", unplaced), unplaced.n)
	found := g.flight.Found
	add(listOf(g, "rejected", "piece not recognised", "pieces not recognised", found.Rejected, func(r recognise.Rejected) countItem {
		return countItem{Text: r.Text, Why: r.Reason.Sentence(), Fix: offered(r.Text, r.Suggestion)}
	}), len(found.Rejected))
	lists = append(lists, g.warnings()...)
	repeated := listOf(g, "repeated", "repetition left out", "repetitions left out", found.Repeated, func(word string) countItem { return countItem{Text: word} })
	add(repeated.titled(found.Duplicates, "repetition left out", "repetitions left out"), found.Duplicates)
	ignored := listOf(g, "ignored", "other word ignored", "other words ignored", found.Ignored, func(word string) countItem { return countItem{Text: word} })
	add(ignored.titled(len(found.Ignored)+found.MoreIgnored, "other word ignored", "other words ignored"), len(found.Ignored))
	if found.Table != nil {
		add(listOf(g, "columns", "column is not used", "columns are not used", found.Table.Unused, func(name string) countItem {
			return countItem{Text: "Column “" + name + "” is not used"}
		}), len(found.Table.Unused))
	}
	return lists
}

// titled counts what is more than a group holds.
func (l countList) titled(n int, one, many string) countList {
	l.Title = counted(n, one, many)
	if rest := n - len(l.Items); rest > 0 {
		l.More = "and " + number(rest) + " more"
	}
	return l
}

// some are the first pieces of a group and how many there are.
type some struct {
	items []countItem
	n     int
}

func (g grouping) list(name, one, many string, pieces some) countList {
	list := countList{Name: name, Items: pieces.items}
	return list.titled(pieces.n, one, many)
}

// people lists the addresses with one outcome.
func (g grouping) people(group outcomeGroup, n int) countList {
	pieces := some{items: make([]countItem, 0, min(n, g.most)), n: n}
	for _, e := range g.flight.Entries {
		if len(pieces.items) == cap(pieces.items) {
			break
		}
		if e.Outcome == group.outcome {
			pieces.items = append(pieces.items, countItem{Text: recognise.Display(e.Address), Why: placeOf(e)})
		}
	}
	list := g.list(string(group.outcome), group.one, group.many, pieces)
	list.Note = group.note
	return list
}

// placeOf is where the row of a table puts somebody; empty where the pick decides.
func placeOf(e extension.Entry) string {
	if e.Area.Name != "" && e.Role.Name != "" {
		return e.Area.Name + ", " + e.Role.Name
	}
	return e.Area.Name + e.Role.Name
}

// unplaced lists the rows whose service area or role is none that the actor may choose.
func (g grouping) unplaced() some {
	pieces := some{items: []countItem{}}
	for _, e := range g.flight.Entries {
		reason, cell := recognise.Reason(e.Reason), e.Cells[0]
		if reason == recognise.UnknownRole {
			cell = e.Cells[1]
		} else if reason != recognise.UnknownArea {
			continue
		}
		if pieces.n++; len(pieces.items) < g.most {
			pieces.items = append(pieces.items, countItem{Text: recognise.Display(e.Address) + ": “" + cell + "”", Why: reason.Sentence()})
		}
	}
	return pieces
}

// warnings lists the doubts, kind by kind.
func (g grouping) warnings() []countList {
	kinds := map[recognise.WarningKind]some{}
	spelled := g.spellings()
	for _, w := range g.flight.Found.Warnings {
		pieces := kinds[w.Kind]
		if pieces.n++; len(pieces.items) < g.most {
			pieces.items = append(pieces.items, countItem{
				Text: recognise.Display(w.Address), Why: w.Kind.Sentence(), Fix: offered(spelled[w.Address], w.Suggestion),
			})
		}
		kinds[w.Kind] = pieces
	}
	var lists []countList
	for _, kind := range recognise.WarningKinds() {
		if pieces := kinds[kind]; pieces.n > 0 {
			one, many := doubt(kind)
			lists = append(lists, g.list(string(kind), one, many, pieces))
		}
	}
	return lists
}

// spellings are how the addresses that an offer stands beside are spelled in the text.
func (g grouping) spellings() map[string]string {
	spelled := map[string]string{}
	for _, w := range g.flight.Found.Warnings {
		if w.Suggestion != "" && len(spelled) < g.most*len(recognise.WarningKinds()) {
			spelled[w.Address] = ""
		}
	}
	if len(spelled) == 0 {
		return spelled
	}
	for _, a := range g.flight.Found.Recognised {
		if _, wanted := spelled[a.Send]; wanted {
			spelled[a.Send] = a.Raw
		}
	}
	return spelled
}

// doubt is how a group of doubtful addresses is called.
func doubt(kind recognise.WarningKind) (one, many string) {
	switch kind {
	case recognise.ProbableTypo:
		return "probable typing mistake", "probable typing mistakes"
	case recognise.LookalikeDomain:
		return "look-alike domain", "look-alike domains"
	case recognise.SameMailboxMaybe:
		return "address of perhaps the same mailbox", "addresses of perhaps the same mailbox"
	case recognise.DifferentRows:
		return "address in rows that differ", "addresses in rows that differ"
	case recognise.UnusualName:
	}
	return "unusual address", "unusual addresses"
}

// listOf lists the first pieces of one kind and counts the others.
func listOf[T any](g grouping, name, one, many string, pieces []T, item func(T) countItem) countList {
	list := countList{Name: name, Items: make([]countItem, 0, min(len(pieces), g.most))}
	for _, piece := range pieces[:min(len(pieces), g.most)] {
		list.Items = append(list.Items, item(piece))
	}
	return list.titled(len(pieces), one, many)
}

// offered is the button that takes the address that was probably meant; nil when there is none.
func offered(from, to string) *fixItem {
	if from = strings.TrimSpace(from); from == "" || to == "" {
		return nil
	}
	return &fixItem{From: from, To: to, Label: "Use " + recognise.Display(to), Value: fixOf(from, to)}
}
