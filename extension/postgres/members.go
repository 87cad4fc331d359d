package postgres

import (
	"context"
	"time"

	"paperplane/extension"
)

// memberColumns reads a user with its organisation, the current terms without their text, which is long and read at every
// request, and who invited it last.
func memberColumns() string {
	return userColumns() + `,
	` + organisationColumns + `,
	coalesce(b.actor_name, '') AS inviter,
	t.id AS terms_id, coalesce(t.version, 0) AS terms_version, coalesce(t.title, '') AS terms_title,
	coalesce(t.sha256, '') AS terms_sha256, coalesce(t.language, '') AS terms_language,
	coalesce(t.grace, 0) AS terms_grace, t.published_at AS terms_published_at`
}

// memberJoins joins what memberColumns reads to users u. Of the current terms' languages it takes the organisation's own.
const memberJoins = userJoins + `
	JOIN organisations o ON o.id = u.organisation_id
	LEFT JOIN batches b ON b.id = i.batch_id
	LEFT JOIN LATERAL (SELECT v.id, v.version, v.title, v.sha256, v.language, v.grace, v.published_at FROM terms v WHERE v.organisation_id = o.id
	           ORDER BY v.version DESC, v.language <> o.language, v.language LIMIT 1) t ON true `

type memberRow struct {
	userRow
	organisationRow
	Inviter          string
	TermsID          *extension.TermsID
	TermsVersion     int
	TermsTitle       string
	TermsSHA256      string `bun:"terms_sha256"`
	TermsLanguage    string
	TermsGrace       int64
	TermsPublishedAt *time.Time
}

func (r memberRow) member() (extension.Member, error) {
	user, err := r.user()
	if err != nil {
		return extension.Member{}, err
	}
	m := extension.Member{
		User: user, Inviter: r.Inviter,
		Organisation: r.organisation(r.OrganisationID),
	}
	if r.TermsID != nil {
		m.Terms = extension.Terms{
			ID: *r.TermsID, Organisation: r.OrganisationID, Version: r.TermsVersion, Title: r.TermsTitle,
			SHA256: r.TermsSHA256, Language: r.TermsLanguage, Grace: time.Duration(r.TermsGrace) * time.Second, Published: fromNull(r.TermsPublishedAt),
		}
	}
	return m, nil
}

// Members lists the users of an identity with their organisations, by the organisations' names, without the text of the
// terms. Somebody whose only invitation there was cancelled before it was sent is no member.
func (db *DB) Members(ctx context.Context, identity extension.IdentityID) ([]extension.Member, error) {
	var rows []memberRow
	err := db.bun.NewRaw("SELECT "+memberColumns()+" FROM users u "+memberJoins+"WHERE u.identity_id = ? AND u.withdrawn_at IS NULL ORDER BY o.name, o.id",
		append(allAreas(), identity)...).Scan(ctx, &rows)
	if err != nil {
		return nil, kind(err)
	}
	members := make([]extension.Member, len(rows))
	for i, row := range rows {
		if members[i], err = row.member(); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// Invited reads an invitation with all that decides what its link may do, without the text of the terms. Where it leads to
// is what the user has now: since the letter was written they may have been moved.
func (db *DB) Invited(ctx context.Context, id extension.InvitationID) (extension.Invited, error) {
	var row struct {
		memberRow
		Revoked     bool
		WasRefused  bool
		LinkExpires *time.Time
		LinkInviter string
		Areas       string
		Roles       string
	}
	err := db.bun.NewRaw("SELECT "+memberColumns()+`,
			l.revoked_at IS NOT NULL AS revoked, l.refused_at IS NOT NULL AND l.refused <> 'unknown' AS was_refused,
			l.expires_at AS link_expires, lb.actor_name AS link_inviter, p.areas, p.roles
		FROM invitations l JOIN batches lb ON lb.id = l.batch_id
		JOIN users u ON u.id = l.user_id
		`+memberJoins+places+`
		WHERE l.id = ?`, append(allAreas(), id)...).Scan(ctx, &row)
	if err != nil {
		return extension.Invited{}, kind(err)
	}
	member, err := row.member()
	if err != nil {
		return extension.Invited{}, err
	}
	member.Inviter = row.LinkInviter
	return extension.Invited{
		Invitation: id, Revoked: row.Revoked, Refused: row.WasRefused, Expires: fromNull(row.LinkExpires),
		Area: row.Areas, Role: row.Roles, Member: member,
	}, nil
}

// CurrentTerms tells whether these terms are the current version of an organisation in which the identity has a user
// who is not paused.
func (db *DB) CurrentTerms(ctx context.Context, identity extension.IdentityID, terms extension.TermsID) (bool, error) {
	var current bool
	err := db.bun.NewRaw(`
		SELECT EXISTS (
			SELECT 1 FROM users u JOIN terms t ON t.organisation_id = u.organisation_id
			 WHERE u.identity_id = ? AND u.paused_at IS NULL AND t.id = ?
			   AND t.version = `+currentVersion+`)`,
		identity, terms).Scan(ctx, &current)
	return current, kind(err)
}
