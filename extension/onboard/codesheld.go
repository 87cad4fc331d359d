package onboard

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// HoldsRecoveryCodes tells whether somebody has recovery codes from before, which new ones would take the place of. Kratos
// alone knows.
func (s *Service) HoldsRecoveryCodes(ctx context.Context, session extension.Session) (bool, error) {
	return s.holdsCodes(ctx, session.Identity)
}

func (s *Service) holdsCodes(ctx context.Context, id extension.IdentityID) (bool, error) {
	identity, err := s.identities.Identity(ctx, id)
	if err != nil {
		return false, fmt.Errorf("find recovery codes of identity %s: %w", id, err)
	}
	return identity.Recovery, nil
}
