package invite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
	dsn     string
	db      *postgres.DB
	store   invite.Store // of the service; nil for db
	charter extension.Charter
	admin   extension.Actor
	kratos  *scriptedKratos
	post    *scriptedPost
	aligned alignments
	lease   time.Duration
	now     time.Time
}

func setup(t *testing.T) *scene {
	t.Helper()
	dsn := cluster.Migrated(t)
	s := &scene{dsn: dsn, db: cluster.OpenDSN(t, dsn), kratos: &scriptedKratos{}, post: &scriptedPost{}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	s.establish(t, "north")
	s.use(t, "k1")
	return s
}

// beside is another organisation in the same database, with the same Kratos, provider and service.
func (s *scene) beside(t *testing.T) *scene {
	t.Helper()
	other := *s
	other.establish(t, "south")
	return &other
}

func (s *scene) establish(t *testing.T, slug string) {
	t.Helper()
	id := extension.NewID[extension.OrganisationID]()
	s.charter = extension.Charter{
		Organisation: extension.Organisation{
			ID: id, Slug: slug, Name: slug, TwoFactor: extension.TwoFactorOff, LinkLifetime: extension.DefaultLinkLifetime, Language: "en",
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
}

// use makes the service with these link keys, the first for new links.
func (s *scene) use(t *testing.T, keys ...string) {
	t.Helper()
	s.Service = s.replica(t, func() time.Time { return s.now }, keys...)
}

// replica is a service on the same database, with a clock of its own.
func (s *scene) replica(t *testing.T, now func() time.Time, keys ...string) *invite.Service {
	t.Helper()
	made := make([]extension.LinkKey, len(keys))
	for i, id := range keys {
		made[i] = extension.LinkKey{ID: id, Secret: []byte(id + " is a secret of more than 32 bytes")}
	}
	links, err := extension.NewLinks(made)
	if err != nil {
		t.Fatal(err)
	}
	var store invite.Store = s.db
	if s.store != nil {
		store = s.store
	}
	return invite.New(invite.Options{
		Store: store, Identities: s.kratos, Post: s.post, Queue: noQueue{}, Aligner: &s.aligned, Links: links,
		Sender: "Paperplane <invite@example.org>", PublicURL: "https://pages.example.org", Lease: s.lease, Now: now,
	})
}

// exec runs a statement past the verbs.
func (s *scene) exec(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), statement, arguments...); err != nil {
		t.Fatal(err)
	}
}

// count reads a number past the verbs.
func count(t *testing.T, s *scene, query string, arguments ...any) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var n int
	if err := conn.QueryRow(t.Context(), query, arguments...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// work takes turns until there are none now, and joins the troubles on the way.
func work(t *testing.T, service *invite.Service) error {
	t.Helper()
	var troubles error
	for {
		turn, there, err := service.NextTurn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !there {
			return troubles
		}
		troubles = errors.Join(troubles, service.TakeTurn(t.Context(), turn))
	}
}

// finish takes turns until nothing is left, waiting for batches that rest.
func (s *scene) finish(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if err := work(t, s.Service); err != nil {
			t.Fatal(err)
		}
		after, inSight, err := s.NextDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !inSight {
			return
		}
		if time.Now().Add(after).After(deadline) {
			t.Fatalf("the next turn is in %s", after)
		}
		<-time.After(after)
	}
}

// rested ends the rest of every batch.
func (s *scene) rested(t *testing.T) {
	t.Helper()
	s.exec(t, `UPDATE batches SET rests_until = clock_timestamp()`)
}

// trouble is what a part says that is down for a moment.
func trouble() error {
	return &extension.TroubleError{Sentence: "It is down.", After: 200 * time.Millisecond}
}

// alignments notes which identities were to be aligned.
type alignments []extension.IdentityID

func (a *alignments) Align(_ context.Context, id extension.IdentityID) error {
	*a = append(*a, id)
	return nil
}

// noQueue takes no jobs: tests take turns themselves.
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
	ids      map[string]extension.IdentityID // of what was made, by address
	slow     time.Duration                   // that every call takes
	moved    map[extension.IdentityID]string // the corrected address of each identity
	lost     map[extension.IdentityID]bool   // identities that are gone

	registered map[string]bool // addresses whose owners have a password

	unfound map[string]error  // addresses that can't be looked up
	panics  bool              // when one is looked up
	looked  map[string]int    // how often each was
	looking int               // how many are at this moment
	most    int               // and were at most
	meet    func(looking int) // what a look-up does first, if it is set
}

func (k *scriptedKratos) CreateIdentities(_ context.Context, asked []extension.NewIdentity) ([]extension.Created, error) {
	<-time.After(k.slow)
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
				k.made, k.ids = map[string]int{}, map[string]extension.IdentityID{}
			}
			if k.existing == nil {
				k.existing = map[string]extension.UserID{}
			}
			created[i].ID = extension.NewID[extension.IdentityID]()
			k.made[a.Address]++
			k.ids[a.Address], k.existing[a.Address] = created[i].ID, a.User
		}
	}
	return created, nil
}

// Readdress changes addresses, or answers what a test says.
func (k *scriptedKratos) Readdress(_ context.Context, id extension.IdentityID, user extension.UserID, address string) (extension.Created, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.down != nil {
		return extension.Created{}, k.down
	}
	if mark, taken := k.existing[address]; taken && mark != user {
		return extension.Created{Conflict: true}, nil
	}
	if reason := k.refused[address]; reason != "" {
		return extension.Created{Refused: reason}, nil
	}
	if k.moved == nil {
		k.moved = map[extension.IdentityID]string{}
	}
	if k.lost[id] {
		return extension.Created{}, extension.ErrNotFound
	}
	k.moved[id] = address
	return extension.Created{ID: id}, nil
}

func (k *scriptedKratos) FindByAddress(_ context.Context, address string) (extension.Identity, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.panics {
		panic("out of range")
	}
	if k.looked == nil {
		k.looked = map[string]int{}
	}
	k.looked[address]++
	k.looking++
	k.most = max(k.most, k.looking)
	looking := k.looking
	k.mutex.Unlock()
	if k.meet != nil {
		k.meet(looking)
	}
	<-time.After(k.slow)
	k.mutex.Lock()
	k.looking--
	if err := k.unfound[address]; err != nil {
		return extension.Identity{}, err
	}
	mark, ok := k.existing[address]
	if !ok {
		return extension.Identity{}, extension.ErrNotFound
	}
	id, made := k.ids[address]
	if !made {
		id = extension.NewID[extension.IdentityID]()
	}
	return extension.Identity{ID: id, Mark: mark, Registered: k.registered[address]}, nil
}

// scriptedPost accepts every letter as a provider that remembers keys does, or does what a test says.
type scriptedPost struct {
	mutex  sync.Mutex
	once   func(chunk extension.Chunk) ([]extension.Receipt, error)
	down   map[extension.OrganisationID]error                                                // for whose letters
	slow   time.Duration                                                                     // that every call takes
	begin  func(ctx context.Context, invitation extension.InvitationID, mark extension.Mark) // of each message, if it is set
	gate   chan struct{}                                                                     // that every call waits at, if it is set
	chunks []extension.Chunk                                                                 // as they were handed in, refused or not
	known  map[extension.ChunkID]string                                                      // the bytes of every key that was accepted
	boxes  map[string]int                                                                    // accepted messages by address
}

func (p *scriptedPost) Deliver(ctx context.Context, chunk extension.Chunk, mark extension.Mark) ([]extension.Receipt, error) {
	<-time.After(p.slow)
	if p.gate != nil {
		<-p.gate
	}
	if p.begin != nil {
		for _, r := range chunk.Recipients {
			p.begin(ctx, r.Invitation, mark)
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.chunks = append(p.chunks, chunk)
	if err := p.down[chunk.Organisation]; err != nil {
		return nil, err
	}
	if once := p.once; once != nil {
		p.once = nil
		return once(chunk)
	}
	return p.accept(chunk)
}

// accept keeps each key's bytes, and takes none twice.
func (p *scriptedPost) accept(chunk extension.Chunk) ([]extension.Receipt, error) {
	bytes := fmt.Sprintf("%+v", chunk)
	if known, ok := p.known[chunk.ID]; ok {
		if known != bytes {
			return nil, extension.ErrConflict
		}
		return accepted(chunk), nil
	}
	if p.known == nil {
		p.known, p.boxes = map[extension.ChunkID]string{}, map[string]int{}
	}
	p.known[chunk.ID] = bytes
	for _, r := range chunk.Recipients {
		p.boxes[r.Address]++
	}
	return accepted(chunk), nil
}

// Memory is longer than any test.
func (p *scriptedPost) Memory() time.Duration { return 23 * time.Hour }

func accepted(chunk extension.Chunk) []extension.Receipt {
	receipts := make([]extension.Receipt, len(chunk.Recipients))
	for i, r := range chunk.Recipients {
		receipts[i] = extension.Receipt{Invitation: r.Invitation, MessageID: "message " + string(r.Invitation)}
	}
	return receipts
}
