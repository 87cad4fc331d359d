package extension

import "time"

// Device is a session of somebody's at Kratos, as they are shown their own.
type Device struct {
	Session   SessionID
	Current   bool // the one that asks
	UserAgent string
	IP        string
	SignedIn  time.Time
	Expires   time.Time
}
