package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
)

//go:embed static
var staticFiles embed.FS

// assets are the static files under an address that changes with their content. The hash is of all of them and stands
// in a folder's place, so that modules find one another by relative names.
type assets struct {
	version string
	files   map[string][]byte
}

func loadAssets() (assets, error) {
	loaded := assets{files: map[string][]byte{}}
	names, err := fs.Glob(staticFiles, "static/*") // sorted, so that every replica makes the same hash
	if err != nil {
		return assets{}, fmt.Errorf("list static files: %w", err)
	}
	hash := sha256.New()
	for _, name := range names {
		body, err := staticFiles.ReadFile(name)
		if err != nil {
			return assets{}, fmt.Errorf("read static file: %w", err)
		}
		hash.Write(fmt.Appendf(nil, "%s %d\n%s", name, len(body), body))
		loaded.files[path.Base(name)] = body
	}
	loaded.version = hex.EncodeToString(hash.Sum(nil)[:8])
	return loaded, nil
}

// Asset is the address of a static file.
func (s *Shell) Asset(file string) string { return "/static/" + s.assets.version + "/" + file }

// static serves a static file. Under its own version it is cached for good; while an upgrade is rolled out a page may
// ask an older or newer replica, and then gets that one's file without it being kept.
func (s *Shell) static(c *fiber.Ctx) error {
	body, ok := s.assets.files[c.Params("file")]
	if !ok {
		return extension.ErrNotFound
	}
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if c.Params("version") == s.assets.version {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	c.Set(fiber.HeaderContentType, map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}[path.Ext(c.Params("file"))])
	return c.Send(body)
}
