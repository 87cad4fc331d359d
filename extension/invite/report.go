package invite

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// reporting is what a batch's page asks of the database.
type reporting interface {
	Report(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Report, error)
	Progress(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Progress, error)
}

// Progress counts a batch's messages, for a page that follows along; it sees what Report sees.
func (s *Service) Progress(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Progress, error) {
	if !actor.Elevated() {
		return extension.Progress{}, fmt.Errorf("follow batch: %w", extension.ErrForbidden)
	}
	progress, err := s.store.Progress(ctx, actor, batch)
	if err != nil {
		return extension.Progress{}, fmt.Errorf("follow batch %s: %w", batch, err)
	}
	return progress, nil
}

// Report gives the confirmation screen of a batch of the actor's organisation; an inviter sees only batches to areas
// of their own and those they pressed themselves.
func (s *Service) Report(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Report, error) {
	if !actor.Elevated() {
		return extension.Report{}, fmt.Errorf("show batch: %w", extension.ErrForbidden)
	}
	report, err := s.store.Report(ctx, actor, batch)
	if err != nil {
		return extension.Report{}, fmt.Errorf("show batch %s: %w", batch, err)
	}
	return report, nil
}
