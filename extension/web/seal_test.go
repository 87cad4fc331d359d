package web_test

import (
	"strings"
	"testing"
)

func TestOnlyTheShellOpensWhatItHasSealed(t *testing.T) {
	t.Parallel()
	const text = "https://app.example/x?token=S3cret"
	shell := setup(t, "https://people.example").shell
	sealed, again := shell.Seal(text), shell.Seal(text)
	if got, ok := shell.Open(sealed); !ok || got != text || sealed == again || strings.Contains(sealed, "app") {
		t.Errorf("%q, %v of %q and %q", got, ok, sealed, again)
	}
	for _, wrong := range []string{"", "x", text, sealed[1:], sealed + "A", strings.Repeat("A", len(sealed)), "%"} {
		if got, ok := shell.Open(wrong); ok || got != "" {
			t.Errorf("%q is opened as %q", wrong, got)
		}
	}
}
