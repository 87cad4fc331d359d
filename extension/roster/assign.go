package roster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"paperplane/extension"
)

// assigning is what the verb asks of the database to change where many users work.
type assigning interface {
	Choices(ctx context.Context, organisation extension.OrganisationID) (extension.Choices, error)
	// Assign gives places beside those that users have; a batch that the actor may not see is ErrNotFound.
	Assign(ctx context.Context, actor extension.Actor, order extension.Giving, now time.Time) (extension.Given, error)
	// Move gives places instead of those that a batch gave; a batch that the actor may not see is ErrNotFound.
	Move(ctx context.Context, actor extension.Actor, order extension.Moving, now time.Time) (extension.Moved, error)
}

// Assign gives the people whom a batch met as users of the organisation already, or one of them, the service area and
// role that their entry is for, beside those they have: whoever they are, Active, Pending, Expired or Inactive, and
// without a message. Only what the actor may give is given, and only to people whom the actor sees already: an inviter
// asks an administrator for anybody else. Doing it again changes nothing. What Kratos publishes of
// Active ones follows by itself.
func (s *Service) Assign(ctx context.Context, actor extension.Actor, batch extension.BatchID, user extension.UserID) (extension.Given, error) {
	choices, err := s.reach(ctx, actor)
	if err != nil {
		return extension.Given{}, err
	}
	order := extension.Giving{Batch: batch, User: user}
	for _, area := range choices.Areas {
		order.Areas = append(order.Areas, area.ID)
	}
	order.Roles = ids(choices.Roles)
	given, err := s.store.Assign(ctx, actor, order, s.now())
	if err != nil {
		return extension.Given{}, fmt.Errorf("assign users of batch %s: %w", batch, err)
	}
	return given, nil
}

// Move gives the people of a batch who are Pending or Expired another service area and role instead of those that the
// batch gave them, without a new message; whatever else they have stays. Whoever is Active by now keeps what they have.
// An area or role that the actor may not give is an InvalidError.
func (s *Service) Move(
	ctx context.Context, actor extension.Actor, batch extension.BatchID, area extension.AreaID, role extension.RoleID,
) (extension.Moved, error) {
	choices, err := s.reach(ctx, actor)
	if err != nil {
		return extension.Moved{}, err
	}
	var refused extension.InvalidError
	toArea := slices.IndexFunc(choices.Areas, func(a extension.ServiceArea) bool { return a.ID == area })
	if toArea < 0 {
		refused.Fields = append(refused.Fields, extension.FieldError{Field: "area", Message: "Choose one of your service areas."})
	}
	toRole := slices.IndexFunc(choices.Roles, func(r extension.Role) bool { return r.ID == role })
	if toRole < 0 {
		refused.Fields = append(refused.Fields, extension.FieldError{Field: "role", Message: "Choose one of the roles."})
	}
	if len(refused.Fields) > 0 {
		return extension.Moved{}, &refused
	}
	order := extension.Moving{
		Batch: batch, Roles: ids(choices.Roles),
		To: extension.Assignment{Area: choices.Areas[toArea], Role: choices.Roles[toRole]},
	}
	moved, err := s.store.Move(ctx, actor, order, s.now())
	if err != nil {
		return extension.Moved{}, fmt.Errorf("move users of batch %s: %w", batch, err)
	}
	return moved, nil
}

// reach finds what the actor may give: areas that they act in and that are not archived, and roles with no more right
// than their own.
func (s *Service) reach(ctx context.Context, actor extension.Actor) (extension.Choices, error) {
	if !actor.Elevated() {
		return extension.Choices{}, fmt.Errorf("assign users: %w", extension.ErrForbidden)
	}
	choices, err := s.store.Choices(ctx, actor.Organisation)
	if err != nil {
		return extension.Choices{}, fmt.Errorf("find areas and roles: %w", err)
	}
	return choices.For(actor), nil
}

func ids(roles []extension.Role) []extension.RoleID {
	all := make([]extension.RoleID, len(roles))
	for i, r := range roles {
		all[i] = r.ID
	}
	return all
}
