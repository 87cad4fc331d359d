package invite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
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
	// KeepChunk renews the lease of a chunk whose call takes long.
	KeepChunk(ctx context.Context, chunk extension.ChunkID, lease time.Duration) error
	// MarkHanded is an extension.Mark.
	MarkHanded(ctx context.Context, invitation extension.InvitationID) (first bool, err error)
}

// deliver hands one chunk of letters to the provider. When others took the people first, there is nothing to do.
func (s *Service) deliver(ctx context.Context, turn extension.Turn) error {
	claim := extension.Claim{
		Most: lettersAPost, KeyID: s.links.Current(), Sender: s.sender, PublicURL: s.publicURL,
		Now: s.now(), Lease: s.lease, Memory: s.post.Memory(),
	}
	if turn.Full {
		claim.Least = lettersAPost
	}
	chunk, err := s.store.ClaimChunk(ctx, turn.Batch, claim)
	if err != nil {
		return fmt.Errorf("claim letters of batch %s: %w", turn.Batch, err)
	}
	if chunk == nil {
		return nil
	}
	return s.hand(ctx, *chunk)
}

// hand sends a claimed chunk. Nothing here decides to send twice: a retry uses the same key and the same bytes, and a
// chunk that the provider may have forgotten, or knows with other bytes, is given up as unknown.
func (s *Service) hand(ctx context.Context, chunk extension.Chunk) error {
	if chunk.Stale {
		return s.abandon(ctx, chunk)
	}
	for i, r := range chunk.Recipients {
		token, err := s.links.Token(chunk.KeyID, r.LinkOf)
		if err != nil {
			trouble := &extension.TroubleError{Sentence: "A link key of this batch is no longer configured. Put it back into links.keys.", Refused: true, Cause: err}
			return errors.Join(trouble, s.giveBack(ctx, chunk, trouble))
		}
		chunk.Recipients[i].Link = chunk.Letter.PublicURL + "/i/" + token
	}
	marks := s.marksOf(chunk)
	receipts, err := s.post.Deliver(ctx, chunk, marks.mark)
	switch {
	case errors.Is(err, extension.ErrConflict):
		return s.abandon(ctx, chunk)
	case err != nil:
		return errors.Join(fmt.Errorf("deliver chunk %s: %w", chunk.ID, err), s.giveBack(ctx, chunk, err))
	}
	marks.tell(receipts)
	if err := s.settle(ctx, chunk, receipts); err != nil {
		return fmt.Errorf("settle chunk %s: %w", chunk.ID, err)
	}
	return later(receipts)
}

// settle writes down what the provider said. Where nobody remembers keys, whatever is not written down counts as unknown
// to whoever takes the chunk up next, so between the attempts the chunk is kept from others.
func (s *Service) settle(ctx context.Context, chunk extension.Chunk, receipts []extension.Receipt) error {
	now := s.now()
	return s.insist(ctx, func(ctx context.Context) error {
		err := s.store.SettleChunk(ctx, chunk, receipts, now)
		if err == nil {
			return nil
		}
		return errors.Join(err, s.store.KeepChunk(ctx, chunk.ID, s.lease))
	})
}

// later tells what the page says of people who are written to later. A call that tried nobody, and not for a reason of
// their own, is a trouble: the batch rests, or it would ask again at once.
func later(receipts []extension.Receipt) error {
	tried, putOff, says := false, 0, ""
	for _, r := range receipts {
		tried = tried || !r.Untried
		if r.PutOff != "" {
			putOff, says = putOff+1, cmp.Or(says, r.PutOff)
		}
	}
	switch {
	case putOff == 1:
		return &laterError{"The mail server puts one message off. It says: “" + says +
			"” The message is tried again by itself, for two days, and holds up no other."}
	case putOff > 1:
		return &laterError{fmt.Sprintf("The mail server puts %d messages off. Of one it says: “%s” "+
			"They are tried again by themselves, for two days, and hold up no others.", putOff, says)}
	case tried:
		return nil
	}
	return &extension.TroubleError{Sentence: "The mail server takes no messages at the moment. Nothing is lost: sending goes on by itself."}
}

// marks writes down what a protocol without memory is about to hand over, and remembers what this very attempt marked.
// Handing over can take long, so it also renews the chunk's lease.
type marks struct {
	store delivering
	chunk extension.ChunkID
	lease time.Duration

	mutex sync.Mutex
	ours  map[extension.InvitationID]bool
	kept  time.Time // by the monotonic clock
}

func (s *Service) marksOf(chunk extension.Chunk) *marks {
	return &marks{store: s.store, chunk: chunk.ID, lease: s.lease, ours: map[extension.InvitationID]bool{}, kept: time.Now()}
}

// mark is an extension.Mark.
func (m *marks) mark(ctx context.Context, invitation extension.InvitationID) (bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if time.Since(m.kept) > m.lease/3 {
		if err := m.store.KeepChunk(ctx, m.chunk, m.lease); err != nil {
			return false, fmt.Errorf("keep chunk %s: %w", m.chunk, err)
		}
		m.kept = time.Now()
	}
	first, err := m.store.MarkHanded(ctx, invitation)
	if err != nil {
		return false, fmt.Errorf("mark message %s: %w", invitation, err)
	}
	if first {
		m.ours[invitation] = true
	}
	return first, nil
}

// tell notes on receipts which of the messages this attempt had marked.
func (m *marks) tell(receipts []extension.Receipt) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for i, r := range receipts {
		receipts[i].Marked = m.ours[r.Invitation]
	}
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
