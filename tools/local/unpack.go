package local

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// nativePrefix is where the package keeps bin, lib and share.
const nativePrefix = "package/native/"

// unpackNative writes the package's programs below dir. Every path is resolved inside dir (os.Root).
func unpackNative(archive []byte, dir string) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	entries := tar.NewReader(compressed)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name, wanted := strings.CutPrefix(header.Name, nativePrefix)
		if !wanted || header.Typeflag != tar.TypeReg {
			continue
		}
		if err := writeFile(root, name, entries); err != nil {
			return err
		}
	}
	if err := restoreLinks(root); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // Programs that another user must run.
}

// writeFile writes one file for everybody to read, and to run if it is a program.
func writeFile(root *os.Root, name string, content io.Reader) error {
	mode := os.FileMode(0o644)
	if path.Dir(name) == "bin" {
		mode = 0o755
	}
	if err := makeParents(root, name); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode), file.Close()) // Chmod: whatever the umask says
}

// makeParents creates the folders above name, each open to everybody.
func makeParents(root *os.Root, name string) error {
	parts := strings.Split(path.Dir(name), "/")
	for i := range parts {
		dir := path.Join(parts[:i+1]...)
		err := root.Mkdir(dir, 0o755)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := root.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// restoreLinks makes the symbolic links that an npm archive cannot hold and
// the package lists in a file instead.
func restoreLinks(root *os.Root) error {
	list, err := root.ReadFile("pg-symlinks.json")
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(list, &links); err != nil {
		return fmt.Errorf("read list of links: %w", err)
	}
	for _, link := range links {
		source, target := strings.TrimPrefix(link.Source, "native/"), strings.TrimPrefix(link.Target, "native/")
		if err := makeParents(root, target); err != nil {
			return err
		}
		destination, err := filepath.Rel(path.Dir(target), source)
		if err != nil {
			return err
		}
		if err := root.Symlink(destination, target); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}
