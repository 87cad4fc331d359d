package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
)

// Seal makes text unreadable to everybody but Open, on every replica, so that it can travel in addresses which others write
// down. It gives characters of base64url (AES-256-GCM, NIST SP 800-38D, with a random nonce).
func (s *Shell) Seal(text string) string {
	sealed := s.sealer().Seal(nil, nil, []byte(text), nil) //nolint:gosec // the sealer makes its own nonce, and takes none
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// Open reads what Seal made. false says that it is nothing that Seal made.
func (s *Shell) Open(sealed string) (string, bool) {
	bytes, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", false
	}
	text, err := s.sealer().Open(nil, nil, bytes, nil)
	return string(text), err == nil
}

func (s *Shell) sealer() cipher.AEAD {
	key, err := hkdf.Key(sha256.New, s.secret, nil, "paperplane sealed addresses", sha256.Size)
	if err != nil {
		panic(err) // only a length beyond 255 hashes fails
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only another length of key fails
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block that GCM needs
	}
	return sealer
}
