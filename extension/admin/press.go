package admin

import (
	"crypto/sha256"
	"encoding/hex"

	"paperplane/extension"
)

// batchOfPress is the batch of one press of a button: its id comes from the form, which is made when the page is shown,
// and from what was entered. Pressing twice, in two tabs or with the back button, is one batch, and the same form with
// other content is another one, never swallowed.
func batchOfPress(form string, entered ...string) extension.BatchID {
	hash := sha256.New()
	for _, part := range append([]string{form}, entered...) {
		hash.Write([]byte(part + "\x00"))
	}
	raw := hash.Sum(nil)[:16]
	raw[6] = raw[6]&0x0f | 0x80 // UUID version 8: made by a rule of our own (RFC 9562 §5.8)
	raw[8] = raw[8]&0x3f | 0x80
	id := hex.EncodeToString(raw)
	return extension.BatchID(id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:])
}
