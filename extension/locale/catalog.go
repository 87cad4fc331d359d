package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"sync"
)

// The translations: for each language a folder of JSON objects, from English sentences to translated ones. How the
// sentences are spread over the files only helps whoever edits them.
//
//go:embed catalog
var catalogFiles embed.FS

// catalogs gives the translations, read once. They are part of the program, so a fault in them is a fault of the build.
var catalogs = sync.OnceValue(func() map[Language]map[string]string { //nolint:gochecknoglobals // read once, never changed
	read, err := readCatalogs(catalogFiles)
	if err != nil {
		panic(err)
	}
	return read
})

// readCatalogs reads catalog/{language}/*.json.
func readCatalogs(files fs.FS) (map[Language]map[string]string, error) {
	names, err := fs.Glob(files, "catalog/*/*.json")
	if err != nil {
		return nil, fmt.Errorf("list catalogs: %w", err)
	}
	read := map[Language]map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read catalog: %w", err)
		}
		var sentences map[string]string
		if err := json.Unmarshal(text, &sentences); err != nil {
			return nil, fmt.Errorf("read catalog %s: %w", name, err)
		}
		language := Language(path.Base(path.Dir(name)))
		if read[language] == nil {
			read[language] = map[string]string{}
		}
		maps.Copy(read[language], sentences)
	}
	return read, nil
}
