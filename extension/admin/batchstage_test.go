package admin_test

import (
	"context"
	"sync"

	"paperplane/extension"
)

// batchStage stands in for the verbs about one batch.
type batchStage struct {
	lists     map[extension.EntryGroup][]extension.Delivery // of Entries
	batches   extension.BatchPage
	given     extension.Given
	moved     extension.Moved
	cancelled int // by CancelBatch
	mutex     sync.Mutex
	followed  int   // how often the batch was asked for by whom it is told to all
	hold      *hold // of those questions; nil when they are answered
}

// hold keeps questions open until whoever asks gives up.
type hold struct {
	begun chan struct{}
	given chan error // up, and why
}

func newHold() *hold {
	const most = 100 // questions of one test
	return &hold{begun: make(chan struct{}, most), given: make(chan error, most)}
}

func (h *hold) until(ctx context.Context) error {
	h.begun <- struct{}{}
	<-ctx.Done()
	h.given <- ctx.Err()
	return ctx.Err()
}

func (s *stage) Entries(_ context.Context, _ extension.Actor, batch extension.BatchID, filter extension.EntryFilter) (extension.EntryPage, error) {
	if batch != s.report.Batch.ID {
		return extension.EntryPage{}, extension.ErrNotFound
	}
	var page extension.EntryPage
	for _, entry := range s.lists[filter.Group] {
		if entry.Position < filter.From {
			continue
		}
		if len(page.Entries) == filter.Limit {
			page.Next = entry.Position
			break
		}
		page.Entries = append(page.Entries, entry)
	}
	return page, nil
}

func (s *stage) Batches(_ context.Context, _ extension.Actor, after *extension.BatchCursor) (extension.BatchPage, error) {
	if after != nil && s.batches.Next != nil && after.Batch == s.batches.Next.Batch && after.Pressed.Equal(s.batches.Next.Pressed) {
		return extension.BatchPage{}, nil
	}
	return s.batches, nil
}

func (s *stage) Assign(_ context.Context, _ extension.Actor, batch extension.BatchID, user extension.UserID) (extension.Given, error) {
	s.asked = append(s.asked, "assign "+string(batch)+" "+string(user))
	return s.given, s.refuse
}

func (s *stage) Move(
	_ context.Context, _ extension.Actor, batch extension.BatchID, area extension.AreaID, role extension.RoleID,
) (extension.Moved, error) {
	s.asked = append(s.asked, "move "+string(batch)+" "+string(area)+" "+string(role))
	return s.moved, s.refuse
}

func (s *stage) PauseBatch(_ context.Context, _ extension.Actor, batch extension.BatchID) error {
	return s.control("pause", batch)
}

func (s *stage) ResumeBatch(_ context.Context, _ extension.Actor, batch extension.BatchID) error {
	return s.control("resume", batch)
}

func (s *stage) SendNow(_ context.Context, _ extension.Actor, batch extension.BatchID) error {
	return s.control("send now", batch)
}

func (s *stage) CancelBatch(_ context.Context, _ extension.Actor, batch extension.BatchID) (int, error) {
	return s.cancelled, s.control("cancel", batch)
}

func (s *stage) control(what string, batch extension.BatchID) error {
	s.asked = append(s.asked, what+" "+string(batch))
	return s.refuse
}
