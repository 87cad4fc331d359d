package roster_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/roster"
)

// archive is the part of a store that the page of a person asks.
type archive struct {
	roster.Store
	asked *[]extension.Action
}

func (archive) User(_ context.Context, _ extension.Actor, id extension.UserID) (extension.User, error) {
	return extension.User{ID: id}, nil
}

func (archive) Postings(context.Context, extension.OrganisationID, extension.UserID, int) ([]extension.Posting, error) {
	return nil, nil
}

func (a archive) Deeds(
	_ context.Context, _ extension.OrganisationID, _ extension.UserID, actions []extension.Action, _ int,
) ([]extension.Audit, error) {
	*a.asked = actions
	return nil, nil
}

func TestWhoeverIsBoundToAreasIsNotToldOfChangesOfPlaces(t *testing.T) {
	t.Parallel()
	for right, told := range map[extension.Right]bool{extension.RightInviter: false, extension.RightAdministrator: true} {
		var asked []extension.Action
		service := roster.New(archive{asked: &asked}, nil, time.Now)
		if _, err := service.Person(t.Context(), extension.Actor{Right: right}, extension.NewID[extension.UserID]()); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(asked, extension.ActionUserAssigned) != told || !slices.Contains(asked, extension.ActionUserReaddressed) {
			t.Errorf("an %s is told of %q", right, asked)
		}
	}
}
