package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// toolEnvironment is the environment for the developer's own tools (go, npm, apt-get): his own,
// as it holds his proxies and caches. Where HOME is missing or closed, as for a user without an
// account, a folder in the state folder stands in, because go and npm cannot work without one.
func toolEnvironment(stateDir string) ([]string, error) {
	const writeAndEnter = 0x2 | 0x1 // W_OK | X_OK of access(2)
	environment := os.Environ()
	if home, err := os.UserHomeDir(); err == nil && syscall.Access(home, writeAndEnter) == nil {
		return environment, nil
	}
	home := filepath.Join(stateDir, "home")
	if err := os.Mkdir(home, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("create a home folder for tools: %w", err)
	}
	kept := environment[:0]
	for _, variable := range environment {
		if !strings.HasPrefix(variable, "HOME=") {
			kept = append(kept, variable)
		}
	}
	return append(kept, "HOME="+home), nil
}
