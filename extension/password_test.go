package extension_test

import (
	"strings"
	"testing"

	"paperplane/extension"
)

func TestAPasswordIsMoreThanSpaces(t *testing.T) {
	t.Parallel()
	for _, password := range []string{" ", strings.Repeat(" ", 13), "\t\n\u00a0\u2003\u3000 "} {
		if got := extension.PasswordRefusal(password); got != extension.PasswordOfSpaces {
			t.Errorf("%q: %q", password, got)
		}
	}
	for _, password := range []string{"", "correct horse battery", " x ", "  .  "} { // Kratos says what it has against them
		if got := extension.PasswordRefusal(password); got != "" {
			t.Errorf("%q: %q", password, got)
		}
	}
}
