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
	Now      time.Time           // the moment that statuses are computed for
}

// PostingsShown is how many messages a Person lists.
const PostingsShown = 50

// Person gives one user whom the actor may see. Of the user's places it gives those in the actor's own areas.
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
	return Person{User: user, Postings: postings, Now: now}, nil
}
