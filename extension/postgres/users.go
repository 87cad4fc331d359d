package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// userColumns reads a user with everything its Facts need. Accepted is of the organisation's current terms only. Its two
// arguments say which areas' assignments are read.
func userColumns() string {
	return `
	u.id, u.organisation_id, u.address, u.address_key, u.first_name, u.last_name, u.mobile, u.identity_id, u.invitation_id,
	u.invited_at, u.registered_at, u.activated_at, u.paused_at, coalesce(u.suppressed, '') AS suppressed,
	u.stumbled_at, u.stumbled_step, u.stumbled_on,
	` + letterColumns("n") + `,
	coalesce(n.refused, '') AS not_mailed,
	i.sent_at, i.opened_at, i.expires_at, i.started_at AS begun_at, coalesce(i.refused, '') AS refused,
	(SELECT array_agg(f.kind ORDER BY f.kind) FROM factors f WHERE f.identity_id = u.identity_id) AS factors,
	(SELECT min(f.proven_at) FROM factors f JOIN organisations w ON w.id = u.organisation_id
	  WHERE f.identity_id = u.identity_id AND (f.kind = 'webauthn' OR f.kind = ANY (w.two_factor_ways))) AS secured_at,
	(SELECT min(a.accepted_at) FROM acceptances a JOIN terms t ON t.id = a.terms_id
	  WHERE a.user_id = u.id AND a.confirmed_at IS NOT NULL AND a.disowned_at IS NULL AND t.version = ` + currentVersion + `) AS accepted_at,
	(SELECT max(a.accepted_at) FROM acceptances a JOIN terms t ON t.id = a.terms_id
	  WHERE a.user_id = u.id AND a.confirmed_at IS NOT NULL AND a.disowned_at IS NULL AND t.version < ` + currentVersion + `) AS agreed_at,
	(SELECT max(d.declined_at) FROM declines d JOIN terms t ON t.id = d.terms_id
	  WHERE d.user_id = u.id AND t.version = ` + currentVersion + `) AS declined_at,
	(SELECT json_agg(json_build_object('area', ar.id, 'area_name', ar.name, 'archived', ar.archived_at IS NOT NULL,
	                                   'role', ro.id, 'role_name', ro.name, 'grants', ro.grants) ORDER BY ar.name, ro.name)
	   FROM assignments s JOIN areas ar ON ar.id = s.area_id JOIN roles ro ON ro.id = s.role_id
	  WHERE s.user_id = u.id AND (? OR s.area_id = ANY (?::uuid[]))) AS assignments`
}

// currentVersion is the number of the terms that the organisation of a user u has now.
const currentVersion = `(SELECT max(v.version) FROM terms v WHERE v.organisation_id = u.organisation_id)`

// allAreas are the arguments of userColumns for readers who are not bound to areas.
func allAreas() []any { return []any{true, array([]extension.AreaID{})} }

// areasOf are the arguments of userColumns for an actor: one who is bound to areas sees no assignment in others.
func areasOf(actor extension.Actor) []any {
	areas, bound := actor.AreaBound()
	return []any{!bound, array(areas)}
}

// userJoins joins the newest invitation i and the newest letter n to users u.
const userJoins = ` LEFT JOIN invitations i ON i.id = u.invitation_id LEFT JOIN invitations n ON n.id = u.letter_id `

type userRow struct {
	ID             extension.UserID
	OrganisationID extension.OrganisationID
	Address        string
	AddressKey     string
	FirstName      string
	LastName       string
	Mobile         string
	IdentityID     *extension.IdentityID
	InvitationID   *extension.InvitationID
	InvitedAt      time.Time
	RegisteredAt   *time.Time
	ActivatedAt    *time.Time
	PausedAt       *time.Time
	SentAt         *time.Time
	OpenedAt       *time.Time
	ExpiresAt      *time.Time
	BegunAt        *time.Time
	Refused        extension.Refusal
	Suppressed     extension.Suppression
	StumbledAt     *time.Time
	StumbledStep   extension.Step
	StumbledOn     string
	letterRow
	NotMailed   extension.Refusal
	Factors     []string `bun:",array"`
	SecuredAt   *time.Time
	AcceptedAt  *time.Time
	AgreedAt    *time.Time
	DeclinedAt  *time.Time
	Assignments json.RawMessage
}

type assignmentRow struct {
	Area     extension.AreaID
	AreaName string `json:"area_name"`
	Archived bool
	Role     extension.RoleID
	RoleName string `json:"role_name"`
	Grants   extension.Right
}

func (r userRow) user() (extension.User, error) {
	u := extension.User{
		ID: r.ID, Organisation: r.OrganisationID, Address: r.Address, FirstName: r.FirstName, LastName: r.LastName,
		Mobile: r.Mobile, Refused: r.Refused, Letter: r.letter(), NotMailed: r.NotMailed, Suppressed: r.Suppressed,
		Stumble: extension.Stumble{At: fromNull(r.StumbledAt), Step: r.StumbledStep, Sentence: r.StumbledOn},
		Facts: extension.Facts{
			Invited: r.InvitedAt.UTC(), Sent: fromNull(r.SentAt), Opened: fromNull(r.OpenedAt), Expires: fromNull(r.ExpiresAt),
			Started: fromNull(r.BegunAt), Registered: fromNull(r.RegisteredAt), Secured: fromNull(r.SecuredAt),
			Accepted: fromNull(r.AcceptedAt), Agreed: fromNull(r.AgreedAt), Activated: fromNull(r.ActivatedAt), Paused: fromNull(r.PausedAt),
		},
	}
	u.Factors = kindsOf(r.Factors)
	if u.Facts.Accepted.IsZero() { // whoever accepts in the end has not declined
		u.Declined = fromNull(r.DeclinedAt)
	}
	if r.IdentityID != nil {
		u.Identity = *r.IdentityID
	}
	if r.InvitationID != nil {
		u.Invitation = *r.InvitationID
	}
	var assignments []assignmentRow
	if len(r.Assignments) > 0 {
		if err := json.Unmarshal(r.Assignments, &assignments); err != nil {
			return extension.User{}, fmt.Errorf("read assignments of user %s: %w", r.ID, err)
		}
	}
	for _, a := range assignments {
		u.Assignments = append(u.Assignments, extension.Assignment{
			Area: extension.ServiceArea{ID: a.Area, Name: a.AreaName, Archived: a.Archived},
			Role: extension.Role{ID: a.Role, Name: a.RoleName, Right: a.Grants},
		})
	}
	return u, nil
}

// seen is the user as the organisation's own people see them: of an account that somebody has, and has not begun with here,
// nothing.
func (r userRow) seen() (extension.User, error) {
	u, err := r.user()
	if !u.Facts.Begun() {
		u.Factors, u.Facts.Secured = nil, time.Time{}
	}
	return u, err
}

// visible limits a query over users u to what an actor may see. Somebody whose only invitation was cancelled before it
// was sent was never invited, and is not seen at all.
func visible(q *bun.SelectQuery, actor extension.Actor) *bun.SelectQuery {
	q = q.Where("u.organisation_id = ? AND u.withdrawn_at IS NULL", actor.Organisation)
	if areas, bound := actor.AreaBound(); bound {
		q = q.Where("EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = u.id AND s.area_id = ANY (?::uuid[]))", array(areas))
	}
	return q
}

// User gives one user whom the actor may see.
func (db *DB) User(ctx context.Context, actor extension.Actor, id extension.UserID) (extension.User, error) {
	var row userRow
	q := db.bun.NewSelect().ColumnExpr(userColumns(), areasOf(actor)...).TableExpr("users u").Join(userJoins).Where("u.id = ?", id)
	if err := visible(q, actor).Scan(ctx, &row); err != nil {
		return extension.User{}, kind(err)
	}
	return row.seen()
}

// Users gives one page of the users whom the actor may see, by address.
func (db *DB) Users(ctx context.Context, actor extension.Actor, filter extension.Filter, now time.Time) (extension.UserPage, error) {
	var rows []userRow
	q := db.bun.NewSelect().ColumnExpr(userColumns(), areasOf(actor)...).TableExpr("users u").Join(userJoins).Limit(int64(filter.Limit) + 1)
	q = matching(visible(q, actor), filter, now)
	if err := keyset(q, filter.Cursor).Scan(ctx, &rows); err != nil {
		return extension.UserPage{}, kind(err)
	}
	return userPage(rows, filter)
}

// matching limits a query over users u, joined by userJoins, to those whom a filter chooses: by a part of the name or the
// address, the status and the state of the newest letter. The cursor and the limit are not looked at.
func matching(q *bun.SelectQuery, filter extension.Filter, now time.Time) *bun.SelectQuery {
	if filter.Search != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(filter.Search)) + "%"
		q = q.Where("(u.address_key LIKE ? OR lower(u.first_name || ' ' || u.last_name) LIKE ?)", pattern, pattern)
	}
	if filter.Status != "" {
		q = q.Where("user_status(u.paused_at, u.activated_at, i.expires_at, ?) = ?", now.UTC(), string(filter.Status))
	}
	if filter.Letter != "" {
		q = q.Where(letterState+" = ?", string(filter.Letter))
	}
	return q
}

func keyset(q *bun.SelectQuery, cursor extension.Cursor) *bun.SelectQuery {
	switch {
	case cursor.Key == "":
		return q.OrderExpr("u.address_key, u.id")
	case cursor.Before:
		return q.Where("(u.address_key, u.id) < (?, ?)", cursor.Key, cursor.User).OrderExpr("u.address_key DESC, u.id DESC")
	default:
		return q.Where("(u.address_key, u.id) > (?, ?)", cursor.Key, cursor.User).OrderExpr("u.address_key, u.id")
	}
}

// userPage cuts the row that only tells that there is more, and finds the cursors.
func userPage(rows []userRow, filter extension.Filter) (extension.UserPage, error) {
	more := len(rows) > filter.Limit
	rows = rows[:min(len(rows), filter.Limit)]
	if filter.Cursor.Before {
		slices.Reverse(rows)
	}
	var page extension.UserPage
	for _, row := range rows {
		user, err := row.seen()
		if err != nil {
			return extension.UserPage{}, err
		}
		page.Users = append(page.Users, user)
	}
	if len(rows) == 0 {
		return page, nil
	}
	first, last := rows[0], rows[len(rows)-1]
	if more && filter.Cursor.Before || !filter.Cursor.Before && filter.Cursor.Key != "" {
		page.Prev = &extension.Cursor{Key: first.AddressKey, User: first.ID, Before: true}
	}
	if more && !filter.Cursor.Before || filter.Cursor.Before {
		page.Next = &extension.Cursor{Key: last.AddressKey, User: last.ID}
	}
	return page, nil
}

// letterState is how far the newest letter n has come; nothing for users who were never to be sent any.
const letterState = `CASE WHEN n.id IS NOT NULL
	THEN delivery_state(n.sent_at, n.delayed_at, n.delivered_at, n.bounced_at, n.complained_at, n.refused) ELSE '' END`

// Tally counts the users whom the actor may see by status and by the state of their newest letter.
func (db *DB) Tally(ctx context.Context, actor extension.Actor, search string, now time.Time) (extension.Tallies, error) {
	var tallies extension.Tallies
	q := db.bun.NewSelect().
		ColumnExpr("user_status(u.paused_at, u.activated_at, i.expires_at, ?) AS status", now.UTC()).
		ColumnExpr(letterState + " AS letter").ColumnExpr("count(*) AS users").
		TableExpr("users u").Join(userJoins).GroupExpr("1, 2")
	err := matching(visible(q, actor), extension.Filter{Search: search}, now).Scan(ctx, &tallies)
	return tallies, kind(err)
}
