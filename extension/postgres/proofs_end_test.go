package postgres_test

import (
	"testing"
	"time"

	"paperplane/extension"
)

func TestWhileAFactorGoesNobodySeesItWithoutItsProof(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	user := b.invited(t, "bob@example.com")
	session := sessionID()
	b.witness(t, witnessed(user, session, extension.FactorTOTP, ""))
	letGo := held(t, dsn, `SELECT FROM identities WHERE id = $1 FOR UPDATE`, string(user.Identity))
	done := meanwhile(t, b, 1, func() error {
		return b.db.SetFactors(t.Context(), user.Identity, nil, noon().Add(time.Hour))
	})
	b.shows(t, user, kinds{extension.FactorTOTP}, session, kinds{extension.FactorTOTP})
	letGo()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.shows(t, user, nil, session, nil)
}
