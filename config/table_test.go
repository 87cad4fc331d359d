package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/config"
)

func TestTheTableNamesEverySetting(t *testing.T) {
	t.Parallel()
	checkGolden(t, "testdata/table.md", config.Table())
	for _, name := range config.Variables()[1:] {
		if !strings.Contains(config.Table(), "`"+name+"`") {
			t.Errorf("%s stands in no row", name)
		}
	}
}

func TestTheEffectiveConfigurationIsPrintedWithoutSecrets(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Sources{Environ: required("PAPERPLANE_PUBLIC_TRUSTED_PROXIES=10.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "testdata/printed.yml", printOut(t, c))
}

func TestNoTwoSettingsShareAVariableOrAFlag(t *testing.T) {
	t.Parallel()
	names := config.Variables()
	slices.Sort(names)
	if compact := slices.Compact(slices.Clone(names)); len(compact) != len(names) {
		t.Errorf("variables stand twice in %v", names)
	}
	flags(t) // pflag panics on a flag that is there twice
}

// checkGolden compares with a file, and writes it anew under: UPDATE_GOLDEN=1 go test ./config.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); write it anew with UPDATE_GOLDEN=1:\n%s", name, diff)
	}
}
