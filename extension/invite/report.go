package invite

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// reporting is what a batch's page asks of the database. An inviter sees only batches to areas of their own and those
// they pressed themselves; any other is ErrNotFound.
type reporting interface {
	Report(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Report, error)
	// Follow reads the batch and counts its messages, so cheaply that it can be asked every second.
	Follow(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Batch, extension.Progress, error)
	Entries(ctx context.Context, actor extension.Actor, batch extension.BatchID, filter extension.EntryFilter) (extension.EntryPage, error)
	// Batches lists batches, the newest first, from after a cursor; nil is the beginning.
	Batches(ctx context.Context, actor extension.Actor, after *extension.BatchCursor, most int) (extension.BatchPage, error)
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

// Follow gives a batch with the counts of its messages, for a page that follows along; it sees what Report sees.
func (s *Service) Follow(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Batch, extension.Progress, error) {
	if !actor.Elevated() {
		return extension.Batch{}, extension.Progress{}, fmt.Errorf("follow batch: %w", extension.ErrForbidden)
	}
	followed, progress, err := s.store.Follow(ctx, actor, batch)
	if err != nil {
		return extension.Batch{}, extension.Progress{}, fmt.Errorf("follow batch %s: %w", batch, err)
	}
	return followed, progress, nil
}

// Entries gives one page of a batch's entries of one group; it sees what Report sees.
func (s *Service) Entries(ctx context.Context, actor extension.Actor, batch extension.BatchID, filter extension.EntryFilter) (extension.EntryPage, error) {
	if !actor.Elevated() {
		return extension.EntryPage{}, fmt.Errorf("list entries: %w", extension.ErrForbidden)
	}
	if filter.Limit < 1 || filter.Limit > extension.MaxEntries {
		filter.Limit = extension.MaxPage
	}
	page, err := s.store.Entries(ctx, actor, batch, filter)
	if err != nil {
		return extension.EntryPage{}, fmt.Errorf("list entries of batch %s: %w", batch, err)
	}
	return page, nil
}

// batchesPerPage is how many batches one page of the list holds: each is counted anew.
const batchesPerPage = 20

// Batches gives one page of the batches that the actor may see, the newest first, from after a cursor; nil is the
// beginning.
func (s *Service) Batches(ctx context.Context, actor extension.Actor, after *extension.BatchCursor) (extension.BatchPage, error) {
	if !actor.Elevated() {
		return extension.BatchPage{}, fmt.Errorf("list batches: %w", extension.ErrForbidden)
	}
	page, err := s.store.Batches(ctx, actor, after, batchesPerPage)
	if err != nil {
		return extension.BatchPage{}, fmt.Errorf("list batches: %w", err)
	}
	return page, nil
}
