package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"paperplane/extension"
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

// noon is when things happen in tests.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// bundle is one organisation in a database of its own.
type bundle struct {
	db      *postgres.DB
	charter extension.Charter
	admin   extension.Actor
}

func setup(t *testing.T) bundle {
	t.Helper()
	db := cluster.Open(t)
	return bundle{db: db, charter: establish(t, db, "north"), admin: extension.Actor{}}.withAdmin()
}

func (b bundle) withAdmin() bundle {
	b.admin = extension.System(b.charter.Organisation.ID, "Ada Admin")
	return b
}

func newCharter(slug string) extension.Charter {
	id := extension.NewID[extension.OrganisationID]()
	return extension.Charter{
		Organisation: extension.Organisation{
			ID: id, Slug: slug, Name: "Organisation " + slug, TwoFactor: extension.TwoFactorOff,
			LinkLifetime: extension.DefaultLinkLifetime, Language: "en", Ways: extension.Ways(),
			Sending: extension.Sending{StopLoss: extension.StopLoss{Percent: 3, After: 50}}, // the schema's defaults
		},
		Areas: []extension.ServiceArea{
			{ID: extension.NewID[extension.AreaID](), Name: "East"},
			{ID: extension.NewID[extension.AreaID](), Name: "West"},
		},
		Roles: []extension.Role{
			{ID: extension.NewID[extension.RoleID](), Name: "Administrator", Right: extension.RightAdministrator},
			{ID: extension.NewID[extension.RoleID](), Name: "Nurse", Right: extension.RightNone},
		},
		Terms: extension.NewTerms(id, "en", "Terms", "Be kind."),
	}
}

func establish(t *testing.T, db *postgres.DB, slug string) extension.Charter {
	t.Helper()
	charter := newCharter(slug)
	if err := db.Establish(t.Context(), extension.System(charter.Organisation.ID, "test"), charter, noon()); err != nil {
		t.Fatal(err)
	}
	return charter
}

// placement is a batch of these addresses to the first area as the second role.
func (b bundle) placement(addresses ...string) extension.Placement {
	p := extension.Placement{
		Batch: extension.Batch{
			ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchInvite,
			Area: b.charter.Areas[0], Role: b.charter.Roles[1], Inviter: "Ada Admin", Pressed: noon(),
		},
		Recognised: len(addresses),
	}
	for _, a := range addresses {
		p.Entries = append(p.Entries, extension.Entry{Text: a, Address: a, Key: a, Outcome: extension.OutcomeQueued})
	}
	return p
}

func (b bundle) place(t *testing.T, addresses ...string) extension.BatchID {
	t.Helper()
	p := b.placement(addresses...)
	if err := b.db.Place(t.Context(), b.admin, p); err != nil {
		t.Fatal(err)
	}
	return p.Batch.ID
}

// provision gives every user of a batch an identity.
func (b bundle) provision(t *testing.T, batch extension.BatchID) {
	t.Helper()
	b.provisionSome(t, batch, 1000)
}

// provisionSome gives up to most users of a batch an identity.
func (b bundle) provisionSome(t *testing.T, batch extension.BatchID, most int) {
	t.Helper()
	work, err := b.db.LeaseWork(t.Context(), batch, most, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	settled := make([]extension.Settled, len(work))
	for i, w := range work {
		settled[i] = extension.Settled{Work: w, Identity: extension.NewID[extension.IdentityID]()}
	}
	if err := b.db.SettleWork(t.Context(), settled, noon()); err != nil {
		t.Fatal(err)
	}
}

func claim() extension.Claim {
	return extension.Claim{
		Most: 100, KeyID: "k1", Sender: "Paperplane <invite@example.org>", PublicURL: "http://127.0.0.1:4455",
		Now: noon(), Lease: time.Minute, Memory: 23 * time.Hour,
	}
}

// send provisions and sends everything of a batch.
func (b bundle) send(t *testing.T, batch extension.BatchID) {
	t.Helper()
	b.provision(t, batch)
	for {
		chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
		if err != nil {
			t.Fatal(err)
		}
		if chunk == nil {
			return
		}
		var receipts []extension.Receipt
		for _, r := range chunk.Recipients {
			receipts = append(receipts, extension.Receipt{Invitation: r.Invitation, MessageID: "m-" + string(r.Invitation)})
		}
		if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon()); err != nil {
			t.Fatal(err)
		}
	}
}

// user finds one user by address.
func (b bundle) user(t *testing.T, address string) extension.User {
	t.Helper()
	page, err := b.db.Users(t.Context(), b.admin, extension.Filter{Search: address, Limit: 100}, noon())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range page.Users {
		if u.Address == address {
			return u
		}
	}
	t.Fatalf("no user %s", address)
	return extension.User{}
}
