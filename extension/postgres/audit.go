package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// audit writes one row of the audit. It runs in the transaction of the change it tells of, if there is one (see Note).
func audit(ctx context.Context, tx bun.IDB, a extension.Audit) error {
	_, err := tx.NewRaw(`
		INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		a.At.UTC(), a.Organisation, nullID(a.ActorUser), a.Actor, string(a.Action), nullID(a.User), a.Detail).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write audit: %w", err)
	}
	return nil
}

// Note writes an audit row of something that was done elsewhere, in Kratos, so that there is no transaction of ours to
// write it in.
func (db *DB) Note(ctx context.Context, entry extension.Audit) error {
	return kind(audit(ctx, db.bun, entry))
}

// Deeds lists audit rows of these actions about a user, the newest first.
func (db *DB) Deeds(
	ctx context.Context, organisation extension.OrganisationID, user extension.UserID, actions []extension.Action, most int,
) ([]extension.Audit, error) {
	var rows []struct {
		At          time.Time
		ActorUserID *extension.UserID
		ActorName   string
		Action      extension.Action
		Detail      string
	}
	err := db.bun.NewRaw(`
		SELECT at, actor_user_id, actor_name, action, detail FROM audit
		 WHERE organisation_id = ? AND user_id = ? AND action = ANY (?::text[]) ORDER BY id DESC LIMIT ?`,
		organisation, user, array(actions), most).Scan(ctx, &rows)
	if err != nil {
		return nil, kind(err)
	}
	deeds := make([]extension.Audit, len(rows))
	for i, r := range rows {
		deeds[i] = extension.Audit{At: r.At.UTC(), Organisation: organisation, Actor: r.ActorName, Action: r.Action, User: user, Detail: r.Detail}
		if r.ActorUserID != nil {
			deeds[i].ActorUser = *r.ActorUserID
		}
	}
	return deeds, nil
}

// by fills an audit row with who acts.
func by(actor extension.Actor, action extension.Action, at time.Time) extension.Audit {
	return extension.Audit{At: at, Organisation: actor.Organisation, Actor: actor.Name, ActorUser: actor.User, Action: action}
}

// of fills an audit row about something that a user did, or that Kratos reported of a user.
func of(user extension.User, action extension.Action, at time.Time) extension.Audit {
	return extension.Audit{At: at, Organisation: user.Organisation, Actor: user.Name(), ActorUser: user.ID, Action: action, User: user.ID}
}
