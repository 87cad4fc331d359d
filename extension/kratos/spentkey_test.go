package kratos_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/kratos"
)

func TestAnAppWhoseGuardWasDownNeedsAnotherKey(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.registered(t)
			form := p.settings(t)
			submit := func() error {
				_, reply, err := s.client.SubmitTOTP(t.Context(), p.browser(), form, appCode(t, appKey(t, form), time.Now()))
				p.take(reply)
				return err
			}
			s.hooks.answerAt(p.identity, kratos.GuardPath+"totp", http.StatusServiceUnavailable, "")
			if err := submit(); !errors.Is(err, extension.ErrUnavailable) {
				t.Errorf("while it is down: %v", err)
			}
			s.hooks.answerAt(p.identity, kratos.GuardPath+"totp", http.StatusNoContent, "")
			if err := submit(); !errors.Is(err, extension.ErrFlowExpired) {
				t.Errorf("with the same key: %v", err)
			}
			form = p.settings(t)
			if err := submit(); err != nil {
				t.Errorf("with another key: %v", err)
			}
		})
	}
}
