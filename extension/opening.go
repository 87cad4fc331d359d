package extension

import "time"

// OpenSettings is a form of Kratos' settings that some session has opened.
type OpenSettings struct {
	Until  time.Time // it lasts, whatever becomes of the session
	Proofs []Factor  // what that session was confirmed with, if it is known
}

// CodesWait tells until when new recovery codes of an identity must wait; zero when they need not. Kratos shows them, and
// asks nobody, in every form of the settings that is open: also in those of a session that has not shown what it would have
// to show now. One opened before there was this factor, or before another organisation relied on it, could not be refused.
func CodesWait(members []Member, elsewhere []OpenSettings) time.Time {
	var until time.Time
	for _, open := range elsewhere {
		if _, unshown := Unshown(members, open.Proofs); unshown && open.Until.After(until) {
			until = open.Until
		}
	}
	return until
}
