package main

import (
	"strings"
	"testing"
)

func TestUserCommandsWantAPersonAndAnOrganisation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arguments []string
		code      int
		words     string
	}{
		"nobody":          {[]string{"reset-factor", "--organisation", "north"}, exitUsage, "accepts 1 arg(s), received 0"},
		"two people":      {[]string{"reset-factor", "--organisation", "north", "a@example.com", "b@example.com"}, exitUsage, "accepts 1 arg(s), received 2"},
		"no organisation": {[]string{"reset-factor", "a@example.com"}, exitFailed, `required flag(s) "organisation" not set`},
		"no number":       {[]string{"free-number", "--organisation", "north", "a@example.com"}, exitFailed, `required flag(s) "number" not set`},
		"another command": {[]string{"reset-factors"}, exitUsage, "did you mean reset-factor?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := execute(t, environment(), "", append([]string{"user"}, c.arguments...)...); got.code != c.code || !strings.Contains(got.err, c.words) {
				t.Errorf("%+v", got)
			}
		})
	}
}
