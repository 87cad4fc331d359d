package local

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// axeVersion is the version of axe-core that pages are checked with, and axeIntegrity the SHA-512 of its archive.
const (
	axeVersion   = "4.14.1"
	axeIntegrity = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

// axeScript is the one file of the package that a browser needs.
const axeScript = "package/axe.min.js"

// AxeCore gives axe-core's script for a browser, which finds what makes a page hard to use for people with disabilities. It
// is fetched from npm once and kept in stateDir; it is never part of what we ship.
func AxeCore(ctx context.Context, stateDir string, progress io.Writer) (string, error) {
	script, err := axeCore(ctx, stateDir, progress)
	if err != nil {
		return "", fmt.Errorf("fetch axe-core: %w", err)
	}
	return string(script), nil
}

func axeCore(ctx context.Context, stateDir string, progress io.Writer) ([]byte, error) {
	target := filepath.Join(stateDir, "axe-"+axeVersion+".js")
	if script, err := os.ReadFile(target); err == nil {
		return script, nil
	}
	held, err := waitLock(ctx, filepath.Join(stateDir, "axe.lock"), func() {})
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.release() }()
	if script, err := os.ReadFile(target); err == nil {
		return script, nil // by whoever held the lock before us
	}
	_, _ = fmt.Fprintf(progress, "Fetching axe-core %s from npm.\n", axeVersion)
	return fetchAxe(ctx, stateDir, target)
}

// fetchAxe downloads the package and keeps its script. The target appears whole or not at all.
func fetchAxe(ctx context.Context, stateDir, target string) (script []byte, err error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(stateDir, "axe-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	archive, err := pack{npm: npm, name: "axe-core", version: axeVersion, integrity: axeIntegrity, stateDir: stateDir}.download(ctx, scratch)
	if err != nil {
		return nil, err
	}
	if script, err = fileOf(archive, axeScript); err != nil {
		return nil, err
	}
	whole := filepath.Join(scratch, "axe.js")
	if err := os.WriteFile(whole, script, 0o600); err != nil {
		return nil, err
	}
	return script, os.Rename(whole, target)
}

// fileOf reads one file of an npm archive.
func fileOf(archive []byte, name string) ([]byte, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	entries := tar.NewReader(compressed)
	for {
		header, err := entries.Next()
		if err != nil {
			return nil, fmt.Errorf("find %s in the archive: %w", name, err)
		}
		if header.Name == name {
			return io.ReadAll(entries)
		}
	}
}
