package extension

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Charter is what a new organisation begins with.
type Charter struct {
	Organisation Organisation
	Areas        []ServiceArea
	Roles        []Role
	Terms        Terms
}

// The limits of an organisation's settings; the schema says the same.
const (
	minLinkLifetime = time.Hour
	maxLinkLifetime = 30 * 24 * time.Hour
	maxNameBytes    = 200
)

// Check refuses a charter that cannot be established, all faults at once. What passes breaks no rule of the schema, so
// that the only conflict left is a slug that is taken.
func (c Charter) Check() error {
	var refused InvalidError
	refuse := func(wrong bool, field, sentence string) {
		if wrong {
			refused.Fields = append(refused.Fields, FieldError{Field: field, Message: sentence})
		}
	}
	c.Organisation.check(refuse)
	c.checkAreas(refuse)
	c.checkRoles(refuse)
	refuse(strings.TrimSpace(c.Terms.Text) == "", "terms", "An organisation needs terms and conditions (EULA) that invitees accept.")
	if len(refused.Fields) > 0 {
		return &refused
	}
	return nil
}

func (o Organisation) check(refuse func(wrong bool, field, sentence string)) {
	slug := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	refuse(!slug.MatchString(o.Slug), "slug", "The slug stands in addresses: lower-case letters, digits and hyphens, at most 63.")
	refuse(!validName(o.Name), "name", "Give the organisation a name of at most 200 bytes"+shownAlone)
	o.checkTwoFactor(refuse)
	refuse(o.LinkLifetime < minLinkLifetime || o.LinkLifetime > maxLinkLifetime, "link-lifetime", "A link can work for between one hour and 30 days.")
	refuse(!ValidLanguage(o.Language), "language", "The language is a tag such as en, de or sv (RFC 5646).")
	region := regexp.MustCompile(`^([A-Z]{2})?$`)
	refuse(!region.MatchString(o.Region), "region", "The region is the two capital letters of a country (ISO 3166-1), or is left out.")
	if o.ReplyTo != "" {
		_, err := mail.ParseAddress(o.ReplyTo)
		refuse(err != nil || strings.ContainsFunc(o.ReplyTo, unicode.IsControl), "reply-to", "The reply-to is no email address.")
	}
}

// ValidLanguage tells whether text looks like a language tag (RFC 5646 §2.1, without extensions) that fits the schema.
func ValidLanguage(text string) bool {
	shape := regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	return len(text) <= 35 && shape.MatchString(text)
}

func (o Organisation) checkTwoFactor(refuse func(wrong bool, field, sentence string)) {
	refuse(o.TwoFactor != TwoFactorRequired && o.TwoFactor != TwoFactorOff, "two-factor", "Two-factor authentication is off or required.")
	refuse(len(o.Ways) == 0, "ways", "Allow at least one way of two-factor authentication.")
	for _, way := range o.Ways {
		refuse(!slices.Contains(Ways(), way), "ways", "Two-factor authentication works by totp, sms or email.")
	}
}

func (c Charter) checkAreas(refuse func(wrong bool, field, sentence string)) {
	refuse(len(c.Areas) == 0, "area", "An organisation needs at least one service area.")
	names := make(map[string]bool, len(c.Areas))
	for _, a := range c.Areas {
		refuse(!validName(a.Name), "area", "Every service area needs a name of at most 200 bytes"+shownAlone)
		refuse(names[a.Name], "area", "Two service areas have the same name.")
		names[a.Name] = true
	}
}

func (c Charter) checkRoles(refuse func(wrong bool, field, sentence string)) {
	administrates := false
	names := make(map[string]bool, len(c.Roles))
	for _, r := range c.Roles {
		refuse(!validName(r.Name), "role", "Every role needs a name of at most 200 bytes"+shownAlone)
		refuse(names[r.Name], "role", "Two roles have the same name.")
		refuse(!r.Right.Known(), "role", "The right of a role is none, inviter or administrator.")
		names[r.Name] = true
		administrates = administrates || r.Right == RightAdministrator
	}
	refuse(!administrates, "role", "One role must have the administrator right, or nobody could invite.")
}

// shownAlone ends the sentence about a name.
const shownAlone = " without characters that cannot be shown, such as line ends or those that turn the direction of writing."

// validName tells whether a name can stand in letters and on pages: those are read by people who have never seen it, so
// it holds nothing that hides or turns around what stands beside it.
func validName(name string) bool {
	hides := func(r rune) bool { return unseen(r) && !unicode.Is(unicode.Zs, r) }
	return strings.TrimSpace(name) != "" && len(name) <= maxNameBytes && utf8.ValidString(name) && !strings.ContainsFunc(name, hides)
}
