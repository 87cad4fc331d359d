package onboard_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/extension/mobile"
	"paperplane/extension/onboard"
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
	db      *database
	dsn     string
	kratos  *steppedKratos
	door    *door
	letters *letters
	links   extension.Links
	admin   extension.Actor
	charter extension.Charter
	terms   extension.Terms
	now     time.Time
}

const address = "bob@example.com"

// plan is how a scene differs from a pre-created identity in an organisation without a second factor.
type plan struct {
	twoFactor extension.TwoFactor
	ways      []extension.Factor
	account   *extension.Identity // that the address has already
}

func setup(t *testing.T) *scene {
	t.Helper()
	return setupAs(t, plan{})
}

func setupAs(t *testing.T, p plan) *scene {
	t.Helper()
	dsn := cluster.Migrated(t)
	s := &scene{
		db: &database{DB: cluster.OpenDSN(t, dsn)}, dsn: dsn, kratos: &steppedKratos{}, letters: &letters{},
		now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
	if p.account != nil {
		s.kratos.identity = *p.account
	}
	var err error
	if s.links, err = extension.NewLinks([]extension.LinkKey{{ID: "k1", Secret: []byte("a secret of more than thirty-two bytes")}}); err != nil {
		t.Fatal(err)
	}
	s.admin, s.charter = s.establish(t, "north", p)
	s.terms = s.charter.Terms
	s.invite(t, s.charter)
	s.door = &door{kratos: s.kratos, db: s.db, now: s.clock, code: "123456"}
	s.Service = s.with(s.door)
	s.door.verb = s.Service
	return s
}

// establish makes an organisation and gives its administrator.
func (s *scene) establish(t *testing.T, slug string, p plan) (extension.Actor, extension.Charter) {
	t.Helper()
	id := extension.NewID[extension.OrganisationID]()
	admin := extension.System(id, "Ada Admin")
	charter := extension.Charter{
		Organisation: extension.Organisation{
			ID: id, Slug: slug, Name: "The " + slug, TwoFactor: cmp.Or(p.twoFactor, extension.TwoFactorOff), Ways: p.ways,
			LinkLifetime: extension.DefaultLinkLifetime, Language: "en",
		},
		Areas: []extension.ServiceArea{{ID: extension.NewID[extension.AreaID](), Name: "East"}},
		Roles: []extension.Role{{ID: extension.NewID[extension.RoleID](), Name: "Administrator", Right: extension.RightAdministrator}},
		Terms: extension.NewTerms(id, "en", "Terms", "Be kind in the "+slug+"."),
	}
	if len(charter.Organisation.Ways) == 0 {
		charter.Organisation.Ways = extension.Ways()
	}
	if err := s.db.Establish(t.Context(), admin, charter, s.now); err != nil {
		t.Fatal(err)
	}
	return admin, charter
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
	if err := s.db.Place(t.Context(), extension.System(charter.Organisation.ID, "Ada Admin"), placement); err != nil {
		t.Fatal(err)
	}
	s.deliver(t, batch.ID)
}

// deliver provisions and sends what a batch has: to the account that the address has, or to one that is made for it.
func (s *scene) deliver(t *testing.T, batch extension.BatchID) {
	t.Helper()
	work, err := s.db.LeaseWork(t.Context(), batch, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range work {
		linked := s.kratos.identity.ID != ""
		if !linked {
			s.kratos.identity = extension.Identity{
				ID: extension.NewID[extension.IdentityID](), Mark: w.User, Traits: extension.Traits{Email: address}, Member: true,
			}
		}
		settled := extension.Settled{Work: w, Identity: s.kratos.identity.ID, Linked: linked}
		if err := s.db.SettleWork(t.Context(), []extension.Settled{settled}, s.now); err != nil {
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
	return s.userOf(t, s.admin)
}

func (s *scene) userOf(t *testing.T, admin extension.Actor) extension.User {
	t.Helper()
	page, err := s.db.Users(t.Context(), admin, extension.Filter{Search: address, Limit: 1}, s.now)
	if err != nil || len(page.Users) != 1 {
		t.Fatal(page, err)
	}
	return page.Users[0]
}

func (s *scene) token(t *testing.T) string {
	t.Helper()
	return s.tokenOf(t, s.user(t))
}

func (s *scene) tokenOf(t *testing.T, user extension.User) string {
	t.Helper()
	token, err := s.links.Token("k1", user.Invitation)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// session is a session of the invitee's identity, always the same until signsIn.
func (s *scene) session() extension.Session {
	if s.kratos.session == "" {
		s.signsIn()
	}
	return extension.Session{ID: s.kratos.session, Identity: s.kratos.identity.ID, Email: address, AAL: extension.AAL1}
}

// signsIn makes it another session.
func (s *scene) signsIn() { s.kratos.session = extension.NewID[extension.SessionID]() }

// start presses Start without a session.
func (s *scene) start(t *testing.T) (extension.Reply, error) {
	t.Helper()
	return s.Start(t.Context(), s.token(t), extension.Session{}, extension.Browser{})
}

// started brings the invitee to the registration form.
func (s *scene) started(t *testing.T) {
	t.Helper()
	if _, err := s.start(t); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) next(t *testing.T) extension.Step {
	t.Helper()
	return s.place(t, onboard.Wish{}).Step
}

func (s *scene) place(t *testing.T, wish onboard.Wish) onboard.Place {
	t.Helper()
	place, err := s.Next(t.Context(), s.session(), wish)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

func (s *scene) clock() time.Time { return s.now }

// with is the verb with another Kratos for the invitee's browser, and real mobile numbers.
func (s *scene) with(settings onboard.Settings) *onboard.Service {
	return onboard.New(onboard.Options{
		Store: s.db, Identities: s.kratos, Settings: settings, SecondStep: s.door, Mobiles: mobile.Normalise, Links: s.links,
		Aligner: roster.New(s.db, s.kratos, s.clock), Inviter: s.letters, Post: s.letters, Now: s.clock, Direct: true,
		SettingsURL: "https://example.com/settings",
	})
}

// execute changes the database as nothing of the program does.
func (s *scene) execute(t *testing.T, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// read reads one value that the verb does not tell.
func (s *scene) read(t *testing.T, value any, query string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if err := conn.QueryRow(t.Context(), query).Scan(value); err != nil {
		t.Fatal(err)
	}
}

// unask lets more than a minute pass by the database's clock since identities were asked about.
func (s *scene) unask(t *testing.T) {
	t.Helper()
	s.execute(t, "UPDATE identities SET checked_at = checked_at - interval '2 minutes'")
}
