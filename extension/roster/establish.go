package roster

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// Establish founds an organisation: the operator's act, by the command line. A charter that cannot be is an
// InvalidError; a slug that is taken is ErrConflict.
func (s *Service) Establish(ctx context.Context, actor extension.Actor, charter extension.Charter) error {
	if err := charter.Check(); err != nil {
		return err
	}
	if err := s.store.Establish(ctx, actor, charter, s.now()); err != nil {
		return fmt.Errorf("establish organisation %s: %w", charter.Organisation.Slug, err)
	}
	return nil
}

// Organisation finds an organisation by its slug.
func (s *Service) Organisation(ctx context.Context, slug string) (extension.Organisation, error) {
	organisation, err := s.store.OrganisationBySlug(ctx, slug)
	if err != nil {
		return extension.Organisation{}, fmt.Errorf("find organisation %s: %w", slug, err)
	}
	return organisation, nil
}
