package extension

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
)

// Sealer makes text unreadable to everybody but itself, on every replica, so that it can pass through other hands
// (AES-256-GCM, NIST SP 800-38D, with a random nonce). A nonce of 96 bits is safe for 2^32 texts under one secret (§8.3).
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes the Sealer of one purpose: what one has sealed, another purpose's does not open.
func NewSealer(secret []byte, purpose string) Sealer {
	key, err := hkdf.Key(sha256.New, secret, nil, purpose, sha256.Size)
	if err != nil {
		panic(err) // only a length beyond 255 hashes fails
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only another length of key fails
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block that GCM needs
	}
	return Sealer{aead: aead}
}

// Seal gives characters of base64url.
func (s Sealer) Seal(text string) string {
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, []byte(text), nil)) //nolint:gosec // the AEAD makes its own nonce, and takes none
}

// Open reads what Seal made. false says that it is nothing that Seal made.
func (s Sealer) Open(sealed string) (string, bool) {
	bytes, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", false
	}
	text, err := s.aead.Open(nil, nil, bytes, nil)
	return string(text), err == nil
}
