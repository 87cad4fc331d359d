package extension

import "time"

// Filter chooses users for a list.
type Filter struct {
	Search string        // part of a name or an address, in any case
	Status Status        // empty means all
	Letter DeliveryState // of the newest message; empty means all
	Cursor Cursor
	Limit  int // how many rows; at most MaxPage
}

// MaxPage is how many rows a list gives at most.
const MaxPage = 100

// Cursor is where a list goes on: keyset paging over address and id, so that a page costs the same at any depth and no
// row is seen twice while others come and go.
type Cursor struct {
	Key    string // the address key of the last row seen; empty means from the start
	User   UserID
	Before bool // go backwards from the row
}

// UserPage is one page of the list.
type UserPage struct {
	Users []User
	Next  *Cursor // nil on the last page
	Prev  *Cursor // nil on the first page
}

// Counts are how many users of an organisation have each status.
type Counts map[Status]int

// Tally is how many users have one status and a newest message in one state; the state is empty for users who were never
// to be sent any.
type Tally struct {
	Status Status
	Letter DeliveryState
	Users  int
}

// Tallies count users by status and by message at once, so that each can be shown under the choice of the other.
type Tallies []Tally

// ByStatus counts the users whose message is in this state by status; of an empty state, all.
func (t Tallies) ByStatus(letter DeliveryState) Counts {
	counts := Counts{}
	for _, tally := range t {
		if letter == "" || tally.Letter == letter {
			counts[tally.Status] += tally.Users
		}
	}
	return counts
}

// ByLetter counts the users of this status by the state of their message; of an empty status, all.
func (t Tallies) ByLetter(status Status) map[DeliveryState]int {
	counts := map[DeliveryState]int{}
	for _, tally := range t {
		if status == "" || tally.Status == status {
			counts[tally.Letter] += tally.Users
		}
	}
	return counts
}

// EntryGroup chooses entries of a batch for a list.
type EntryGroup string

// The groups.
const (
	EntriesNotSent    EntryGroup = "not-sent" // no message went to them and none will
	EntriesWaiting    EntryGroup = "waiting"
	EntriesSent       EntryGroup = "sent" // accepted by the provider, whatever came after
	EntriesDelivered  EntryGroup = "delivered"
	EntriesDelayed    EntryGroup = "delayed"
	EntriesBounced    EntryGroup = "bounced"
	EntriesComplained EntryGroup = "complained"
)

// EntryFilter chooses one page of a batch's entries, in the order of the input.
type EntryFilter struct {
	Group EntryGroup
	From  int // the first position that may be listed
	Limit int // how many; at most MaxEntries
}

// MaxEntries is how many entries a list gives at most. Pages show MaxPage; this is for lists that are written to a file.
const MaxEntries = 1000

// EntryPage is one page of a batch's entries.
type EntryPage struct {
	Entries []Delivery
	Next    int // From of the next page; zero on the last one
}

// BatchLine is a batch in a list.
type BatchLine struct {
	Batch    Batch
	Progress Progress
}

// BatchCursor is where a list of batches goes on: after the one with this press and id, towards older ones.
type BatchCursor struct {
	Pressed time.Time
	Batch   BatchID
}

// BatchPage is one page of the batches, the newest first.
type BatchPage struct {
	Batches []BatchLine
	Next    *BatchCursor // nil on the last page
}
