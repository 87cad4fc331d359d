package mobile_test

import (
	"errors"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"paperplane/extension"
	"paperplane/extension/mobile"
)

func TestOneNumberHasOneSpelling(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, number, region, want string
	}{
		{"plain", "+46701234567", "", "+46701234567"},
		{"with spaces", "+46 70 123 45 67", "", "+46701234567"},
		{"with hyphens, dots and brackets", "+46 (0)70-123.45 67", "", "+46701234567"},
		{"German slash", "0171/1234567", "DE", "+491711234567"},
		{"national, in its region", "070-123 45 67", "SE", "+46701234567"},
		{"international beats the region", "+44 7911 123456", "SE", "+447911123456"},
		{"double zero, in a region", "0046 70 123 45 67", "SE", "+46701234567"},
		{"no-break spaces", "+46\u00a070\u00a0123\u00a045\u00a067", "", "+46701234567"},
		{"non-breaking hyphen", "+46\u201170\u2011123\u201145\u201167", "", "+46701234567"},
		{"direction marks of an address book", "\u202a+46 70 123 45 67\u202c", "", "+46701234567"},
		{"full-width digits", "＋４６７０１２３４５６７", "", "+46701234567"},
		{"Arabic-Indic digits", "+٤٦٧٠١٢٣٤٥٦٧", "", "+46701234567"},
		{"surrounding space", "  +46701234567\n", "", "+46701234567"},
		{"North America", "(415) 555-2671", "US", "+14155552671"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := mobile.Normalise(c.number, c.region)
			if err != nil {
				t.Fatalf("Normalise(%q, %q): %v", c.number, c.region, err)
			}
			if got != c.want {
				t.Errorf("Normalise(%q, %q) = %q, want %q", c.number, c.region, got, c.want)
			}
		})
	}
}

func TestWhatIsNoNumberIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	const (
		missing  = "Enter your mobile number, for example +46 70 123 45 67."
		prefix   = "Start with + and the country code, for example +46 70 123 45 67."
		letters  = "A mobile number has no letters. Write it in digits, for example +46 70 123 45 67."
		oneOnly  = "Enter one number. A + stands only at its start, for example +46 70 123 45 67."
		symbols  = "Use only digits, spaces and a + at the start, for example +46 70 123 45 67."
		country  = "There is no country with this code. Check the digits after the +, for example +46 70 123 45 67."
		tooShort = "This number is too short. Check that no digit is missing."
		tooLong  = "This number is too long. Check that no digit is there twice."
		unknown  = "This number is not in use in its country. Check every digit."
	)
	cases := []struct {
		name, number, region, want string
	}{
		{"nothing", "", "", missing},
		{"only spaces", "  ", "SE", missing},
		{"only a plus", "+", "", missing},
		{"letters", "my phone", "", letters},
		{"letters on a keypad", "1-800-FLOWERS", "US", letters},
		{"an extension", "+46 70 123 45 67 ext 5", "", letters},
		{"a link", "tel:+46701234567", "", letters},
		{"national without a region", "070-123 45 67", "", prefix},
		{"national in a region that does not exist", "070-123 45 67", "XX", prefix},
		{"double zero without a region", "0046701234567", "", prefix},
		{"two numbers", "+46701234567/+46701234568", "", oneOnly},
		{"a plus at the end", "46701234567+", "", oneOnly},
		{"a star", "*46701234567", "", symbols},
		{"an at sign", "+46701234567@", "", symbols},
		{"a country that does not exist", "+999 123 456 789", "", country},
		{"short", "+46 70", "", tooShort},
		{"short, national", "0701", "SE", tooShort},
		{"one digit", "+4", "", tooShort},
		{"long", "+46 70 123 45 67 89 01 23", "", tooLong},
		{"long beyond all numbers", "+46701234567890123456789", "", tooLong},
		{"long beyond reading", "+46" + string(make([]byte, 100)) + "1", "", tooLong},
		{"a range that nobody has", "+1 555 555 5555", "", unknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := mobile.Normalise(c.number, c.region)
			var invalid *extension.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("Normalise(%q, %q) = %q, %v; want an InvalidError", c.number, c.region, got, err)
			}
			want := extension.FieldError{Field: mobile.Field, Message: c.want}
			if len(invalid.Fields) != 1 || invalid.Fields[0] != want {
				t.Errorf("Normalise(%q, %q) says %+v, want %+v", c.number, c.region, invalid.Fields, want)
			}
		})
	}
}

func TestEveryCountrysMobileNumbersAreTaken(t *testing.T) {
	t.Parallel()
	for region := range phonenumbers.GetSupportedRegions() {
		example := phonenumbers.GetExampleNumberForType(region, phonenumbers.MOBILE)
		if example == nil {
			continue
		}
		want := phonenumbers.Format(example, phonenumbers.E164)
		for _, format := range []phonenumbers.PhoneNumberFormat{phonenumbers.INTERNATIONAL, phonenumbers.NATIONAL} {
			typed := phonenumbers.Format(example, format)
			if number, err := phonenumbers.Parse(typed, region); err != nil || !phonenumbers.IsValidNumber(number) {
				continue // the library does not read its own national format of Argentina
			}
			got, err := mobile.Normalise(typed, region)
			if err != nil || got != want {
				t.Errorf("Normalise(%q, %q) = %q, %v; want %q", typed, region, got, err, want)
			}
		}
	}
}

// FuzzNormalise looks for a number that is returned though Kratos would refuse it, or that has two normal forms.
func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"+46701234567", "070-123 45 67", "(415) 555-2671", "+1 800 FLOWERS", "\u202a+46\u202c", "++46", "+0"} {
		f.Add(seed, "SE")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, number, region string) {
		normal, err := mobile.Normalise(number, region)
		if err != nil {
			if _, ok := errors.AsType[*extension.InvalidError](err); !ok {
				t.Fatalf("Normalise(%q, %q): %v is no InvalidError", number, region, err)
			}
			return
		}
		parsed, err := phonenumbers.Parse(normal, "")
		if err != nil || !phonenumbers.IsValidNumber(parsed) {
			t.Fatalf("Normalise(%q, %q) = %q, which Kratos refuses", number, region, normal)
		}
		again, err := mobile.Normalise(normal, "")
		if err != nil || again != normal {
			t.Fatalf("Normalise(%q) = %q, then %q, %v", number, normal, again, err)
		}
	})
}
