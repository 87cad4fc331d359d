package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// StateFolder is the name of the folder at the project's root that holds
// everything which may be deleted at any time: databases, fetched programs and
// what was built. Version control ignores it.
const StateFolder = ".paperplane"

// modulePath is the line of go.mod that tells Paperplane's root from the roots
// of its nested modules.
const modulePath = "module paperplane"

// Environment names the programs that a developer wants used in place of the
// ones this package finds by itself.
type Environment struct {
	PostgresBinaries string // PG_BIN: a folder with initdb and postgres; empty means search for one.
	KratosBinary     string // KRATOS_BIN: a Kratos program; empty means build tools/kratos.
}

// FromEnvironment reads PG_BIN and KRATOS_BIN. It is the one place outside
// config that reads the environment: tests have no configuration of their own,
// and these two say something about the machine rather than about Paperplane.
func FromEnvironment() Environment {
	return Environment{
		PostgresBinaries: os.Getenv("PG_BIN"),
		KratosBinary:     os.Getenv("KRATOS_BIN"),
	}
}

// ProjectRoot returns the folder of Paperplane's go.mod, searched upwards from
// the working folder: `go test` runs each package in its own folder. The error
// says so when the working folder is outside the source tree.
func ProjectRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		gomod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && declaresProject(gomod) {
			return dir, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("find the project: %w", err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the project: %s is not inside Paperplane's source tree", start)
		}
	}
}

func declaresProject(gomod []byte) bool {
	for line := range bytes.Lines(gomod) {
		if string(bytes.TrimSpace(line)) == modulePath {
			return true
		}
	}
	return false
}

// StateDir returns the state folder of the project that the working folder is
// in, and creates it when it is missing. Others may pass through it but not
// list it, because PostgreSQL may have to run as another user: files in it that
// hold secrets need a mode of their own.
func StateDir() (string, error) {
	root, err := ProjectRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, StateFolder)
	if err := makePassable(dir); err != nil {
		return "", fmt.Errorf("create state folder: %w", err)
	}
	return dir, nil
}

// passable lets every user go through a folder towards something that it may
// see, and shows nobody else what is in it.
const passable = 0o711

// makePassable creates dir if it is missing. A folder that exists keeps its mode: its
// owner may have closed it on purpose.
func makePassable(dir string) error {
	err := os.Mkdir(dir, passable)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, passable) // whatever the umask says
}
