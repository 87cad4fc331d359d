package flows

import (
	"slices"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/onboard"
)

// progress is the way in as this person has it: the steps that it consists of, and which one they are at. Somebody who has
// arrived before, and is only asked for one thing again, is on no way.
func progress(l locale.Language, place onboard.Place) (steps []string, current int, shown bool) {
	if place.Organisation.ID == "" || !place.User.Facts.Activated.IsZero() {
		return nil, 0, false
	}
	due := []extension.Step{extension.StepRegister}
	names := []string{l.Say("Your details")}
	if place.Organisation.TwoFactor == extension.TwoFactorRequired || place.Step == extension.StepConfirm {
		due, names = append(due, extension.StepSecure), append(names, l.Say("Second factor"))
	}
	due, names = append(due, extension.StepAgree), append(names, l.Say("Terms and conditions"))
	at := place.Step
	if at == extension.StepConfirm {
		at = extension.StepSecure
	}
	current = slices.Index(due, at)
	return names, current, current >= 0
}
