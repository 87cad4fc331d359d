package extension

import "time"

// Step is where somebody goes next.
type Step string

// The steps, in order.
const (
	StepPaused   Step = "paused"   // access was switched off: say whom to ask
	StepExpired  Step = "expired"  // the invitation ran out: say whom to ask
	StepStart    Step = "start"    // only the link in the letter leads on
	StepRegister Step = "register" // name, mobile and password
	StepSecure   Step = "secure"   // set up a second factor
	StepConfirm  Step = "confirm"  // show the second factor in this session
	StepAgree    Step = "agree"    // the EULA
	StepIn       Step = "in"       // nothing is left to do
)

// Next computes the step from the facts, the organisation's policy and what this session was proven with. It is the only
// place that knows the order. proofs are the kinds of factor that the session was confirmed with, by our own record. Of what
// other organisations rely on it knows nothing: see NextAmong.
func (m Member) Next(proofs []Factor, now time.Time) Step {
	return m.NextAmong([]Member{m}, proofs, now)
}

// NextAmong is Next for the holder of an account that is in other organisations too, all of which members lists: it may be
// theirs that a second factor is to be shown for.
func (m Member) NextAmong(members []Member, proofs []Factor, now time.Time) Step {
	step := m.due(now)
	switch step {
	case StepPaused, StepExpired, StepStart:
		return step
	case StepRegister, StepSecure, StepAgree:
		// Each of these changes settings in Kratos, which a proven factor protects in every organisation.
		if _, unshown := Unshown(members, proofs); unshown {
			return StepConfirm
		}
	case StepIn, StepConfirm:
	}
	if m.Organisation.TwoFactor == TwoFactorRequired && !m.User.Facts.Secured.IsZero() && !m.Confirmed(proofs, true) {
		return StepConfirm
	}
	return step
}

// due is the step that is due whatever the session is.
func (m Member) due(now time.Time) Step {
	f := m.User.Facts
	switch f.Status(now) {
	case Inactive:
		return StepPaused
	case Expired:
		return StepExpired
	case Active, Pending:
	}
	switch {
	case f.Started.IsZero() && f.Registered.IsZero():
		return StepStart
	case f.Registered.IsZero() || f.Activated.IsZero() && !m.User.Detailed():
		return StepRegister // also for somebody who set a password in Kratos and left the details out
	case m.Organisation.TwoFactor == TwoFactorRequired && f.Secured.IsZero():
		return StepSecure
	case !m.agreed(now):
		return StepAgree
	default:
		return StepIn
	}
}

// MayWait tells until when the user may go on with an earlier version of the terms, which they have accepted, before the
// current one is due; zero when there is nothing to wait with.
func (m Member) MayWait(now time.Time) time.Time {
	if m.Terms.ID == "" || !m.User.Facts.Accepted.IsZero() || !m.agreed(now) {
		return time.Time{}
	}
	return m.Terms.Required()
}

// agreed tells whether the terms keep nobody: the current version was accepted, or an earlier one while the time to read
// the new one lasts.
func (m Member) agreed(now time.Time) bool {
	f := m.User.Facts
	return !f.Accepted.IsZero() || !f.Agreed.IsZero() && !f.Activated.IsZero() && now.Before(m.Terms.Required())
}
