package postgres

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// Known tells what would become of addresses that the actor's organisation knows, by their keys, if they were invited at
// this moment, and how many of those whose invitation has Expired can be invited again. Addresses that would be queued,
// as new ones are, are left out. Nothing is written or locked.
func (db *DB) Known(ctx context.Context, actor extension.Actor, keys []string, at time.Time) (map[string]extension.Outcome, int, error) {
	var rows []knownUser
	if err := knownUsers(db.bun, actor, keys, nil, at).Scan(ctx, &rows); err != nil {
		return nil, 0, fmt.Errorf("find known users: %w", kind(err))
	}
	outcomes, renewable := make(map[string]extension.Outcome, len(rows)), 0
	for _, row := range rows {
		outcome := row.outcome(false)
		if outcome != extension.OutcomeQueued {
			outcomes[row.Key] = outcome
		}
		if outcome == extension.OutcomeAlreadyExpired && row.outcome(true) == extension.OutcomeQueued {
			renewable++
		}
	}
	return outcomes, renewable, nil
}
