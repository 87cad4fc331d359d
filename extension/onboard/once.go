package onboard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"paperplane/extension"
)

// once shows a code of an authenticator app to Kratos, unless it was shown before: Kratos takes one as often as it comes
// while it is right, and RFC 6238 §5.2 wants it taken once. show gets a ticket that names this attempt; whoever submits a
// code past us does not know it. A code that Kratos refuses, or that nothing came of, is free again.
func (s *Service) once(ctx context.Context, id extension.IdentityID, code string, show func(ticket string) error) error {
	ticket := extension.NewID[string]()
	if err := s.store.ReserveAppCode(ctx, id, s.hashOf(id, code), ticket); err != nil {
		return fmt.Errorf("reserve a code of identity %s: %w", id, err)
	}
	err := show(ticket)
	if err != nil {
		// One that is not let go cannot be used until it is wrong anyway.
		_ = s.store.ReleaseAppCode(context.WithoutCancel(ctx), id, ticket)
	}
	return err
}

// hashOf is what is kept of a code. Six digits are soon guessed, so the hash is keyed.
func (s *Service) hashOf(id extension.IdentityID, code string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte("app code v1\x00" + string(id) + "\x00" + code))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
