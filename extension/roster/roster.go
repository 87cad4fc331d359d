// Package roster is the verb about users who are here: list, find, pause, resume, and founding the organisation that they
// are of (establish.go). It owns the order in which a deactivation reaches Kratos (pause.go) and the alignment of Kratos
// with our rows (align.go).
package roster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"paperplane/extension"
)

// List is one page of users with the counts of all.
type List struct {
	Page    extension.UserPage
	Counts  extension.Counts                // by status, of the search and the message that were chosen
	Letters map[extension.DeliveryState]int // by message, of the search and the status that were chosen
	Now     time.Time                       // the moment that the statuses are computed for
}

// Store is what the verb asks of the database.
type Store interface {
	assigning

	Establish(ctx context.Context, actor extension.Actor, charter extension.Charter, now time.Time) error
	OrganisationBySlug(ctx context.Context, slug string) (extension.Organisation, error)
	Users(ctx context.Context, actor extension.Actor, filter extension.Filter, now time.Time) (extension.UserPage, error)
	Tally(ctx context.Context, actor extension.Actor, search string, now time.Time) (extension.Tallies, error)
	User(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.User, error)
	// Postings lists the messages to a user, the newest first.
	Postings(ctx context.Context, organisation extension.OrganisationID, user extension.UserID, most int) ([]extension.Posting, error)
	// Deeds lists audit rows of these actions about a user, the newest first.
	Deeds(
		ctx context.Context, organisation extension.OrganisationID, user extension.UserID, actions []extension.Action, most int,
	) ([]extension.Audit, error)
	// SetPaused pauses (a time) or resumes (zero) a user, with the actor's audit, and puts the identity on the list of
	// those to be aligned. It tells whether anything changed.
	SetPaused(ctx context.Context, actor extension.Actor, user extension.UserID, paused, now time.Time) (bool, error)

	// Exclusive runs f while no other caller holds the same name, on any replica.
	Exclusive(ctx context.Context, name string, f func(ctx context.Context) error) error
	// Standing is what our rows want of an identity; ErrNotFound when it has no user here.
	Standing(ctx context.Context, identity extension.IdentityID, now time.Time) (extension.Standing, error)
	// SetLeftInactive writes down that we made the identity inactive (a time) or active (zero).
	SetLeftInactive(ctx context.Context, identity extension.IdentityID, at time.Time) error
	// Misaligned lists identities that are due to be compared with Kratos again.
	Misaligned(ctx context.Context, most int) ([]extension.IdentityID, error)
	// Aligned takes an identity off that list unless it was put there again since it was asked for so many times; with
	// again it comes back after that time.
	Aligned(ctx context.Context, identity extension.IdentityID, asked int64, again time.Duration) error
	// Unlink takes an identity that is gone in Kratos off users who have not registered.
	Unlink(ctx context.Context, identity extension.IdentityID) error
}

// Identities is what the verb asks of Kratos.
type Identities interface {
	Identity(ctx context.Context, id extension.IdentityID) (extension.Identity, error)
	Enable(ctx context.Context, id extension.IdentityID, address string) error
	Disable(ctx context.Context, id extension.IdentityID) error
	EndSessions(ctx context.Context, id extension.IdentityID) error
	// Publish tells whether it had to write.
	Publish(ctx context.Context, id extension.IdentityID, memberships []extension.Membership) (wrote bool, err error)
}

// Service is the verb.
type Service struct {
	store      Store
	identities Identities
	now        func() time.Time
}

// New makes a Service.
func New(store Store, identities Identities, now func() time.Time) *Service {
	return &Service{store: store, identities: identities, now: now}
}

// List gives one page of the users that the actor may see. ErrForbidden for an actor without any right.
func (s *Service) List(ctx context.Context, actor extension.Actor, filter extension.Filter) (List, error) {
	if !actor.Elevated() {
		return List{}, fmt.Errorf("list users: %w", extension.ErrForbidden)
	}
	filter.Search = strings.TrimSpace(filter.Search)
	if filter.Limit < 1 || filter.Limit > extension.MaxPage {
		filter.Limit = extension.MaxPage
	}
	now := s.now()
	page, err := s.store.Users(ctx, actor, filter, now)
	if err != nil {
		return List{}, fmt.Errorf("list users: %w", err)
	}
	tallies, err := s.store.Tally(ctx, actor, filter.Search, now)
	if err != nil {
		return List{}, fmt.Errorf("count users: %w", err)
	}
	return List{Page: page, Counts: tallies.ByStatus(filter.Letter), Letters: tallies.ByLetter(filter.Status), Now: now}, nil
}
