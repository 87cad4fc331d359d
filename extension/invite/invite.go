// Package invite is the outbound verb: addresses → batch → identities → letters. It owns what happens between the
// press of Invite (or Resend) and the provider's acceptance of every message. It does not know pages, SQL, Kratos'
// API or the provider's; it asks for them through the interfaces below.
//
// Read send.go, work.go, provision.go and deliver.go in this order.
package invite

import (
	"context"
	"time"

	"paperplane/extension"
)

// MaxPaste is how many bytes of text one press of Invite takes: about 100,000 addresses. The page says so.
const MaxPaste = 4 << 20

// MaxPieces is how many recognised and rejected pieces together one press of Invite takes.
const MaxPieces = 100_000

// Order is one press of Invite. Batch is made when the form is shown, so that pressing twice, in two tabs or with the
// back button, is one batch.
type Order struct {
	Batch extension.BatchID
	Text  string
	Area  extension.AreaID
	Role  extension.RoleID
}

// Store is what the verb asks of the database, station by station.
type Store interface {
	placing
	reissuing
	reporting
	working
	delivering
	resting
}

// Identities is what the verb asks of Kratos.
type Identities interface {
	CreateIdentities(ctx context.Context, identities []extension.NewIdentity) ([]extension.Created, error)
	FindByAddress(ctx context.Context, address string) (extension.Identity, error)
}

// Post hands letters to the mail provider.
type Post interface {
	Deliver(ctx context.Context, chunk extension.Chunk, mark extension.Mark) ([]extension.Receipt, error)
}

// Aligner brings Kratos in line with our rows: here, it ends what was begun by a link that a resend revoked.
type Aligner interface {
	Align(ctx context.Context, identity extension.IdentityID) error
}

// Queue puts the order to go on with a batch where a worker finds it.
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
	Sender     string // RFC 5322 mailbox for the From header
	PublicURL  string // origin of the pages, without a slash at the end
	Now        func() time.Time
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, identities: o.Identities, post: o.Post, queue: o.Queue, aligner: o.Aligner,
		links: o.Links, sender: o.Sender, publicURL: o.PublicURL, now: o.Now,
	}
}
