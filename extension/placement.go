package extension

import (
	"slices"
	"time"
)

// Choices are the areas and roles that users can be invited to.
type Choices struct {
	Areas []ServiceArea
	Roles []Role
}

// For leaves what an actor may choose: areas that are open and in which the actor acts, roles with no more right than the
// actor's.
func (c Choices) For(actor Actor) Choices {
	return Choices{
		Areas: slices.DeleteFunc(slices.Clone(c.Areas), func(a ServiceArea) bool { return a.Archived || !actor.MayActIn(a.ID) }),
		Roles: slices.DeleteFunc(slices.Clone(c.Roles), func(r Role) bool { return !actor.MayGrant(r) }),
	}
}

// Placement is an order after recognition and authorisation: what is written down in one transaction.
type Placement struct {
	Batch      Batch
	Entries    []Entry // OutcomeQueued where an address was recognised, OutcomeInvalid elsewhere
	Recognised int
	Duplicates int
	// Expired says that people whose earlier invitation has Expired are invited again.
	Expired bool
}

// Report is a batch's confirmation screen: what became of every piece of its input.
type Report struct {
	Batch      Batch
	Progress   Progress
	Domains    []FailingDomain // where messages bounced, the worst first; at most DomainsShown
	Places     []Places        // where its people were invited to, the most first; at most PlacesShown
	Recognised int             // distinct addresses in the paste
	Duplicates int             // pieces that repeat an address of the same paste
	NotSent    []Delivery      // in the order of the input: refused at Invite, or later; at most MaxPage
	NotSentAll int             // how many there are
	Sent       []Delivery      // in the order of the input, at most MaxPage
	Known      int             // entries whose user the actor sees here already, without the place that it is for, which the actor may give
}

// Places counts the people whom a batch invites to one service area in one role.
type Places struct {
	Assignment
	People int
}

// PlacesShown is how many places a Report names: a table can name as many as it has rows.
const PlacesShown = 10

// DomainsShown is how many failing domains a Report names.
const DomainsShown = 5

// Giving is an order to give the people whom a batch met as users already the place that their entry is for.
type Giving struct {
	Batch BatchID
	User  UserID   // one of them alone; empty for all
	Areas []AreaID // that may be given
	Roles []RoleID // likewise
}

// Given counts what became of them.
type Given struct {
	Given  int
	Had    int // had the place already
	Beyond int // were to get what the actor may not give, or what was archived
	Hidden int // are in no area of the actor's
}

// Moving is an order to give the people of a batch who are Pending or Expired another place than the batch gave them.
type Moving struct {
	Batch BatchID
	To    Assignment
	Roles []RoleID // that may be taken away
}

// Moved counts what became of them.
type Moved struct {
	Moved    int
	There    int // were there already
	Active   int // are Active by now, and keep what they have
	Inactive int // are deactivated, and keep what they have
	Changed  int // do not have what this batch gave them any more
	Beyond   int // have what the actor may not take away
}

// Plus adds two counts.
func (m Moved) Plus(n Moved) Moved {
	return Moved{
		Moved: m.Moved + n.Moved, There: m.There + n.There, Active: m.Active + n.Active,
		Inactive: m.Inactive + n.Inactive, Changed: m.Changed + n.Changed, Beyond: m.Beyond + n.Beyond,
	}
}

// Work is one invitation that needs a Kratos identity, or needs the one it has to get another address.
type Work struct {
	Invitation InvitationID
	User       UserID
	Address    string
	Identity   IdentityID // empty unless the user's address was corrected: the identity that still has the old one
}

// Settled is what provisioning made of one Work.
type Settled struct {
	Work
	Identity IdentityID // set when the user now has an identity
	Linked   bool       // the identity was there before and is not ours: its state and its credentials are its holder's
	Refused  Refusal    // set when it never will by this invitation
	Detail   string
}

// Claim says how a new mail chunk is written down.
type Claim struct {
	Most      int // people in it
	Least     int // people without whom none is written; zero for any
	KeyID     string
	Sender    string
	PublicURL string
	Now       time.Time     // from which the links' lifetime counts
	Lease     time.Duration // by the database's clock
	Memory    time.Duration // how long the provider remembers an idempotency key, by the database's clock
}
