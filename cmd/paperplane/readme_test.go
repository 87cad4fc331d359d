package main

import (
	"strings"
	"testing"

	"paperplane/config"
)

func TestTheReadmeHoldsTheTableOfAllSettings(t *testing.T) {
	t.Parallel()
	if !strings.Contains(read(t, "../../README.md"), config.Table()) {
		t.Error("README.md differs from the settings: put in what `go run ./cmd/paperplane config table` prints")
	}
}
