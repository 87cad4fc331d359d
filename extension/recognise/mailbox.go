package recognise

import "strings"

// sharesMailbox remembers an address and reports whether an earlier one probably
// leads to the same mailbox: at Gmail dots and tags don't count and
// googlemail.com is another name; elsewhere name+tag is usually delivered to
// name. Nothing is merged: only the provider knows, so people decide.
func (c *collector) sharesMailbox(send string) bool {
	name, domain, _ := strings.Cut(send, "@")
	base, _, hasTag := strings.Cut(name, "+")
	switch {
	case base == "":
		return false
	case domain == "gmail.com" || domain == "googlemail.com":
		return remember(c.gmail, strings.ReplaceAll(base, ".", ""))
	case hasTag:
		untagged := base + "@" + domain
		remember(c.tagged, untagged)
		_, known := c.seen[untagged]
		return known
	case len(c.tagged) == 0:
		return false
	}
	_, known := c.tagged[send]
	return known
}

// remember adds key to set and reports whether it was there already.
func remember(set map[string]struct{}, key string) bool {
	_, known := set[key]
	set[key] = struct{}{}
	return known
}
