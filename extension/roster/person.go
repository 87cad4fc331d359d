package roster

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// Person is one user with everything that was ever sent to them.
type Person struct {
	User     extension.User
	Postings []extension.Posting // the newest first, at most PostingsShown
	Deeds    []extension.Audit   // what others decided about them, the newest first, at most DeedsShown
	Now      time.Time           // the moment that statuses are computed for
}

// PostingsShown is how many messages a Person lists.
const PostingsShown = 50

// DeedsShown is how many deeds a Person lists.
const DeedsShown = 50

// Person gives one user whom the actor may see. Of the user's places it gives those in the actor's own areas, but of the
// messages all, whoever sent them: they name no area, and without one of them nobody could tell which link works, or why
// mail does not arrive. Of the deeds, changes of places are told to whoever is bound to no area: they name places of others.
func (s *Service) Person(ctx context.Context, actor extension.Actor, id extension.UserID) (Person, error) {
	now := s.now()
	user, err := s.Find(ctx, actor, id)
	if err != nil {
		return Person{}, err
	}
	postings, err := s.store.Postings(ctx, actor.Organisation, id, PostingsShown)
	if err != nil {
		return Person{}, fmt.Errorf("list messages to user %s: %w", id, err)
	}
	deeds, err := s.store.Deeds(ctx, actor.Organisation, id, told(actor), DeedsShown)
	if err != nil {
		return Person{}, fmt.Errorf("list deeds about user %s: %w", id, err)
	}
	return Person{User: user, Postings: postings, Deeds: deeds, Now: now}, nil
}

// told lists the deeds that an actor is told of.
func told(actor extension.Actor) []extension.Action {
	actions := []extension.Action{
		extension.ActionUserReaddressed, extension.ActionUserUnsuppressed, extension.ActionUserPaused, extension.ActionUserResumed,
		extension.ActionFactorProven, extension.ActionFactorRemoved, extension.ActionGuessesSpent, extension.ActionFactorsReset, extension.ActionMobileFreed, extension.ActionUserDeclined,
	}
	if _, bound := actor.AreaBound(); !bound {
		actions = append(actions, extension.ActionUserAssigned)
	}
	return actions
}
