package extension

import "time"

// Selection is whom something is done to at once.
type Selection struct {
	Users  []UserID // these, as far as the actor may see them
	All    bool     // or everybody whom the filter shows, on all its pages
	Filter Filter   // search, status and letter, when it is all
}

// MaxResend is how many people one press of Resend takes: as many as one press of Invite.
const MaxResend = 100_000

// Reissue is one press of Resend for many people, as it is written down in one transaction.
type Reissue struct {
	Batch     Batch
	Selection Selection
	Expired   bool      // people whose link has run out too
	Since     time.Time // whoever was written to after this moment is left out
}

// ResendCount tells before a press of Resend what would become of a selection.
type ResendCount struct {
	Pending int             // would be sent a new invitation
	Expired int             // would be, if people whose link has run out are chosen too
	LeftOut map[Outcome]int // would not be, and why; of all of a filter, nobody who is Active or Inactive is counted
}

// Asked is how many people the selection holds.
func (c ResendCount) Asked() int {
	n := c.Pending + c.Expired
	for _, left := range c.LeftOut {
		n += left
	}
	return n
}

// Reminding is one round of reminders of one organisation.
type Reminding struct {
	Batch Batch
	// Most is how many people one round takes; the next round takes the others.
	Most int
	// Since: whoever was written to after this moment waits for another round.
	Since time.Time
	// Until: a link that ends before this moment is not repeated any more.
	Until time.Time
}
