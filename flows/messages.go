package flows

import (
	"paperplane/extension"
	"paperplane/extension/locale"
)

// The ids of Kratos' messages that have words of ours here. Ids are stable, texts are not; they are listed in Kratos'
// source, text/id.go.
const (
	kratosConfirm         = 1010003
	kratosLoginCodeSent   = 1010014
	kratosLinkAccount     = 1010016
	kratosLoginCodeSentTo = 1010025

	kratosSaved = 1050001

	kratosRecovered        = 1060001
	kratosRecoveryLinkSent = 1060002
	kratosRecoveryCodeSent = 1060003
	kratosRecoveryMasked   = 1060004

	kratosVerificationLinkSent = 1080001
	kratosVerified             = 1080002
	kratosVerificationCodeSent = 1080003

	kratosInvalid         = 4000001
	kratosMissing         = 4000002
	kratosTooShort        = 4000003
	kratosFormat          = 4000004
	kratosPasswordPolicy  = 4000005
	kratosBadCredentials  = 4000006
	kratosTaken           = 4000007
	kratosWrongTOTP       = 4000008
	kratosNoIdentifier    = 4000009
	kratosNotVerified     = 4000010
	kratosNoTOTP          = 4000011
	kratosRecoveryUsed    = 4000012
	kratosNoRecoveryCodes = 4000014
	kratosRecoveryWrong   = 4000016
	kratosTooLong         = 4000017
	kratosTakenOnLink     = 4000027
	kratosTakenHints      = 4000028
	kratosTooSimilar      = 4000031
	kratosPasswordShort   = 4000032
	kratosPasswordLong    = 4000033
	kratosBreached        = 4000034
	kratosNoCode          = 4000035
	kratosNoAccount       = 4000037
	kratosSamePassword    = 4000039
	kratosNoEmail         = 4000040
	kratosNoPhone         = 4000041
	kratosDisabled        = 4000047

	kratosFlowExpired       = 4010001
	kratosNoMethod          = 4010002
	kratosNoSettingsMethod  = 4010004
	kratosNoRecoveryMethod  = 4010005
	kratosNoVerifyMethod    = 4010006
	kratosLoginRetry        = 4010007
	kratosLoginCodeWrong    = 4010008
	kratosLinkMismatch      = 4010009
	kratosAddressUnknown    = 4010010
	kratosSettingsExpired   = 4050001
	kratosAddressChanges    = 4050002
	kratosRecoveryRetry     = 4060001
	kratosRecoveryFailed    = 4060002
	kratosRecoveryNoToken   = 4060003
	kratosRecoveryToken     = 4060004
	kratosRecoveryExpired   = 4060005
	kratosRecoveryCodeWrong = 4060006
	kratosVerifyToken       = 4070001
	kratosVerifyRetry       = 4070002
	kratosVerifyFailed      = 4070003
	kratosVerifyNoToken     = 4070004
	kratosVerifyExpired     = 4070005
	kratosVerifyCodeWrong   = 4070006
)

// wording says a message of Kratos in plain words, at the field where it stands. Our own guards speak English sentences
// that have translations; a message without words of ours keeps Kratos' own. Whether an account exists is told by none.
func wording(l locale.Language, message extension.Message, field string) string {
	if message.Objection() {
		return l.Say(message.Text)
	}
	for _, word := range []func(locale.Language, int64) string{sayProgress, sayCredentials, sayPassword, sayFlow} {
		if said := word(l, message.ID); said != "" {
			return said
		}
	}
	switch message.ID {
	case kratosMissing, kratosTooShort:
		return missing(l, field)
	case kratosInvalid, kratosFormat, kratosTooLong, kratosNoEmail, kratosNoPhone:
		if said := malformed(l, message.ID, field); said != "" {
			return said
		}
	}
	return message.Text
}

// sayProgress words what went well, or what comes next.
func sayProgress(l locale.Language, id int64) string {
	switch id {
	case kratosConfirm:
		return l.Say("Confirm that it is you: sign in again.")
	case kratosLoginCodeSent, kratosLoginCodeSentTo:
		return l.Say("We have sent you a code. If it does not come, check the address and try again.")
	case kratosLinkAccount:
		return l.Say("You have an account here already. Sign in the way you always did: then the new way of signing in is added to your account.")
	case kratosSaved:
		return l.Say("Your changes are saved.")
	case kratosRecovered:
		return l.Say("It is you. Now choose a new password.")
	case kratosRecoveryLinkSent, kratosRecoveryCodeSent, kratosRecoveryMasked:
		return l.Say("If an account belongs to this address, an email with a code is on its way.")
	case kratosVerificationLinkSent, kratosVerificationCodeSent:
		return l.Say("If this address belongs to an account, an email with a code is on its way to it.")
	case kratosVerified:
		return l.Say("Your email address is confirmed.")
	}
	return ""
}

// sayCredentials words why something that should prove who somebody is does not.
func sayCredentials(l locale.Language, id int64) string {
	switch id {
	case kratosBadCredentials, kratosNoAccount, kratosNoIdentifier:
		return l.Say("The email address or the password is not right. Check both and try again.")
	case kratosWrongTOTP:
		return l.Say("This code is not right. Codes change every 30 seconds: type the one that your app shows now. If it keeps being wrong, let your phone set its clock by itself.")
	case kratosLoginCodeWrong, kratosRecoveryCodeWrong, kratosVerifyCodeWrong, kratosRecoveryToken, kratosVerifyToken:
		return l.Say("This code is not right, or it was used already. Type the newest one that you were sent.")
	case kratosRecoveryUsed:
		return l.Say("This recovery code was used already. Each one works once: take the next.")
	case kratosRecoveryWrong:
		return l.Say("This recovery code is not right. Check it and try again.")
	case kratosNoTOTP:
		return l.Say("No authenticator app is set up for this account. Choose another way.")
	case kratosNoRecoveryCodes:
		return l.Say("No recovery codes are set up for this account. Choose another way.")
	case kratosNoCode:
		return l.Say("This way of signing in does not work for this account. Choose another way.")
	case kratosNotVerified:
		return l.Say("This email address is not confirmed yet. Confirm it, then sign in.")
	case kratosDisabled:
		return l.Say("This account is switched off. Ask your administrator.")
	case kratosAddressUnknown:
		return l.Say("No code can go to this address. Choose one of yours.")
	case kratosLinkMismatch:
		return l.Say("This is another account than the one that you wanted to add a way of signing in to. Sign in with that one.")
	}
	return ""
}

// sayPassword words why Kratos does not take a password, or a detail that somebody else has.
func sayPassword(l locale.Language, id int64) string {
	switch id {
	case kratosPasswordShort:
		return l.Say("This password is too short. Three or four words in a row are long enough and easy to remember.")
	case kratosPasswordLong:
		return l.Say("This password is too long: 72 characters are the most.")
	case kratosTooSimilar:
		return l.Say("This password is too much like your email address. Choose another one.")
	case kratosBreached:
		return l.Say("This password is known from a data breach elsewhere, so others may try it. Choose another one.")
	case kratosSamePassword:
		return l.Say("This is the password that you have now. Choose another one.")
	case kratosPasswordPolicy:
		return l.Say("This password cannot be used. Choose another one.")
	case kratosTaken:
		return l.Say("This number belongs to another account. Use another number, or ask your administrator to free it.")
	case kratosTakenOnLink, kratosTakenHints:
		return l.Say("This way of signing in cannot be added: it belongs to another account, or its address does. Sign in the way you did before.")
	}
	return ""
}

// sayFlow words why a form has to be begun anew.
func sayFlow(l locale.Language, id int64) string {
	switch id {
	case kratosFlowExpired, kratosSettingsExpired, kratosRecoveryExpired, kratosVerifyExpired:
		return l.Say("This page was open for too long. Try again.")
	case kratosNoMethod, kratosNoSettingsMethod, kratosNoRecoveryMethod, kratosNoVerifyMethod:
		return l.Say("Fill in the form and press the button again.")
	case kratosLoginRetry, kratosRecoveryRetry, kratosRecoveryFailed, kratosRecoveryNoToken, kratosVerifyRetry, kratosVerifyFailed, kratosVerifyNoToken:
		return l.Say("This did not work, so nothing was changed. Begin again.")
	case kratosAddressChanges:
		return l.Say("This was changed too often. Wait a while, then try again.")
	}
	return ""
}

// missing asks for the field that was left empty.
func missing(l locale.Language, field string) string {
	switch field {
	case "identifier", "email":
		return l.Say("Enter your email address.")
	case "password":
		return l.Say("Enter your password.")
	case "code":
		return l.Say("Enter the code.")
	}
	return l.Say("Fill this in.")
}

// malformed words what Kratos says with a format's name (v1) or an id of its own (v26); empty when it is about a field
// that we know nothing of.
func malformed(l locale.Language, id int64, field string) string {
	switch {
	case field == mobileNode, id == kratosNoPhone:
		return l.Say("This is no mobile number. Write it with + and the country code, for example +46 70 123 45 67.")
	case field == "email", field == "identifier", field == emailNode, id == kratosNoEmail:
		return l.Say("This is no email address. Check it and try again.")
	case field == firstNameNode, field == lastNameNode:
		return l.Say("This name is too long. 100 characters are the most.")
	case field == "code":
		return l.Say("Enter the code.")
	}
	return ""
}
