//go:build unix

package postgres_test

import (
	"sync"
	"testing"
	"time"
)

// TestConnectionsThatPostgreSQLClosedFailNobody closes all pooled connections behind the pool's back, as a restart does.
func TestConnectionsThatPostgreSQLClosedFailNobody(t *testing.T) {
	t.Parallel()
	db := cluster.Open(t)
	atOnce := func(statement string) {
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if err := db.Exec(t.Context(), statement); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	atOnce(`SELECT pg_sleep(0.2)`) // five connections
	if err := db.Exclusive(t.Context(), "a name", nothing); err != nil {
		t.Fatal(err)
	}
	const others = `FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
	if err := db.Exec(t.Context(), `SELECT pg_terminate_backend(pid) `+others); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for left := 1; left > 0; <-tick.C {
		if err := db.Read(t.Context(), &left, `SELECT count(*) `+others); err != nil {
			t.Fatal(err)
		}
	}
	atOnce(`SELECT 1`)
	if err := db.Exclusive(t.Context(), "a name", nothing); err != nil {
		t.Error(err)
	}
}
