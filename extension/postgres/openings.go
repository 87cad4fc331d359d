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

// OpenElsewhere tells until when settings last that another session of the identity has opened, one that was confirmed
// with none of the identity's factors; zero when there are none. Settings last extension.SettingsLifetime, by the database's clock.
func (db *DB) OpenElsewhere(ctx context.Context, identity extension.IdentityID, session extension.SessionID) (time.Time, error) {
	var until *time.Time
	err := db.bun.NewRaw(`
		SELECT max(o.opened_at) + make_interval(secs => ?) FROM settings_openings o
		 WHERE o.identity_id = ? AND o.session_id <> ? AND o.opened_at > clock_timestamp() - make_interval(secs => ?)
		   AND NOT EXISTS (SELECT 1 FROM proofs p
		                     JOIN factors f ON f.identity_id = p.identity_id AND (f.kind = p.kind OR p.kind = 'lookup_secret')
		                    WHERE p.session_id = o.session_id AND p.identity_id = o.identity_id)`,
		extension.SettingsLifetime.Seconds(), identity, cmp.Or(session, noSession), extension.SettingsLifetime.Seconds()).Scan(ctx, &until)
	return fromNull(until), kind(err)
}
