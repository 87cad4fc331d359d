package extension

import "slices"

// Actor is who acts, in which organisation, with which right. It is always an argument, never hidden in a context,
// so that a reader and a test see every decision.
type Actor struct {
	User         UserID
	Organisation OrganisationID
	Name         string   // shown in letters and in the audit
	Right        Right    // the highest right of the actor's roles
	Areas        []AreaID // the areas in which an inviter acts; an administrator acts in all
}

// OperatorName is what the operator is called who acts from the command line. Pages and letters say it in the reader's
// language, and know the operator by it: no user is ever called that (User.Name).
const OperatorName = "The operator of Paperplane"

// System is the actor of jobs, webhooks and the command line within one organisation.
func System(organisation OrganisationID, name string) Actor {
	return Actor{Organisation: organisation, Name: name, Right: RightAdministrator}
}

// ActorOf makes the actor that a user with these assignments is. The right is the highest of the roles; the areas are
// those in which the role gives at least the inviter's right.
func ActorOf(user User) Actor {
	actor := Actor{User: user.ID, Organisation: user.Organisation, Name: user.Name(), Right: RightNone}
	for _, a := range user.Assignments {
		if !actor.Right.Includes(a.Role.Right) {
			actor.Right = a.Role.Right
		}
		if a.Role.Right.Includes(RightInviter) && !slices.Contains(actor.Areas, a.Area.ID) {
			actor.Areas = append(actor.Areas, a.Area.ID)
		}
	}
	return actor
}

// Elevated tells whether the actor sees the administration pages at all.
func (a Actor) Elevated() bool { return a.Right.Includes(RightInviter) }

// Administrates tells whether the actor may change any user of the organisation.
func (a Actor) Administrates() bool { return a.Right == RightAdministrator }

// MayActIn tells whether the actor may invite to, and see, an area.
func (a Actor) MayActIn(area AreaID) bool {
	return a.Administrates() || a.Elevated() && slices.Contains(a.Areas, area)
}

// MayGrant tells whether the actor may give a role: never more right than the actor holds, so that an inviter cannot
// make an administrator (OWASP ASVS 5.0, 8.2: no privilege escalation through assignment).
func (a Actor) MayGrant(role Role) bool { return a.Elevated() && a.Right.Includes(role.Right) }

// Grantable lists the rights that a role may have for the actor to give it: what MayGrant says, for a query.
func (a Actor) Grantable() []Right {
	var rights []Right
	for _, right := range []Right{RightNone, RightInviter, RightAdministrator} {
		if a.MayGrant(Role{Right: right}) {
			rights = append(rights, right)
		}
	}
	return rights
}

// AreaBound returns the areas that queries must be limited to, and whether they must be limited at all.
func (a Actor) AreaBound() ([]AreaID, bool) { return a.Areas, !a.Administrates() }
