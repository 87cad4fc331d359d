package invite

import "time"

// RestAfter is how long a batch rests after an error.
func RestAfter(err error) time.Duration { return restAfter(err) }
