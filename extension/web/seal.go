package web

import "paperplane/extension"

// Seal makes text unreadable to everybody but Open, on every replica, so that it can travel in addresses which others write
// down. It gives characters of base64url.
func (s *Shell) Seal(text string) string { return s.sealer().Seal(text) }

// Open reads what Seal made. false says that it is nothing that Seal made.
func (s *Shell) Open(sealed string) (string, bool) { return s.sealer().Open(sealed) }

func (s *Shell) sealer() extension.Sealer {
	return extension.NewSealer(s.secret, "paperplane sealed addresses")
}
