package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/driver/pgdriver"

	"paperplane/extension"
)

// Entry reads everything that decides whether a session may enter the organisation with this slug now, and who enters: the
// identity's user there, whether the person has begun elsewhere too, and the kinds of factor that the session was confirmed
// with. It is asked at every request to an application behind the gate, so it is one statement, and what no decision needs is
// left empty: the text of the terms, the newest letter, stumbles, who invited. ErrNotFound says that the identity has no user
// there.
func (db *DB) Entry(
	ctx context.Context, identity extension.IdentityID, session extension.SessionID, slug string,
) (extension.Member, []extension.Factor, error) {
	conn, err := db.bun.Conn(ctx)
	if err != nil {
		return extension.Member{}, nil, kind(err)
	}
	defer func() { _ = conn.Close() }()
	row, err := executeEntry(ctx, conn, identity, session, slug)
	if unprepared(err) {
		if err := prepareEntry(ctx, conn); err != nil {
			return extension.Member{}, nil, fmt.Errorf("prepare statement: %w", kind(err))
		}
		row, err = executeEntry(ctx, conn, identity, session, slug)
	}
	if err != nil {
		return extension.Member{}, nil, kind(err)
	}
	member, err := row.member()
	if err != nil {
		return extension.Member{}, nil, err
	}
	member.User.Elsewhere = row.Elsewhere
	return member, kindsOf(row.Proofs), nil
}

type entryRow struct {
	memberRow
	Proofs    []string `bun:",array"`
	Elsewhere bool
}

// To plan this statement takes PostgreSQL several times as long as to run it, so every connection plans it once (PREPARE)
// and keeps the plan. It is sent as text: pgdriver's own prepared statements leave a connection in the pool whose answer
// came too late, and the next request would read it, which was about somebody else.
func executeEntry(
	ctx context.Context, conn bun.Conn, identity extension.IdentityID, session extension.SessionID, slug string,
) (entryRow, error) {
	var row entryRow
	err := conn.NewRaw(`EXECUTE paperplane_entry (?, ?, ?)`, nullID(identity), nullID(session), slug).Scan(ctx, &row)
	return row, err
}

// unprepared tells whether a connection has no statement of this name yet, or one that was prepared for another schema:
// invalid_sql_statement_name, and feature_not_supported, which is how PostgreSQL says that a plan's result type has changed.
func unprepared(err error) bool {
	pg, ok := errors.AsType[pgdriver.Error](err)
	return ok && (pg.Field('C') == "26000" || pg.Field('C') == "0A000")
}

func prepareEntry(ctx context.Context, conn bun.Conn) error {
	if _, err := conn.NewRaw(`DEALLOCATE ALL`).Exec(ctx); err != nil { // nobody else prepares any
		return err
	}
	_, err := conn.NewRaw(`PREPARE paperplane_entry (uuid, uuid, text) AS ` + entryStatement).Exec(ctx)
	return err
}

// entryStatement finds the user of an identity $1 and, with the proofs of a session $2, reads the rest by keys: the laterals
// give one row each. $3 is the organisation's slug.
const entryStatement = `
	SELECT u.id, u.organisation_id, u.address, u.first_name, u.last_name, u.mobile, u.identity_id, u.invitation_id,
	       u.invited_at, u.registered_at, u.activated_at, u.paused_at, i.sent_at, i.expires_at, i.started_at AS begun_at,
	       f.factors, f.secured_at, a.accepted_at, a.agreed_at, ` + organisationColumns + `,
	       t.id AS terms_id, coalesce(t.version, 0) AS terms_version, coalesce(t.grace, 0) AS terms_grace, t.published_at AS terms_published_at,
	       (SELECT array_agg(p.kind) FROM proofs p WHERE p.session_id = $2) AS proofs,
	       EXISTS (SELECT 1 FROM users e LEFT JOIN invitations ei ON ei.id = e.invitation_id
	                WHERE e.identity_id = $1 AND e.organisation_id <> u.organisation_id AND e.withdrawn_at IS NULL
	                  AND (e.registered_at IS NOT NULL OR ei.started_at IS NOT NULL)) AS elsewhere,
	       (SELECT json_agg(json_build_object('area', ar.id, 'area_name', ar.name, 'archived', ar.archived_at IS NOT NULL,
	                                          'role', ro.id, 'role_name', ro.name, 'grants', ro.grants) ORDER BY ar.name, ro.name)
	          FROM assignments s JOIN areas ar ON ar.id = s.area_id JOIN roles ro ON ro.id = s.role_id WHERE s.user_id = u.id) AS assignments
	  FROM users u
	  JOIN organisations o ON o.id = u.organisation_id
	  LEFT JOIN invitations i ON i.id = u.invitation_id
	  LEFT JOIN LATERAL (
		SELECT v.id, v.version, v.grace, v.published_at FROM terms v
		 WHERE v.organisation_id = o.id ORDER BY v.version DESC LIMIT 1) t ON true
	  LEFT JOIN LATERAL (
		SELECT array_agg(f.kind ORDER BY f.kind) AS factors,
		       min(f.proven_at) FILTER (WHERE f.kind = 'webauthn' OR f.kind = ANY (o.two_factor_ways)) AS secured_at
		  FROM factors f WHERE f.identity_id = u.identity_id) f ON true
	  LEFT JOIN LATERAL (
		SELECT min(a.accepted_at) FILTER (WHERE v.version = t.version) AS accepted_at,
		       max(a.accepted_at) FILTER (WHERE v.version < t.version) AS agreed_at
		  FROM acceptances a JOIN terms v ON v.id = a.terms_id
		 WHERE a.user_id = u.id AND a.confirmed_at IS NOT NULL AND a.disowned_at IS NULL) a ON true
	 WHERE u.identity_id = $1 AND o.slug = $3 AND u.withdrawn_at IS NULL`
