package extension_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func role(right extension.Right) extension.Role {
	return extension.Role{ID: extension.RoleID("role-" + right), Name: string(right), Right: right}
}

func assigned(area string, right extension.Right) extension.Assignment {
	return extension.Assignment{Area: extension.ServiceArea{ID: extension.AreaID(area), Name: area}, Role: role(right)}
}

func TestAnActorHasTheHighestRightAndTheAreasInWhichItInvites(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		assignments []extension.Assignment
		right       extension.Right
		areas       []extension.AreaID
	}{
		"nothing":        {nil, extension.RightNone, nil},
		"a plain member": {[]extension.Assignment{assigned("east", extension.RightNone)}, extension.RightNone, nil},
		"an inviter in one of two areas": {
			[]extension.Assignment{assigned("east", extension.RightInviter), assigned("west", extension.RightNone)},
			extension.RightInviter,
			[]extension.AreaID{"east"},
		},
		"two roles in one area": {
			[]extension.Assignment{assigned("east", extension.RightNone), assigned("east", extension.RightInviter), assigned("east", extension.RightInviter)},
			extension.RightInviter,
			[]extension.AreaID{"east"},
		},
		"an administrator by one of many roles": {
			[]extension.Assignment{assigned("east", extension.RightInviter), assigned("west", extension.RightAdministrator), assigned("north", extension.RightNone)},
			extension.RightAdministrator,
			[]extension.AreaID{"east", "west"},
		},
		"an unknown right": {[]extension.Assignment{assigned("east", "emperor")}, extension.RightNone, nil},
	} {
		user := extension.User{ID: "u", Organisation: "o", Address: "a@example.com", Assignments: c.assignments}
		want := extension.Actor{User: "u", Organisation: "o", Name: "a@example.com", Right: c.right, Areas: c.areas}
		if diff := cmp.Diff(want, extension.ActorOf(user)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNobodyGrantsMoreThanTheyHold(t *testing.T) {
	t.Parallel()
	rank := map[extension.Right]int{extension.RightNone: 0, extension.RightInviter: 1, extension.RightAdministrator: 2}
	for held := range rank {
		actor := extension.Actor{Right: held}
		for granted := range rank {
			want := rank[held] >= 1 && rank[granted] <= rank[held]
			if got := actor.MayGrant(role(granted)); got != want {
				t.Errorf("%s grants %s: %v, want %v", held, granted, got, want)
			}
			if got := slices.Contains(actor.Grantable(), granted); got != want {
				t.Errorf("%s is told to be able to grant %s: %v, want %v", held, granted, got, want)
			}
		}
		if actor.Elevated() != (rank[held] >= 1) || actor.Administrates() != (rank[held] == 2) {
			t.Errorf("%s: elevated %v, administrates %v", held, actor.Elevated(), actor.Administrates())
		}
	}
	if (extension.Actor{Right: extension.RightInviter}).MayGrant(role(extension.RightAdministrator)) {
		t.Error("an inviter made an administrator")
	}
}

func TestAnInviterActsInItsOwnAreasAndAnAdministratorInAll(t *testing.T) {
	t.Parallel()
	inviter := extension.Actor{Right: extension.RightInviter, Areas: []extension.AreaID{"east"}}
	member := extension.Actor{Right: extension.RightNone, Areas: []extension.AreaID{"east"}}
	for name, c := range map[string]struct {
		actor extension.Actor
		area  extension.AreaID
		want  bool
	}{
		"an inviter at home":               {inviter, "east", true},
		"an inviter abroad":                {inviter, "west", false},
		"an inviter without an area":       {inviter, "", false},
		"a member in its own area":         {member, "east", false},
		"an administrator anywhere":        {extension.Actor{Right: extension.RightAdministrator}, "west", true},
		"an unknown right in its own area": {extension.Actor{Right: "emperor", Areas: []extension.AreaID{"east"}}, "east", false},
	} {
		if got := c.actor.MayActIn(c.area); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if areas, bound := inviter.AreaBound(); !bound || len(areas) != 1 {
		t.Errorf("an inviter is bound: %v to %v", bound, areas)
	}
	if _, bound := member.AreaBound(); !bound {
		t.Error("a member is bound to no area")
	}
	if _, bound := extension.System("o", "job").AreaBound(); bound {
		t.Error("a job is bound to areas")
	}
}

func TestOnlyTheThreeRightsAreKnown(t *testing.T) {
	t.Parallel()
	for right, want := range map[extension.Right]bool{
		extension.RightNone: true, extension.RightInviter: true, extension.RightAdministrator: true, "": false, "Administrator": false, "emperor": false,
	} {
		if right.Known() != want {
			t.Errorf("%q is known: %v", right, !want)
		}
	}
	if extension.Right("emperor").Includes(extension.RightInviter) {
		t.Error("an unknown right includes a known one")
	}
}
