package roster_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"paperplane/extension"
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

// office is an organisation on a real database, with what Kratos tells of whoever is asked about.
type office struct {
	*roster.Policy
	db     *postgres.DB
	admin  extension.Actor
	now    time.Time
	kratos func() (extension.Identity, error)
}

func (o *office) Identity(context.Context, extension.IdentityID) (extension.Identity, error) {
	return o.kratos()
}

func open(t *testing.T) *office {
	t.Helper()
	id := extension.NewID[extension.OrganisationID]()
	o := &office{
		db: cluster.Open(t), admin: extension.System(id, "Ada Admin"), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		kratos: func() (extension.Identity, error) { return extension.Identity{}, nil },
	}
	charter := extension.Charter{
		Organisation: extension.Organisation{
			ID: id, Slug: "north", Name: "North", TwoFactor: extension.TwoFactorOff, Ways: extension.Ways(),
			LinkLifetime: extension.DefaultLinkLifetime, Language: "en",
		},
		Areas: []extension.ServiceArea{{ID: extension.NewID[extension.AreaID](), Name: "East"}},
		Roles: []extension.Role{{ID: extension.NewID[extension.RoleID](), Name: "Administrator", Right: extension.RightAdministrator}},
		Terms: extension.NewTerms(id, "en", "Terms", "Be kind."),
	}
	if err := o.db.Establish(t.Context(), o.admin, charter, o.now); err != nil {
		t.Fatal(err)
	}
	o.Policy = roster.NewPolicy(o.db, o, func() time.Time { return o.now })
	o.invite(t, charter)
	return o
}

// invite makes Anna and Emil users with identities; Anna is Active.
func (o *office) invite(t *testing.T, charter extension.Charter) {
	t.Helper()
	placement := extension.Placement{Batch: extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: o.admin.Organisation, Kind: extension.BatchInvite,
		Area: charter.Areas[0], Role: charter.Roles[0], Inviter: "Ada Admin", Pressed: o.now,
	}, Recognised: 2}
	for _, address := range []string{"anna@example.com", "emil@example.com"} {
		placement.Entries = append(placement.Entries, extension.Entry{Text: address, Address: address, Key: address, Outcome: extension.OutcomeQueued})
	}
	if err := o.db.Place(t.Context(), o.admin, placement); err != nil {
		t.Fatal(err)
	}
	work, err := o.db.LeaseWork(t.Context(), placement.Batch.ID, 10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var settled []extension.Settled
	for _, w := range work {
		settled = append(settled, extension.Settled{Work: w, Identity: extension.NewID[extension.IdentityID]()})
	}
	if err := o.db.SettleWork(t.Context(), settled, o.now); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.Record(t.Context(), o.user(t, "anna@example.com"), extension.FactActivated, o.now); err != nil {
		t.Fatal(err)
	}
}

func (o *office) user(t *testing.T, address string) extension.User {
	t.Helper()
	page, err := o.db.Users(t.Context(), o.admin, extension.Filter{Search: address, Limit: 10}, o.now)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Users) != 1 {
		t.Fatalf("%d users are %s", len(page.Users), address)
	}
	return page.Users[0]
}

// inviter acts in the only area, and administrates nothing.
func (o *office) inviter() extension.Actor {
	return extension.Actor{User: extension.NewID[extension.UserID](), Organisation: o.admin.Organisation, Name: "Ines", Right: extension.RightInviter}
}
