package flows

import "paperplane/extension"

// The ids of Kratos' messages that have words of ours here. Ids are stable, texts are not; they are listed in Kratos'
// source, text/id.go.
const (
	kratosConfirm         = 1010003
	kratosSecondFactor    = 1010004
	kratosCodeSent        = 1010014
	kratosMissing         = 4000002
	kratosTooShort        = 4000003
	kratosBadCredentials  = 4000006
	kratosWrongTOTP       = 4000008
	kratosNoIdentifier    = 4000009
	kratosNotVerified     = 4000010
	kratosNoTOTP          = 4000011
	kratosRecoveryUsed    = 4000012
	kratosNoRecoveryCodes = 4000014
	kratosRecoveryWrong   = 4000016
	kratosNoCode          = 4000035
	kratosNoAccount       = 4000037
	kratosFlowExpired     = 4010001
	kratosNoMethod        = 4010002
	kratosLoginCodeWrong  = 4010008
	kratosAddressUnknown  = 4010010
)

// wording says a message of Kratos in plain words, at the field where it stands. A message without words of ours keeps
// Kratos' own. Whether an account exists is told by none of them.
func wording(message extension.Message, field string) string {
	switch message.ID {
	case kratosMissing, kratosTooShort:
		return missing(field)
	case kratosBadCredentials, kratosNoAccount, kratosNoIdentifier:
		return "The email address or the password is not right. Check both and try again."
	case kratosWrongTOTP:
		return "This code is not right. Codes change every 30 seconds: type the one that your app shows now."
	case kratosLoginCodeWrong:
		return "This code is not right, or it was used already. Type the newest one that you were sent."
	case kratosRecoveryUsed:
		return "This recovery code was used already. Each one works once: take the next."
	case kratosRecoveryWrong:
		return "This recovery code is not right. Check it and try again."
	case kratosNoTOTP:
		return "No authenticator app is set up for this account. Choose another way."
	case kratosNoRecoveryCodes:
		return "No recovery codes are set up for this account. Choose another way."
	case kratosNoCode:
		return "This way of signing in does not work for this account. Choose another way."
	case kratosNotVerified:
		return "This email address is not confirmed yet. Open the link in the email that we sent you."
	case kratosFlowExpired:
		return "This page was open for too long. Try again."
	case kratosNoMethod:
		return "Fill in the form and press the button again."
	case kratosAddressUnknown:
		return "No code can go to this address. Choose one of yours."
	case kratosCodeSent:
		return "We have sent you a code. If it does not come, check the address and try again."
	case kratosConfirm:
		return "Confirm that it is you."
	case kratosSecondFactor:
		return "One more step: confirm that it is you with your second factor."
	}
	return message.Text
}

// missing asks for the field that was left empty.
func missing(field string) string {
	switch field {
	case "identifier":
		return "Enter your email address."
	case "password":
		return "Enter your password."
	case "code", "totp_code":
		return "Enter the code."
	case "lookup_secret":
		return "Enter a recovery code."
	}
	return "Fill this in."
}
