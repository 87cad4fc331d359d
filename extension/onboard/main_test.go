package onboard_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/postgres"
	"paperplane/extension/postgres/postgrestest"
	"paperplane/extension/roster"
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

// scene is an invited user on a real database, with a Kratos that can be stopped between any two calls. The real one is
// met in cmd/paperplane; here it is about moments that it cannot be brought into at will.
type scene struct {
	*onboard.Service
	db     *postgres.DB
	dsn    string
	kratos *steppedKratos
	links  extension.Links
	admin  extension.Actor
	terms  extension.Terms
	now    time.Time
}

const address = "bob@example.com"

func setup(t *testing.T) *scene {
	t.Helper()
	dsn := cluster.Migrated(t)
	s := &scene{db: cluster.OpenDSN(t, dsn), dsn: dsn, kratos: &steppedKratos{}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return s.now }
	id := extension.NewID[extension.OrganisationID]()
	s.admin, s.terms = extension.System(id, "Ada Admin"), extension.NewTerms(id, "en", "Terms", "Be kind.")
	charter := extension.Charter{
		Organisation: extension.Organisation{
			ID: id, Slug: "north", Name: "North", TwoFactor: extension.TwoFactorOff, LinkLifetime: extension.DefaultLinkLifetime, Language: "en",
		},
		Areas: []extension.ServiceArea{{ID: extension.NewID[extension.AreaID](), Name: "East"}},
		Roles: []extension.Role{{ID: extension.NewID[extension.RoleID](), Name: "Administrator", Right: extension.RightAdministrator}},
		Terms: s.terms,
	}
	if err := s.db.Establish(t.Context(), s.admin, charter, s.now); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.links, err = extension.NewLinks([]extension.LinkKey{{ID: "k1", Secret: []byte("a secret of more than thirty-two bytes")}}); err != nil {
		t.Fatal(err)
	}
	s.invite(t, charter)
	s.Service = onboard.New(onboard.Options{
		Store: s.db, Identities: s.kratos, Aligner: roster.New(s.db, s.kratos, clock), Links: s.links, Now: clock,
		Mobiles: func(number, _ string) (string, error) { return number, nil },
	})
	return s
}

// invite brings one user to the point where the letter is sent.
func (s *scene) invite(t *testing.T, charter extension.Charter) {
	t.Helper()
	batch := extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: charter.Organisation.ID, Kind: extension.BatchInvite,
		Area: charter.Areas[0], Role: charter.Roles[0], Inviter: "Ada Admin", Pressed: s.now,
	}
	placement := extension.Placement{Batch: batch, Recognised: 1, Entries: []extension.Entry{
		{Text: address, Address: address, Key: address, Outcome: extension.OutcomeQueued},
	}}
	if err := s.db.Place(t.Context(), s.admin, placement); err != nil {
		t.Fatal(err)
	}
	s.deliver(t, batch.ID)
}

// deliver provisions and sends what a batch has.
func (s *scene) deliver(t *testing.T, batch extension.BatchID) {
	t.Helper()
	work, err := s.db.LeaseWork(t.Context(), batch, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range work {
		s.kratos.identity = extension.Identity{ID: extension.NewID[extension.IdentityID](), Mark: w.User, Traits: extension.Traits{Email: address}}
		if err := s.db.SettleWork(t.Context(), []extension.Settled{{Work: w, Identity: s.kratos.identity.ID}}, s.now); err != nil {
			t.Fatal(err)
		}
	}
	chunk, err := s.db.ClaimChunk(t.Context(), batch, extension.Claim{Most: 1, KeyID: "k1", Now: s.now, Lease: time.Minute, Memory: time.Hour})
	if err != nil || chunk == nil {
		t.Fatal(chunk, err)
	}
	receipt := extension.Receipt{Invitation: chunk.Recipients[0].Invitation, MessageID: string(chunk.ID)}
	if err := s.db.SettleChunk(t.Context(), *chunk, []extension.Receipt{receipt}, s.now); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) user(t *testing.T) extension.User {
	t.Helper()
	page, err := s.db.Users(t.Context(), s.admin, extension.Filter{Search: address, Limit: 1}, s.now)
	if err != nil || len(page.Users) != 1 {
		t.Fatal(page, err)
	}
	return page.Users[0]
}

func (s *scene) token(t *testing.T) string {
	t.Helper()
	token, err := s.links.Token("k1", s.user(t).Invitation)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (s *scene) session() extension.Session {
	return extension.Session{Identity: s.kratos.identity.ID, Email: address, AAL: extension.AAL1}
}

// unask lets more than a minute pass by the database's clock since identities were asked about.
func (s *scene) unask(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "UPDATE identities SET checked_at = checked_at - interval '2 minutes'"); err != nil {
		t.Fatal(err)
	}
}

// steppedKratos holds one identity. before is called before each call is obeyed, with its name; an error stops it there.
type steppedKratos struct {
	mutex     sync.Mutex
	identity  extension.Identity
	deleted   bool
	sessions  int
	published []extension.Membership
	before    func(call string) error
}

func (k *steppedKratos) call(name string, id extension.IdentityID, obey func()) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.before != nil {
		if err := k.before(name); err != nil {
			return err
		}
	}
	if k.deleted || id != k.identity.ID {
		return extension.ErrNotFound
	}
	obey()
	return nil
}

func (k *steppedKratos) Identity(_ context.Context, id extension.IdentityID) (identity extension.Identity, err error) {
	err = k.call("identity", id, func() { identity = k.identity })
	return identity, err
}

func (k *steppedKratos) Enable(_ context.Context, id extension.IdentityID, _ string) error {
	return k.call("enable", id, func() { k.identity.Active = true })
}

func (k *steppedKratos) Disable(_ context.Context, id extension.IdentityID) error {
	return k.call("disable", id, func() { k.identity.Active = false })
}

func (k *steppedKratos) EndSessions(_ context.Context, id extension.IdentityID) error {
	return k.call("end sessions", id, func() { k.sessions = 0 })
}

func (k *steppedKratos) Admit(_ context.Context, id extension.IdentityID, _ extension.Browser) (extension.Reply, error) {
	err := k.call("admit", id, func() { k.sessions++ })
	return extension.Reply{SetCookies: []string{"ory_kratos_session=1"}}, err
}

func (k *steppedKratos) Publish(_ context.Context, id extension.IdentityID, memberships []extension.Membership) (bool, error) {
	return true, k.call("publish", id, func() { k.published = memberships })
}
