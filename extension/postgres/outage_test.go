package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/postgres/postgrestest"
)

// An outage needs a server of its own: the others' tests go on meanwhile.
func TestWhileTheServerIsDownEverythingIsTroubleAndThenGoesOnByItself(t *testing.T) {
	t.Parallel()
	own, err := postgrestest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Stop(); err != nil {
			t.Error(err)
		}
	})
	db := own.Open(t)
	b := bundle{db: db, charter: establish(t, db, "north")}.withAdmin()
	user := b.invited(t, "bob@example.com")
	var idle sync.WaitGroup // many connections lie in the pool when the server dies
	for range 8 {
		idle.Go(func() { _ = db.Exec(t.Context(), `SELECT pg_sleep(0.1)`) })
	}
	idle.Wait()
	inside := make(chan error, 1)
	holding, killed := make(chan struct{}), make(chan struct{})
	go func() {
		inside <- db.Exclusive(t.Context(), "identity:1", func(ctx context.Context) error {
			close(holding)
			<-killed
			return db.Ping(ctx)
		})
	}()
	<-holding
	if err := own.Server().Kill(); err != nil {
		t.Fatal(err)
	}
	close(killed)
	if err := <-inside; !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("inside a lock: %v", err)
	}
	for name, call := range map[string]func(ctx context.Context) error{
		"ping":      db.Ping,
		"exclusive": func(ctx context.Context) error { return db.Exclusive(ctx, "identity:1", nothing) },
		"migrate":   func(ctx context.Context) error { _, err := db.MigrateUp(ctx, nothing); return err },
		"status":    func(ctx context.Context) error { _, err := db.Migrations(ctx); return err },
		"members":   func(ctx context.Context) error { _, err := db.Members(ctx, user.Identity); return err },
		"invited":   func(ctx context.Context) error { _, err := db.Invited(ctx, user.Invitation); return err },
		"users": func(ctx context.Context) error {
			_, err := db.Users(ctx, b.admin, extension.Filter{Limit: 1}, noon())
			return err
		},
		"record": func(ctx context.Context) error {
			_, err := db.Record(ctx, user, extension.FactStarted, noon())
			return err
		},
		"pause": func(ctx context.Context) error {
			_, err := db.SetPaused(ctx, b.admin, user.ID, noon(), noon())
			return err
		},
		"place":     func(ctx context.Context) error { return db.Place(ctx, b.admin, b.placement("eve@example.com")) },
		"next turn": func(ctx context.Context) error { _, err := db.NextTurn(ctx, 100, noon()); return err },
		"next due":  func(ctx context.Context) error { _, err := db.NextDue(ctx, 100, noon()); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		var trouble *extension.TroubleError
		if err := call(ctx); !errors.As(err, &trouble) || ctx.Err() != nil {
			t.Errorf("%s while the server is down: %v", name, err)
		}
		cancel()
	}
	if err := own.Server().Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Ping(t.Context()), db.Exclusive(t.Context(), "identity:1", nothing)); err != nil {
		t.Errorf("the first calls after the server is back: %v", err)
	}
	b.record(t, user, extension.FactStarted)
	b.place(t, "eve@example.com")
}

// A restart of the server in its own time ends idle connections: nobody's request may find out.
func TestAfterARestartNoRequestFails(t *testing.T) {
	t.Parallel()
	own, err := postgrestest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Stop() })
	db := own.Open(t)
	for range 3 {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := db.Exec(t.Context(), `SELECT pg_sleep(0.05)`); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := own.Server().Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
