package extension_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func charter() extension.Charter {
	return extension.Charter{
		Organisation: extension.Organisation{
			Slug: "north-clinic", Name: "North Clinic", TwoFactor: extension.TwoFactorOff, Ways: extension.Ways(), LinkLifetime: extension.DefaultLinkLifetime,
			Language: "en", Region: "SE", ReplyTo: "Help <help@example.org>",
		},
		Areas: []extension.ServiceArea{{Name: "East"}, {Name: "West"}},
		Roles: []extension.Role{{Name: "Administrator", Right: extension.RightAdministrator}, {Name: "Nurse", Right: extension.RightNone}},
		Terms: extension.Terms{Title: "Terms", Text: "Be kind."},
	}
}

// faults gives the fields that a charter is refused for, in order.
func faults(t *testing.T, c extension.Charter) []string {
	t.Helper()
	err := c.Check()
	if err == nil {
		return nil
	}
	var invalid *extension.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("refused with %v", err)
	}
	var fields []string
	for _, f := range invalid.Fields {
		if f.Message == "" || !strings.HasSuffix(f.Message, ".") {
			t.Errorf("%s has no sentence: %q", f.Field, f.Message)
		}
		fields = append(fields, f.Field)
	}
	return fields
}

func TestAGoodCharterIsTaken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *extension.Charter){
		"as it is":              func(*extension.Charter) {},
		"one letter as slug":    func(c *extension.Charter) { c.Organisation.Slug = "a" },
		"63 letters as slug":    func(c *extension.Charter) { c.Organisation.Slug = strings.Repeat("a", 63) },
		"a link for one hour":   func(c *extension.Charter) { c.Organisation.LinkLifetime = time.Hour },
		"a link for 30 days":    func(c *extension.Charter) { c.Organisation.LinkLifetime = 30 * 24 * time.Hour },
		"a long name":           func(c *extension.Charter) { c.Organisation.Name = strings.Repeat("n", 200) },
		"no region or reply-to": func(c *extension.Charter) { c.Organisation.Region, c.Organisation.ReplyTo = "", "" },
		"names of other scripts": func(c *extension.Charter) {
			c.Organisation.Name, c.Areas[0].Name, c.Areas[1].Name = "بیمارستان می\u200cدان", "Hôpital\u00a0Est", "東病院"
		},
		"an area named as role": func(c *extension.Charter) { c.Areas[0].Name = "Nurse" },
	} {
		c := charter()
		change(&c)
		if got := faults(t, c); got != nil {
			t.Errorf("%s: refused for %v", name, got)
		}
	}
}

func TestABadCharterIsRefusedAtTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	type change = func(c *extension.Charter)
	slug := func(s string) change { return func(c *extension.Charter) { c.Organisation.Slug = s } }
	lifetime := func(d time.Duration) change { return func(c *extension.Charter) { c.Organisation.LinkLifetime = d } }
	replyTo := func(s string) change { return func(c *extension.Charter) { c.Organisation.ReplyTo = s } }
	for name, c := range map[string]struct {
		change change
		field  string
	}{
		"no slug":                  {slug(""), "slug"},
		"an upper-case slug":       {slug("North"), "slug"},
		"a slug with a slash":      {slug("a/b"), "slug"},
		"a slug with a line break": {slug("north\n"), "slug"},
		"a hyphen at the end":      {slug("north-"), "slug"},
		"64 letters as slug":       {slug(strings.Repeat("a", 64)), "slug"},
		"no name":                  {func(c *extension.Charter) { c.Organisation.Name = " \t" }, "name"},
		"too long a name":          {func(c *extension.Charter) { c.Organisation.Name = strings.Repeat("n", 201) }, "name"},
		"no way of two-factor":     {func(c *extension.Charter) { c.Organisation.Ways = nil }, "ways"},
		"an unknown way":           {func(c *extension.Charter) { c.Organisation.Ways = []extension.Factor{"pigeon"} }, "ways"},
		"two-factor perhaps":       {func(c *extension.Charter) { c.Organisation.TwoFactor = "perhaps" }, "two-factor"},
		"two-factor left out":      {func(c *extension.Charter) { c.Organisation.TwoFactor = "" }, "two-factor"},
		"a link for no time":       {lifetime(0), "link-lifetime"},
		"a link for a minute":      {lifetime(time.Hour - 1), "link-lifetime"},
		"a link for a year":        {lifetime(365 * 24 * time.Hour), "link-lifetime"},
		"a region in full":         {func(c *extension.Charter) { c.Organisation.Region = "Sweden" }, "region"},
		"a region in lower case":   {func(c *extension.Charter) { c.Organisation.Region = "se" }, "region"},
		"no address to reply to":   {replyTo("nobody"), "reply-to"},
		"two addresses":            {replyTo("a@example.com, b@example.com"), "reply-to"},
		"a header in the reply-to": {replyTo("a@example.com (\r\nBcc: b@example.com)"), "reply-to"},
		"no area":                  {func(c *extension.Charter) { c.Areas = nil }, "area"},
		"an area without a name":   {func(c *extension.Charter) { c.Areas[1].Name = "" }, "area"},
		"an area twice":            {func(c *extension.Charter) { c.Areas[1].Name = "East" }, "area"},
		"no administrator":         {func(c *extension.Charter) { c.Roles = c.Roles[1:] }, "role"},
		"no role at all":           {func(c *extension.Charter) { c.Roles = nil }, "role"},
		"a role without a name":    {func(c *extension.Charter) { c.Roles[1].Name = " " }, "role"},
		"a role twice":             {func(c *extension.Charter) { c.Roles[1].Name = "Administrator" }, "role"},
		"a name that turns around": {func(c *extension.Charter) { c.Organisation.Name = "North \u202eCinilC" }, "name"},
		"a name of two lines":      {func(c *extension.Charter) { c.Organisation.Name = "North\r\nBcc: b@example.com" }, "name"},
		"a name that is no text":   {func(c *extension.Charter) { c.Organisation.Name = "North \xff" }, "name"},
		"an area with an isolate":  {func(c *extension.Charter) { c.Areas[0].Name = "East\u2066" }, "area"},
		"a role with a NUL":        {func(c *extension.Charter) { c.Roles[1].Name = "Nurse\x00" }, "role"},
		"a right that is none":     {func(c *extension.Charter) { c.Roles[1].Right = "emperor" }, "role"},
		"no terms":                 {func(c *extension.Charter) { c.Terms.Text = "\n \n" }, "terms"},
	} {
		bad := charter()
		c.change(&bad)
		if diff := cmp.Diff([]string{c.field}, faults(t, bad)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAllFaultsOfACharterAreToldAtOnce(t *testing.T) {
	t.Parallel()
	var bad extension.Charter
	bad.Organisation.TwoFactor, bad.Organisation.Region, bad.Organisation.ReplyTo = "perhaps", "?", "?"
	want := []string{"slug", "name", "two-factor", "ways", "link-lifetime", "language", "region", "reply-to", "area", "role", "terms"}
	if diff := cmp.Diff(want, faults(t, bad)); diff != "" {
		t.Error(diff)
	}
}
