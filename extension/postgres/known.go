package postgres

import (
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// knownUser is a user whom the organisation has for a pasted address.
type knownUser struct {
	ID         extension.UserID
	Key        string
	Invitation *extension.InvitationID // the newest one
	Status     extension.Status
	Refused    extension.Refusal // of the newest invitation
	Sent       bool              // some invitation was
	Withdrawn  bool              // the only invitation was cancelled before it was sent
	Suppressed bool              // an earlier message bounced or was complained about
	Hidden     bool              // has areas that the actor does not act in, and so must not lose them
	Unseen     bool              // has no area that the actor acts in, and so must not be changed at all
}

// outcome is what becomes of the address; again says that people whose invitation has Expired are invited again. Of
// somebody whom the actor cannot see, nothing is told but the status that the whole organisation may know of.
func (u knownUser) outcome(again bool) extension.Outcome {
	if u.Withdrawn {
		return extension.OutcomeQueued
	}
	switch u.Status {
	case extension.Active:
		return extension.OutcomeAlreadyMember
	case extension.Inactive:
		return extension.OutcomeInactive
	case extension.Pending, extension.Expired:
	}
	expired := u.Status == extension.Expired
	switch {
	case u.Suppressed && !u.Unseen:
		return extension.OutcomeUndeliverable
	case expired && again && !u.Unseen:
		return extension.OutcomeQueued
	case expired:
		return extension.OutcomeAlreadyExpired
	case u.Refused != "" && u.Refused != extension.RefusedUnknown && !u.Sent && !u.Hidden:
		return extension.OutcomeQueued
	}
	return extension.OutcomeAlreadyPending
}

// keepsPlaces tells whether the user keeps the areas and roles they have when they are invited: whoever was ever sent
// an invitation does, while of one that never went out nothing is left.
func (u knownUser) keepsPlaces() bool { return !u.Withdrawn && u.Status == extension.Expired }

// knownUsers reads the users u of an organisation at address keys, joined as n, without those who were just made for the
// same keys (fresh, or nobody). The sub-selects hide from the planner how many keys there are: it would otherwise read
// the whole organisation for a few thousand of them, and take the longer the larger that is, instead of looking each up
// in the index.
func knownUsers(in bun.IDB, actor extension.Actor, keys []string, fresh []extension.UserID, at time.Time) *bun.SelectQuery {
	areas, bound := actor.AreaBound()
	q := in.NewSelect().TableExpr("unnest((SELECT ?::text[]), (SELECT ?::uuid[])) AS n (key, fresh)", array(keys), array(fresh)).
		Join("JOIN users u ON u.organisation_id = ? AND u.address_key = n.key AND u.id IS DISTINCT FROM n.fresh", actor.Organisation).
		Join("LEFT JOIN invitations i ON i.id = u.invitation_id").
		ColumnExpr("u.id, u.address_key AS key, u.invitation_id AS invitation, u.withdrawn_at IS NOT NULL AS withdrawn, u.suppressed IS NOT NULL AS suppressed").
		ColumnExpr("user_status(u.paused_at, u.activated_at, i.expires_at, ?) AS status, coalesce(i.refused, '') AS refused", at.UTC()).
		ColumnExpr(`i.refused IS NOT NULL AND EXISTS (SELECT 1 FROM invitations p WHERE p.user_id = u.id AND p.sent_at IS NOT NULL) AS sent`)
	if !bound {
		return q
	}
	return q.
		ColumnExpr("EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = u.id AND s.area_id <> ALL (?::uuid[])) AS hidden", array(areas)).
		ColumnExpr("NOT EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = u.id AND s.area_id = ANY (?::uuid[])) AS unseen", array(areas))
}
