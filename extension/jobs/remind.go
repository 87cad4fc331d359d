package jobs

import (
	"context"

	"github.com/riverqueue/river"
)

// Reminder writes down the reminders that are due.
type Reminder interface {
	Remind(ctx context.Context) error
}

// remindEvery is how many periods of the other periodic work pass between two looks for reminders: they look at
// everybody who is Pending, and are due by the day.
const remindEvery = 4

// remindArgs says "remind whoever is to be reminded".
type remindArgs struct{}

// Kind names the job.
func (remindArgs) Kind() string { return "remind_users" }

type remindWorker struct {
	river.WorkerDefaults[remindArgs]
	reminder Reminder
}

// Work writes down what is due; hands send it.
func (w *remindWorker) Work(ctx context.Context, _ *river.Job[remindArgs]) error {
	return w.reminder.Remind(ctx)
}
