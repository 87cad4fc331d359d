package invite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// delivering is what delivery asks of the database.
type delivering interface {
	// ClaimChunk resumes a chunk that nobody is working on, or writes a new one down; nil when there is nothing to send.
	ClaimChunk(ctx context.Context, batch extension.BatchID, claim extension.Claim) (*extension.Chunk, error)
	SettleChunk(ctx context.Context, chunk extension.Chunk, receipts []extension.Receipt, now time.Time) error
	// RefuseChunk gives a claimed chunk back after a call that was certainly not obeyed, ReleaseChunk after one of which
	// nobody knows.
	RefuseChunk(ctx context.Context, chunk extension.ChunkID) error
	ReleaseChunk(ctx context.Context, chunk extension.ChunkID) error
	// AbandonChunk marks everybody in the chunk as unknown: the provider never answered and may have forgotten the key.
	AbandonChunk(ctx context.Context, chunk extension.Chunk, now time.Time) error
	// MarkHanded is an extension.Mark.
	MarkHanded(ctx context.Context, invitation extension.InvitationID) (first bool, err error)
}

// deliver hands one chunk of letters to the provider and tells how many people were in it.
func (s *Service) deliver(ctx context.Context, batch extension.BatchID) (int, error) {
	chunk, err := s.store.ClaimChunk(ctx, batch, extension.Claim{
		Most: lettersAPost, KeyID: s.links.Current(), Sender: s.sender, PublicURL: s.publicURL,
		Now: s.now(), Lease: lease, Memory: providerMemory,
	})
	if err != nil {
		return 0, fmt.Errorf("claim letters of batch %s: %w", batch, err)
	}
	if chunk == nil {
		return 0, nil
	}
	if err := s.hand(ctx, *chunk); err != nil {
		return 0, err
	}
	return len(chunk.Recipients), nil
}

// hand sends a claimed chunk. Nothing here decides to send twice: a retry uses the same key and the same bytes, and a
// chunk that the provider may have forgotten, or knows with other bytes, is given up as unknown.
func (s *Service) hand(ctx context.Context, chunk extension.Chunk) error {
	if chunk.Stale {
		return s.abandon(ctx, chunk)
	}
	for i, r := range chunk.Recipients {
		token, err := s.links.Token(chunk.KeyID, r.Invitation)
		if err != nil {
			trouble := &extension.TroubleError{Sentence: "A link key of this batch is no longer configured. Put it back into links.keys.", Refused: true, Cause: err}
			return errors.Join(trouble, s.giveBack(ctx, chunk, trouble))
		}
		chunk.Recipients[i].Link = chunk.Letter.PublicURL + "/i/" + token
	}
	receipts, err := s.post.Deliver(ctx, chunk, s.store.MarkHanded)
	switch {
	case errors.Is(err, extension.ErrConflict):
		return s.abandon(ctx, chunk)
	case err != nil:
		return errors.Join(fmt.Errorf("deliver chunk %s: %w", chunk.ID, err), s.giveBack(ctx, chunk, err))
	}
	if err := s.store.SettleChunk(ctx, chunk, receipts, s.now()); err != nil {
		return fmt.Errorf("settle chunk %s: %w", chunk.ID, err)
	}
	return nil
}

// giveBack gives a chunk back, also while the process is stopping, and remembers whether the call may have been obeyed.
func (s *Service) giveBack(ctx context.Context, chunk extension.Chunk, cause error) error {
	ctx = context.WithoutCancel(ctx)
	if trouble, ok := errors.AsType[*extension.TroubleError](cause); ok && trouble.Refused {
		return s.store.RefuseChunk(ctx, chunk.ID)
	}
	return s.store.ReleaseChunk(ctx, chunk.ID)
}

func (s *Service) abandon(ctx context.Context, chunk extension.Chunk) error {
	if err := s.store.AbandonChunk(ctx, chunk, s.now()); err != nil {
		return fmt.Errorf("abandon chunk %s: %w", chunk.ID, err)
	}
	return nil
}
