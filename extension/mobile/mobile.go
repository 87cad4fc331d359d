// Package mobile turns a mobile number as a person types it into the one spelling that Paperplane and Kratos keep:
// E.164 (ITU-T Recommendation E.164), a plus sign and up to 15 digits. It owns the rules of numbering plans, through
// Google's metadata, and the sentences about what is wrong. Whether a number is taken is Kratos' to say.
package mobile

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"paperplane/extension"
)

// Field is the name of the form's field that the sentences are about.
const Field = "mobile"

const (
	sayMissing  = "Enter your mobile number, for example +46 70 123 45 67."
	sayPrefix   = "Start with + and the country code, for example +46 70 123 45 67."
	sayLetters  = "A mobile number has no letters. Write it in digits, for example +46 70 123 45 67."
	sayOneOnly  = "Enter one number. A + stands only at its start, for example +46 70 123 45 67."
	saySymbols  = "Use only digits, spaces and a + at the start, for example +46 70 123 45 67."
	sayCountry  = "There is no country with this code. Check the digits after the +, for example +46 70 123 45 67."
	sayTooShort = "This number is too short. Check that no digit is missing."
	sayTooLong  = "This number is too long. Check that no digit is there twice."
	sayUnknown  = "This number is not in use in its country. Check every digit."
)

// maxLength is how many characters are looked at: far more than 15 digits with separators between all of them.
const maxLength = 64

// Normalise returns the E.164 form of a number. A number without + is read as one of the region (ISO 3166-1 alpha-2);
// without a region the + is demanded, because national numbers of one country are valid in others. What it returns
// passes the JSON Schema format "tel" of Kratos, which takes only valid international numbers. Every error is an
// *extension.InvalidError about Field with a sentence for the person.
func Normalise(number, region string) (string, error) {
	typed := strings.TrimSpace(strings.Map(dropInvisible, number))
	if sentence := unreadable(typed); sentence != "" {
		return "", extension.Invalid(Field, sentence)
	}
	if !international(typed) && phonenumbers.GetCountryCodeForRegion(region) == 0 {
		return "", extension.Invalid(Field, sayPrefix)
	}
	parsed, err := phonenumbers.Parse(typed, region)
	if err != nil {
		return "", extension.Invalid(Field, refused(typed))
	}
	if sentence := impossible(parsed); sentence != "" {
		return "", extension.Invalid(Field, sentence)
	}
	normal := phonenumbers.Format(parsed, phonenumbers.E164)
	if !accepted(normal) {
		return "", extension.Invalid(Field, sayUnknown)
	}
	return normal, nil
}

// unreadable refuses what the parser would quietly repair: it turns letters into the digits of a keypad, cuts a second
// number off and drops extensions.
func unreadable(typed string) string {
	if typed == "" {
		return sayMissing
	}
	if len(typed) > maxLength {
		return sayTooLong
	}
	digits := 0
	for i, r := range typed {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			return sayLetters
		case isPlus(r):
			if i > 0 {
				return sayOneOnly
			}
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), strings.ContainsRune("().,/", r):
		default:
			return saySymbols
		}
	}
	if digits == 0 {
		return sayMissing
	}
	return ""
}

// refused chooses the sentence for a number of digits and separators that the parser could make nothing of.
func refused(typed string) string {
	digits := 0
	for _, r := range typed {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	switch {
	case digits < 7: // no numbering plan has international numbers so short
		return sayTooShort
	case digits > 15: // ITU-T E.164 §6.2.1
		return sayTooLong
	default:
		return sayCountry
	}
}

// impossible looks at the length alone, which gives a better sentence than "not in use".
func impossible(number *phonenumbers.PhoneNumber) string {
	switch phonenumbers.IsPossibleNumberWithReason(number) {
	case phonenumbers.TOO_SHORT, phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return sayTooShort
	case phonenumbers.TOO_LONG:
		return sayTooLong
	case phonenumbers.INVALID_COUNTRY_CODE:
		return sayCountry
	case phonenumbers.IS_POSSIBLE, phonenumbers.INVALID_LENGTH:
	}
	return ""
}

// accepted asks what Kratos asks of the format "tel".
func accepted(normal string) bool {
	number, err := phonenumbers.Parse(normal, "")
	return err == nil && phonenumbers.IsValidNumber(number)
}

func international(typed string) bool {
	for _, first := range typed {
		return isPlus(first)
	}
	return false
}

// isPlus knows the full-width plus of East Asian keyboards beside the plain one.
func isPlus(r rune) bool { return r == '+' || r == '＋' }

// dropInvisible removes format characters: phones' address books put direction marks around the numbers they copy.
func dropInvisible(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}
