package jobs

import "time"

// Pause is how long a job waits after an error.
func Pause(err error) time.Duration { return pause(err) }

// The intervals that tests know of.
const (
	Budget   = budget
	Breath   = breath
	Patience = patience
)
