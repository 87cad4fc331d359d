package invite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
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
			ID: id, Slug: slug, Name: slug, TwoFactor: extension.TwoFactorOff, Ways: extension.Ways(), LinkLifetime: extension.DefaultLinkLifetime, Language: "en",
		},
		Areas: []extension.ServiceArea{{ID: extension.NewID[extension.AreaID](), Name: "East"}, {ID: extension.NewID[extension.AreaID](), Name: "West"}},
		Roles: []extension.Role{
			{ID: extension.NewID[extension.RoleID](), Name: "Administrator", Right: extension.RightAdministrator},
			{ID: extension.NewID[extension.RoleID](), Name: "Nurse", Right: extension.RightNone},
		},
		Terms: extension.NewTerms(id, "en", "Terms", "Be kind."),
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
