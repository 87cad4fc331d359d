package extension

import "time"

// Choices are the areas and roles that users can be invited to.
type Choices struct {
	Areas []ServiceArea
	Roles []Role
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
	Recognised int             // distinct addresses in the paste
	Duplicates int             // pieces that repeat an address of the same paste
	NotSent    []Delivery      // in the order of the input: refused at Invite, or later; at most NotSentShown
	NotSentAll int             // how many there are
	Sent       []Delivery      // in the order of the input, at most SentShown
}

// NotSentShown is how many addresses that were not sent a Report lists: a page of a few megabytes.
const NotSentShown = 5000

// DomainsShown is how many failing domains a Report names.
const DomainsShown = 5

// SentShown is how many sent addresses a Report lists.
const SentShown = 100

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
	Refused  Refusal    // set when it never will by this invitation
	Detail   string
}

// Claim says how a new mail chunk is written down.
type Claim struct {
	Most      int // people in it
	KeyID     string
	Sender    string
	PublicURL string
	Now       time.Time     // from which the links' lifetime counts
	Lease     time.Duration // by the database's clock
	Memory    time.Duration // how long the provider remembers an idempotency key, by the database's clock
}
