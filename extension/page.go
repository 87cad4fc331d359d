package extension

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
