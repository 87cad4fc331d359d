package recognise

import "strings"

// collector gathers what a text holds, in the order of the text.
type collector struct {
	result Result
	most   int                 // how many recognised and rejected pieces, and how many ignored ones, are kept
	seen   map[string]int32    // keys of the recognised addresses, and their places among them
	area   string              // of the row that is being read, in a table
	role   string              // likewise
	gmail  map[string]struct{} // local parts at Gmail, without dots and tags
	tagged map[string]struct{} // what addresses with a tag are without it
	last   mention
	work   int // bytes looked at, so that a test can tell that the work is linear
}

// mention is the address that was read last, within one entry. Its key is empty
// behind a separator.
type mention struct {
	key   string
	place place
}

// newCollector makes a collector for the addresses in text.
func newCollector(text string) *collector {
	// A text of nothing but @ must not reserve memory for addresses it can't hold.
	const shortest = len("a@b.co,")
	expected := min(strings.Count(text, "@"), len(text)/shortest+1, 1<<16)
	return &collector{
		result: Result{Recognised: make([]Address, 0, expected)},
		seen:   make(map[string]int32, expected),
		gmail:  make(map[string]struct{}),
		tagged: make(map[string]struct{}),
	}
}

// address takes one word with an @ in it.
func (c *collector) address(word string, where place) {
	word = trim(word)
	send, reason := parse(word)
	switch {
	case reason == MoreThanOneAt && isSlashList(word):
		for part := range strings.SplitSeq(word, "/") {
			c.last = mention{}
			c.address(part, where)
		}
		return
	case reason != "":
		if !c.repeats(word, where) {
			c.reject(word, reason)
		}
		return
	}
	if at, known := c.seen[send]; known {
		if !c.repeats(send, where) {
			c.duplicate(word, at)
		}
		return
	}
	c.last = mention{key: send, place: where}
	c.seen[send] = int32(len(c.result.Recognised)) //nolint:gosec // a text has fewer than 2^31 addresses of six bytes
	c.result.Recognised = append(c.result.Recognised, Address{Send: send, Key: send, Raw: word, Area: c.area, Role: c.role})
	c.doubt(send)
}

// full reports whether no more pieces are to be taken.
func (c *collector) full() bool { return len(c.result.Recognised)+len(c.result.Rejected) > c.most }

// duplicate counts a further mention of a recognised address. The first row of a
// table counts, so one that says something else is told.
func (c *collector) duplicate(word string, at int32) {
	c.result.Duplicates++
	if len(c.result.Repeated) < c.most {
		c.result.Repeated = append(c.result.Repeated, word)
	}
	first := c.result.Recognised[at]
	if !strings.EqualFold(first.Area, c.area) || !strings.EqualFold(first.Role, c.role) {
		c.warn(first.Send, DifferentRows, "")
	}
}

// isSlashList reports whether word is several addresses with slashes between them.
// A slash is legal before an @, but no domain goes past one.
func isSlashList(word string) bool {
	for part := range strings.SplitSeq(word, "/") {
		if strings.Count(part, "@") != 1 {
			return false
		}
	}
	return true
}

// repeats reports whether an address is the same mention as the one before it,
// once as a text and once as its target: "a@example.com <a@example.com>" or a
// link whose text is the address. Such a pair is one address and no duplicate.
func (c *collector) repeats(key string, where place) bool {
	same := c.last.key == key && c.last.place != where
	c.last = mention{key: key, place: where}
	if same {
		c.last = mention{}
	}
	return same
}

// reject notes a piece that can't be used, with the address that was probably
// meant if the mistake is one that programs make.
func (c *collector) reject(text string, reason Reason) {
	c.rejectMeant(text, reason, repair(text))
}

// rejectMeant notes a piece that can't be used, and what was meant if that is an
// address.
func (c *collector) rejectMeant(text string, reason Reason, meant string) {
	suggestion, wrong := parse(meant)
	if wrong != "" {
		suggestion = ""
	}
	c.result.Rejected = append(c.result.Rejected, Rejected{Text: text, Reason: reason, Suggestion: suggestion, Area: c.area, Role: c.role})
}

// ignore notes text that is no address.
func (c *collector) ignore(text string) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
	case len(c.result.Ignored) >= c.most:
		c.result.MoreIgnored++
	default:
		c.result.Ignored = append(c.result.Ignored, text)
	}
}

// doubt notes the warnings about an address that was just recognised.
func (c *collector) doubt(send string) {
	name, domain, _ := strings.Cut(send, "@")
	if isUnusualName(name) {
		meant := ""
		if plain := plainStart(name); plain != name && plain != "" {
			meant = plain + "@" + domain
		}
		c.warn(send, UnusualName, meant)
	}
	if isPlain(domain) {
		if meant := likelyDomain(domain); meant != "" {
			c.warn(send, ProbableTypo, name+"@"+meant)
		}
	} else if isLookalike(domain) {
		meant := imitated(domain)
		if meant != "" {
			meant = name + "@" + meant
		}
		c.warn(send, LookalikeDomain, meant)
	}
	if c.sharesMailbox(send) {
		c.warn(send, SameMailboxMaybe, "")
	}
}

// warn notes a doubt about a recognised address, and what was probably meant if
// that is an address.
func (c *collector) warn(address string, kind WarningKind, meant string) {
	suggestion, reason := parse(meant)
	if reason != "" {
		suggestion = ""
	}
	c.result.Warnings = append(c.result.Warnings, Warning{Address: address, Kind: kind, Suggestion: suggestion})
}
