package postgres

import (
	"cmp"
	"context"
	"time"

	"paperplane/extension"
)

// noSession stands for a session that Kratos did not name. It is none of anybody's.
const noSession extension.SessionID = "00000000-0000-0000-0000-000000000000"

// NoteOpening notes that Kratos opens settings for a session; an empty one was not named. An identity without a user here
// is none of ours.
func (db *DB) NoteOpening(ctx context.Context, identity extension.IdentityID, session extension.SessionID) error {
	_, err := db.bun.NewRaw(`
		INSERT INTO settings_openings (identity_id, session_id, opened_at) SELECT d.id, ?, clock_timestamp() FROM identities d WHERE d.id = ?
		ON CONFLICT (identity_id, session_id) DO UPDATE SET opened_at = excluded.opened_at`,
		cmp.Or(session, noSession), identity).Exec(ctx)
	return kind(err)
}

// ForgetOpenings says that settings which are open now are no danger.
func (db *DB) ForgetOpenings(ctx context.Context, identity extension.IdentityID) error {
	_, err := db.bun.NewRaw(`DELETE FROM settings_openings WHERE identity_id = ?`, identity).Exec(ctx)
	return kind(err)
}

// OpenElsewhere lists the settings that other sessions of the identity have opened and that still last, which is
// extension.SettingsLifetime by the database's clock, with what each session was confirmed with.
func (db *DB) OpenElsewhere(ctx context.Context, identity extension.IdentityID, session extension.SessionID) ([]extension.OpenSettings, error) {
	var rows []struct {
		Until  time.Time
		Proofs []string `bun:",array"`
	}
	err := db.bun.NewRaw(`
		SELECT o.opened_at + make_interval(secs => ?0) AS until,
		       ARRAY (SELECT p.kind FROM proofs p WHERE p.session_id = o.session_id AND p.identity_id = o.identity_id ORDER BY p.kind) AS proofs
		  FROM settings_openings o
		 WHERE o.identity_id = ?1 AND o.session_id <> ?2 AND o.opened_at > clock_timestamp() - make_interval(secs => ?0)
		 ORDER BY o.opened_at, o.session_id`,
		extension.SettingsLifetime.Seconds(), identity, cmp.Or(session, noSession)).Scan(ctx, &rows)
	open := make([]extension.OpenSettings, 0, len(rows))
	for _, row := range rows {
		open = append(open, extension.OpenSettings{Until: row.Until, Proofs: kindsOf(row.Proofs)})
	}
	return open, kind(err)
}
