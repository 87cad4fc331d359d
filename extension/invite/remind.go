package invite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// reminding is what reminders ask of the database.
type reminding interface {
	// ToRemind lists organisations in which somebody is to be reminded.
	ToRemind(ctx context.Context, r extension.Reminding) ([]extension.OrganisationID, error)
	// Remind writes one round of an organisation down and tells how many people are in it; no batch when there are none.
	Remind(ctx context.Context, actor extension.Actor, r extension.Reminding) (reminded int, err error)
}

// reminderRest is how long nobody is reminded after any message to them: less than a day, so that reminders on two
// days in a row are both sent, and long enough that nobody gets two letters in a day.
const reminderRest = 20 * time.Hour

// mostReminded is how many people one round takes: seconds of work. The next round takes the others.
const mostReminded = 10_000

// reminderName is who is said to have pressed a round of reminders.
const reminderName = "Automatic reminder"

// Remind writes down the reminders that are due, in every organisation that wants them: to people who are Pending, whose
// invitation went out so many days ago, and whose link works for a while longer. Whoever was written to lately waits,
// and nobody is reminded whose letter bounced or was reported as spam. A reminder repeats the link. After a downtime only
// the latest due one is sent. Any number of replicas may call this at the same time. An organisation in which it fails
// does not hold up the others.
func (s *Service) Remind(ctx context.Context) error {
	round := s.round()
	organisations, err := s.store.ToRemind(ctx, round)
	if err != nil {
		return fmt.Errorf("find organisations to remind in: %w", err)
	}
	var failed error
	for _, organisation := range organisations {
		failed = errors.Join(failed, s.remindIn(ctx, organisation))
	}
	return failed
}

func (s *Service) remindIn(ctx context.Context, organisation extension.OrganisationID) error {
	actor := extension.System(organisation, reminderName)
	round := s.round()
	round.Batch.ID, round.Batch.Organisation = extension.NewID[extension.BatchID](), organisation
	reminded, err := s.store.Remind(ctx, actor, round)
	if err != nil {
		return fmt.Errorf("remind in organisation %s: %w", organisation, err)
	}
	if reminded > 0 {
		s.goOn(ctx, round.Batch.ID)
	}
	return nil
}

// round is a round of reminders at this moment. It has no undo delay: nobody has pressed anything.
func (s *Service) round() extension.Reminding {
	now := s.now()
	return extension.Reminding{
		Batch: extension.Batch{Kind: extension.BatchReminder, Inviter: reminderName, Pressed: now, Starts: now},
		Most:  mostReminded, Since: now.Add(-reminderRest), Until: now.Add(extension.ReminderMargin),
	}
}
