package onboard

import (
	"errors"

	"paperplane/extension"
)

// fieldCode is the field of the one code that a page asks for.
const fieldCode = "code"

// What is said after too many wrong codes: for now, and of extension.ErrGuessesSpent.
const (
	guessesPaused = "Too many wrong codes were entered. Wait fifteen minutes, or choose another way."
	guessesSpent  = "Too many wrong codes in a row were entered, so no more of this kind are looked at. Choose another way, or ask your administrator to have your second factor reset."
)

// The ids of Kratos' messages about a second factor. They are stable; the texts are not.
const (
	kratosSpent        = 4000001 // said of a code after too many wrong ones
	kratosTOTPWrong    = 4000008
	kratosTOTPNone     = 4000011
	kratosLookupUsed   = 4000012
	kratosLookupNone   = 4000014
	kratosLookupWrong  = 4000016
	kratosCodeWrong    = 4010008
	kratosAddressOther = 4010010
)

// codeInPlainWords turns a form that Kratos refused for a code into one sentence at our field; other errors pass.
func codeInPlainWords(way extension.Factor, err error) error {
	refused, ok := errors.AsType[*extension.RefusedError](err)
	if !ok {
		return err
	}
	for _, m := range refused.Form.Errors() {
		if m.ID == kratosSpent && sent(way) {
			return extension.Invalid(fieldCode, "This code does not work any more: it is too old, or too many wrong ones were entered. Ask for a new one.")
		}
		if sentence := aboutCode(m); sentence != "" {
			return extension.Invalid(fieldCode, sentence)
		}
	}
	return extension.Invalid(fieldCode, wrongCode(way))
}

// aboutCode words one message of Kratos; empty for one that is not known.
func aboutCode(m extension.FieldMessage) string {
	switch m.ID {
	case kratosTOTPWrong:
		return wrongCode(extension.FactorTOTP)
	case kratosTOTPNone:
		return "There is no authenticator app for this account. Choose another way."
	case kratosLookupUsed:
		return "This recovery code was used before. Each works once: enter the next one."
	case kratosLookupNone:
		return "There are no recovery codes for this account. Choose another way."
	case kratosLookupWrong:
		return wrongCode(extension.FactorRecovery)
	case kratosCodeWrong:
		return wrongCode(extension.FactorSMS)
	case kratosAddressOther:
		return "No code can be sent there any more. Load the page again and choose another way."
	}
	if m.Objection() {
		return m.Text // worded by our guard
	}
	return ""
}

// wrongCode says what to do about a code that is not right. A clock that is off is what most often makes an app's codes
// wrong (RFC 6238 §6).
func wrongCode(way extension.Factor) string {
	switch way {
	case extension.FactorTOTP:
		return "This code is not right. Enter the one that the app shows now, and check that your phone sets its clock by itself: " +
			"if the clock is off by more than half a minute, its codes do not work."
	case extension.FactorRecovery:
		return "This is none of your recovery codes. Check every letter and digit."
	case extension.FactorSMS, extension.FactorEmail, extension.FactorWebAuthn:
	}
	return "This code is not right, or it was used already. Type the newest one that you were sent."
}
