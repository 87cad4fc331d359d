package invite

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// recording is what the mail provider's events ask of the database.
type recording interface {
	// RecordMail notes an event and what follows from it in one transaction, and tells whether it was ours and new.
	RecordMail(ctx context.Context, event extension.MailEvent, now time.Time) (fresh bool, err error)
}

// Record notes what the mail provider tells of a message: sent, delayed, delivered, bounced, complained. Events may come
// late, twice and in any order. One about a message that is none of ours is no error: other applications may share the
// provider's account.
//
// An address that bounced or complained gets no more mail until somebody decides otherwise for this one person, and a
// batch of which too many messages bounce pauses itself (the organisation's StopLoss).
func (s *Service) Record(ctx context.Context, event extension.MailEvent) error {
	if _, err := extension.ParseID[extension.InvitationID](string(event.Invitation)); err != nil {
		event.Invitation = "" // the tag of another application
	}
	if _, err := s.store.RecordMail(ctx, event, s.now()); err != nil {
		return fmt.Errorf("record %s of message %s: %w", event.Kind, event.Message, err)
	}
	return nil
}
