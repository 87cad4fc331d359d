package local

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// axe-core is really fetched where npm is at hand; elsewhere the reason says that it is missing.
func TestAxeCoreIsFetchedOnce(t *testing.T) {
	t.Parallel()
	stateDir, err := StateDir()
	if err != nil {
		t.Fatal(err)
	}
	script, err := AxeCore(t.Context(), stateDir, os.Stderr)
	if _, missing := exec.LookPath("npm"); missing != nil && err != nil {
		wantOneSentence(t, err, "npm", "not found")
		return
	}
	if err != nil || !strings.Contains(script, "axe.run") {
		t.Fatalf("%d bytes, %v", len(script), err)
	}
	var progress strings.Builder
	if again, err := AxeCore(t.Context(), stateDir, &progress); err != nil || again != script || progress.Len() != 0 {
		t.Errorf("again: %v, %q", err, progress.String())
	}
}

func TestAFileThatIsNotInAnArchiveIsNamed(t *testing.T) {
	t.Parallel()
	packed := archive(t, map[string]string{"package/package.json": "{}"})
	if content, err := fileOf(packed, "package/package.json"); err != nil || string(content) != "{}" {
		t.Errorf("%q, %v", content, err)
	}
	_, err := fileOf(packed, axeScript)
	wantOneSentence(t, err, axeScript)
}
