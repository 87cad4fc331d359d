package extension

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Links makes and checks the tokens of invitation links. A token is derived, never stored: key id, invitation id and
// HMAC-SHA-256 (RFC 2104) over both. It carries no authority; that comes from the invitation's row, so a revoked
// invitation's token stays genuine and is worthless. A retried delivery makes the same token again.
type Links struct {
	current string
	keys    map[string][]byte
}

// LinkKey is one secret under which links are made.
type LinkKey struct {
	ID     string // short, in the link: letters and digits
	Secret []byte // at least 32 bytes: the size of the hash (RFC 2104 §3)
}

// linkLabel keeps these MACs apart from any other use of the same key.
const linkLabel = "paperplane invitation link v1\x00"

// NewLinks takes the keys, the one for new links first. Retired keys stay as long as links made under them may be used.
func NewLinks(keys []LinkKey) (Links, error) {
	if len(keys) == 0 {
		return Links{}, errors.New("make links: no key")
	}
	links := Links{current: keys[0].ID, keys: make(map[string][]byte, len(keys))}
	for _, key := range keys {
		if key.ID == "" || strings.Trim(key.ID, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return Links{}, fmt.Errorf("make links: key id %q is not lower-case letters and digits", key.ID)
		}
		if len(key.Secret) < sha256.Size {
			return Links{}, fmt.Errorf("make links: the secret of key %q is shorter than %d bytes", key.ID, sha256.Size)
		}
		if _, twice := links.keys[key.ID]; twice {
			return Links{}, fmt.Errorf("make links: key id %q stands twice", key.ID)
		}
		links.keys[key.ID] = key.Secret
	}
	return links, nil
}

// Current is the id of the key for new links.
func (l Links) Current() string { return l.current }

// Token makes the token of an invitation under a key. The key's id is written down with the work, so that a retry
// after a key change still makes the same bytes. ErrNotFound says that the key is no longer configured.
func (l Links) Token(keyID string, invitation InvitationID) (string, error) {
	key, ok := l.keys[keyID]
	if !ok {
		return "", fmt.Errorf("link key %q is not configured: %w", keyID, ErrNotFound)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(string(invitation), "-", ""))
	if err != nil || len(raw) != 16 {
		return "", fmt.Errorf("invitation id is no UUID: %w", ErrNotFound)
	}
	return keyID + "." + base64.RawURLEncoding.EncodeToString(append(raw, linkMAC(key, keyID, raw)...)), nil
}

// Verify returns the invitation of a genuine token, in constant time over the MAC. Everything else is ErrNotFound, and
// so is a genuine token in another spelling: the decoder would pass over line breaks, so the length is checked first.
func (l Links) Verify(token string) (InvitationID, error) {
	keyID, payload, ok := strings.Cut(token, ".")
	key, known := l.keys[keyID]
	if !ok || !known || len(payload) != base64.RawURLEncoding.EncodedLen(16+sha256.Size) {
		return "", ErrNotFound
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil || len(raw) != 16+sha256.Size || !hmac.Equal(raw[16:], linkMAC(key, keyID, raw[:16])) {
		return "", ErrNotFound
	}
	id := hex.EncodeToString(raw[:16])
	return InvitationID(id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]), nil
}

func linkMAC(key []byte, keyID string, invitation []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(linkLabel + keyID + "\x00"))
	mac.Write(invitation)
	return mac.Sum(nil)
}
