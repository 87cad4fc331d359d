package extension_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"paperplane/extension"
)

func TestNewIDsAreRandomUUIDs(t *testing.T) {
	t.Parallel()
	version4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[extension.UserID]bool{}
	for range 1000 {
		id := extension.NewID[extension.UserID]()
		if !version4.MatchString(string(id)) || seen[id] {
			t.Fatalf("%q is no new version 4 UUID", id)
		}
		seen[id] = true
		if parsed, err := extension.ParseID[extension.UserID](string(id)); err != nil || parsed != id {
			t.Fatalf("%q is read as %q, %v", id, parsed, err)
		}
	}
}

func TestParseIDTakesTheCanonicalSpellingAlone(t *testing.T) {
	t.Parallel()
	const good = "0f8fad5b-d9cb-469f-a165-70867728950e"
	if id, err := extension.ParseID[extension.IdentityID](good); err != nil || id != good {
		t.Errorf("%q is read as %q, %v", good, id, err)
	}
	bad := []string{
		"", "x", strings.ToUpper(good), strings.ReplaceAll(good, "-", ""), "{" + good + "}", "urn:uuid:" + good, good + "\n", " " + good,
		good[:35], good + "0", "0f8fad5bd-9cb-469f-a165-70867728950e", strings.Replace(good, "-", "0", 1), strings.Replace(good, "f", "g", 1),
		strings.Replace(good, "0f", "ö", 1), "0f8fad5b-d9cb-469f-a165-7086772895'0",
	}
	for _, text := range bad {
		if id, err := extension.ParseID[extension.IdentityID](text); !errors.Is(err, extension.ErrNotFound) || id != "" {
			t.Errorf("%q is read as %q, %v", text, id, err)
		}
	}
}
