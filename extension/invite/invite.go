// Package invite is the outbound verb: addresses → batch → identities → letters. It owns what happens between the
// press of Invite (or Resend) and the provider's acceptance of every message. It does not know pages, SQL, Kratos'
// API or the provider's; it asks for them through the interfaces below.
//
// Read send.go, turn.go, provision.go and deliver.go in this order.
package invite

import (
	"cmp"
	"context"
	"time"

	"paperplane/extension"
)

// MaxPaste is how many bytes of text one press of Invite takes: about 100,000 addresses. The page says so.
const MaxPaste = 4 << 20

// MaxLater is how far ahead the start of a batch can be chosen.
const MaxLater = 30 * 24 * time.Hour

// MaxPieces is how many recognised and rejected pieces together one press of Invite takes.
const MaxPieces = 100_000

// Order is one press of Invite. Batch is made when the form is shown, so that pressing twice, in two tabs or with the
// back button, is one batch.
type Order struct {
	Batch extension.BatchID
	Text  string
	Area  extension.AreaID // of addresses whose row names none; may be empty when every row does
	Role  extension.RoleID // likewise
	// Expired says that people whose invitation has Expired are invited again.
	Expired bool
	// Starts is a chosen time before which nothing is sent; zero means as soon as the organisation's undo delay is over.
	Starts time.Time
}

// Store is what the verb asks of the database, station by station.
type Store interface {
	placing
	reissuing
	settling
	reminding
	correcting
	recording
	reporting
	working
	delivering
	turning
	controlling
}

// Identities is what the verb asks of Kratos.
type Identities interface {
	CreateIdentities(ctx context.Context, identities []extension.NewIdentity) ([]extension.Created, error)
	FindByAddress(ctx context.Context, address string) (extension.Identity, error)
	// Readdress gives an identity that was made for a user another address; ErrConflict when it is not ours to change.
	Readdress(ctx context.Context, identity extension.IdentityID, user extension.UserID, address string) (extension.Created, error)
}

// Post hands letters to the mail provider.
type Post interface {
	Deliver(ctx context.Context, chunk extension.Chunk, mark extension.Mark) ([]extension.Receipt, error)
	// Memory is how long the same chunk may be delivered again without a second message.
	Memory() time.Duration
}

// Aligner brings Kratos in line with our rows: here, it ends what was begun by a link that a resend revoked.
type Aligner interface {
	Align(ctx context.Context, identity extension.IdentityID) error
}

// Queue calls somebody to take turns, because there is work for a batch.
type Queue interface {
	GoOn(ctx context.Context, batch extension.BatchID) error
}

// Service is the verb.
type Service struct {
	store      Store
	identities Identities
	post       Post
	queue      Queue
	aligner    Aligner
	links      extension.Links
	sender     string
	publicURL  string
	lease      time.Duration
	now        func() time.Time
}

// Options are what a Service is made of.
type Options struct {
	Store      Store
	Identities Identities
	Post       Post
	Queue      Queue
	Aligner    Aligner
	Links      extension.Links
	Sender     string        // RFC 5322 mailbox for the From header
	PublicURL  string        // origin of the pages, without a slash at the end
	Lease      time.Duration // how long a step keeps its rows; zero for DefaultLease
	Now        func() time.Time
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, identities: o.Identities, post: o.Post, queue: o.Queue, aligner: o.Aligner,
		links: o.Links, sender: o.Sender, publicURL: o.PublicURL, lease: cmp.Or(o.Lease, DefaultLease), now: o.Now,
	}
}
