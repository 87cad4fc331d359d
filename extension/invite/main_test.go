package invite_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/postgres"
	"paperplane/extension/postgres/postgrestest"
)

var cluster *postgrestest.Cluster // one PostgreSQL for all tests of the package

func TestMain(m *testing.M) {
	var err error
	if cluster, err = postgrestest.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = cluster.Stop()
	os.Exit(code)
}

// scene is an organisation on a real database, with a Kratos and a mail provider that do what a test says. The real
// ones are met in cmd/paperplane; here it is about the moments that they cannot be brought into at will.
type scene struct {
	*invite.Service
	db      *postgres.DB
	charter extension.Charter
	admin   extension.Actor
	kratos  *scriptedKratos
	post    *scriptedPost
	aligned alignments
	now     time.Time
}

func setup(t *testing.T) *scene {
	t.Helper()
	s := &scene{db: cluster.Open(t), kratos: &scriptedKratos{}, post: &scriptedPost{}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	id := extension.NewID[extension.OrganisationID]()
	s.charter = extension.Charter{
		Organisation: extension.Organisation{
			ID: id, Slug: "north", Name: "North", TwoFactor: extension.TwoFactorOff, LinkLifetime: extension.DefaultLinkLifetime, Language: "en",
		},
		Areas: []extension.ServiceArea{{ID: extension.NewID[extension.AreaID](), Name: "East"}, {ID: extension.NewID[extension.AreaID](), Name: "West"}},
		Roles: []extension.Role{
			{ID: extension.NewID[extension.RoleID](), Name: "Administrator", Right: extension.RightAdministrator},
			{ID: extension.NewID[extension.RoleID](), Name: "Nurse", Right: extension.RightNone},
		},
		Terms: extension.NewTerms(id, "Terms", "Be kind."),
	}
	s.admin = extension.System(id, "Ada Admin")
	if err := s.db.Establish(t.Context(), s.admin, s.charter, s.now); err != nil {
		t.Fatal(err)
	}
	s.use(t, "k1")
	return s
}

// use makes the service with these link keys, the first for new links.
func (s *scene) use(t *testing.T, keys ...string) {
	t.Helper()
	made := make([]extension.LinkKey, len(keys))
	for i, id := range keys {
		made[i] = extension.LinkKey{ID: id, Secret: []byte(id + " is a secret of more than 32 bytes")}
	}
	links, err := extension.NewLinks(made)
	if err != nil {
		t.Fatal(err)
	}
	s.Service = invite.New(invite.Options{
		Store: s.db, Identities: s.kratos, Post: s.post, Queue: noQueue{}, Aligner: &s.aligned, Links: links,
		Sender: "Paperplane <invite@example.org>", PublicURL: "https://pages.example.org", Now: func() time.Time { return s.now },
	})
}

// alignments notes which identities were to be aligned.
type alignments []extension.IdentityID

func (a *alignments) Align(_ context.Context, id extension.IdentityID) error {
	*a = append(*a, id)
	return nil
}

// noQueue takes no jobs: tests call GoOn themselves.
type noQueue struct{}

func (noQueue) GoOn(context.Context, extension.BatchID) error { return extension.ErrUnavailable }

func (s *scene) send(t *testing.T, text string) extension.BatchID {
	t.Helper()
	batch, err := s.Send(t.Context(), s.admin, s.order(text))
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func (s *scene) order(text string) invite.Order {
	return invite.Order{Batch: extension.NewID[extension.BatchID](), Text: text, Area: s.charter.Areas[0].ID, Role: s.charter.Roles[1].ID}
}

func (s *scene) report(t *testing.T, batch extension.BatchID) extension.Report {
	t.Helper()
	report, err := s.Report(t.Context(), s.admin, batch)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (s *scene) user(t *testing.T, address string) extension.User {
	t.Helper()
	page, err := s.db.Users(t.Context(), s.admin, extension.Filter{Search: address, Limit: 10}, s.now)
	if err != nil || len(page.Users) != 1 {
		t.Fatalf("user %s: %v, %v", address, page.Users, err)
	}
	return page.Users[0]
}

// scriptedKratos makes identities, or answers what a test says.
type scriptedKratos struct {
	mutex    sync.Mutex
	down     error
	existing map[string]extension.UserID // address → mark of the identity that is in the way
	refused  map[string]string
	gone     map[string]bool // conflicts once, and is not found
	made     map[string]int
}

func (k *scriptedKratos) CreateIdentities(_ context.Context, asked []extension.NewIdentity) ([]extension.Created, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.down != nil {
		return nil, k.down
	}
	created := make([]extension.Created, len(asked))
	for i, a := range asked {
		_, taken := k.existing[a.Address]
		switch {
		case taken, k.gone[a.Address]:
			delete(k.gone, a.Address)
			created[i].Conflict = true
		case k.refused[a.Address] != "":
			created[i].Refused = k.refused[a.Address]
		default:
			if k.made == nil {
				k.made = map[string]int{}
			}
			k.made[a.Address]++
			created[i].ID = extension.NewID[extension.IdentityID]()
		}
	}
	return created, nil
}

func (k *scriptedKratos) FindByAddress(_ context.Context, address string) (extension.Identity, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	mark, ok := k.existing[address]
	if !ok {
		return extension.Identity{}, extension.ErrNotFound
	}
	return extension.Identity{ID: extension.NewID[extension.IdentityID](), Mark: mark}, nil
}

// scriptedPost accepts every letter, or does what a test says once.
type scriptedPost struct {
	mutex  sync.Mutex
	once   func(chunk extension.Chunk) ([]extension.Receipt, error)
	chunks []extension.Chunk // as they were handed in, refused or not
}

func (p *scriptedPost) Deliver(_ context.Context, chunk extension.Chunk, _ extension.Mark) ([]extension.Receipt, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.chunks = append(p.chunks, chunk)
	if once := p.once; once != nil {
		p.once = nil
		return once(chunk)
	}
	return accepted(chunk), nil
}

func accepted(chunk extension.Chunk) []extension.Receipt {
	receipts := make([]extension.Receipt, len(chunk.Recipients))
	for i, r := range chunk.Recipients {
		receipts[i] = extension.Receipt{Invitation: r.Invitation, MessageID: "message " + string(r.Invitation)}
	}
	return receipts
}
