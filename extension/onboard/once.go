package onboard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"paperplane/extension"
)

// once shows a code of an authenticator app to Kratos, unless it was shown before: Kratos takes one as often as it comes
// while it is right, and RFC 6238 §5.2 wants it taken once. show gets what names the reservation; whoever submits a code
// past us does not know it. A code that Kratos refuses, or that nothing came of, is free again. After ErrCodeUsed, look
// whether it was this session that used it (usedTwice).
func (s *Service) once(ctx context.Context, id extension.IdentityID, code string, show func(reservation string) error) error {
	ticket := extension.NewID[string]()
	if err := s.reserve(ctx, id, s.hashOf(id, code), ticket); err != nil {
		return fmt.Errorf("reserve a code of identity %s: %w", id, err)
	}
	err := show(ticket)
	if err != nil {
		// One that is not let go cannot be used until it is wrong anyway.
		_ = s.store.ReleaseAppCode(context.WithoutCancel(ctx), id, ticket)
	}
	return err
}

// How long a code waits for its own first attempt, and how often it looks.
const (
	underWayTime = 2 * time.Second
	underWayLook = 50 * time.Millisecond
)

// reserve waits for a moment while the code is under way already: most often the button was pressed twice, and the browser
// shows the later answer.
func (s *Service) reserve(ctx context.Context, id extension.IdentityID, hash, ticket string) error {
	over, look := time.NewTimer(underWayTime), time.NewTicker(underWayLook)
	defer over.Stop()
	defer look.Stop()
	for {
		err := s.store.ReserveAppCode(ctx, id, hash, ticket)
		if !errors.Is(err, extension.ErrCodeUnderWay) {
			return err
		}
		select {
		case <-look.C:
		case <-over.C:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// usedTwice fails unless it was in this session that a code was used before: then its button was pressed twice. It waits
// for whoever is about to record that.
func (s *Service) usedTwice(ctx context.Context, session extension.Session) error {
	return s.store.Exclusive(ctx, extension.IdentityLock(session.Identity), func(ctx context.Context) error {
		proofs, err := s.proofs(ctx, session)
		if err == nil && !slices.Contains(proofs, extension.FactorTOTP) {
			return extension.Invalid(fieldCode, extension.CodeUsed)
		}
		return err
	})
}

// hashOf is what is kept of a code. Six digits are soon guessed, so the hash is keyed.
func (s *Service) hashOf(id extension.IdentityID, code string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte("app code v1\x00" + string(id) + "\x00" + code))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
