package main

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
)

// growsOld makes all sessions of somebody older than Kratos lets anybody change what signs them in.
func (s *testStack) growsOld(t testing.TB, address string) {
	t.Helper()
	kratos, err := pgx.Connect(t.Context(), s.postgres.DSN("kratos"))
	if err != nil {
		t.Fatal(err)
	}
	defer kratos.Close(t.Context())
	tag, err := kratos.Exec(t.Context(), `UPDATE sessions SET authenticated_at = authenticated_at - interval '3 hours' WHERE identity_id = $1 AND active`,
		string(s.user(t, address).Identity))
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%d sessions grew old: %v", tag.RowsAffected(), err)
	}
}

// signsInAgain types the password once more for somebody whose session is too old.
func (v *visitor) signsInAgain(t *testing.T, asked page) page {
	t.Helper()
	asked.says(t, 200, "Sign in again", "then you come back to where you were")
	v.press(t, asked, "Sign in", "password", "not the password").says(t, 422, "The email address or the password is not right.")
	return v.press(t, asked, "Sign in", "password", goodPassword)
}

// outlivesPrivilege changes the account in a session that has grown old: somebody signs in again, and goes on.
func (s *testStack) outlivesPrivilege(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "slow@example.com"
	v := s.member(t, ada, address)
	app := v.addsApp(t)
	number := s.mobile()
	typed := []string{"traits.name.first", "Łucja", "traits.name.last", "d’Arc", "traits.phone", number}
	account := v.theSettings(t)
	s.growsOld(t, address)
	back := v.signsInAgain(t, v.press(t, account, "Save your details", typed...))
	back.says(t, 200, "Your account", "What you typed is still here.")
	for i := 0; i < len(typed); i += 2 {
		if got := back.value(t, typed[i]); got != typed[i+1] {
			t.Errorf("%s is %q, was typed %q", typed[i], got, typed[i+1])
		}
	}
	v.press(t, back, "Save your details").says(t, 200, "Your details are saved.")
	v.theSettings(t).lacks(t, "What you typed is still here.")
	eventually(t, "the report is heard", func() bool { return s.user(t, address).Mobile == number })

	for _, press := range []struct{ button, field, value, done string }{
		{"Save the new password", "password", "three wooden bridges", "Your new password is saved."},
		{"Make new recovery codes", "", "", "Your new recovery codes"},
		{"Take away Authenticator app", "", "", "Add an authenticator app"},
	} {
		t.Run(press.button, func(t *testing.T) {
			account := v.theSettings(t)
			s.growsOld(t, address)
			var typed []string
			if press.field != "" {
				typed = []string{press.field, press.value}
			}
			again := v.press(t, account, press.button, typed...)
			if again.path() == "/login" { // Kratos asks for some of these only
				again = v.signsInAgain(t, again)
				again.says(t, 200, "Your account")
				again = v.press(t, again, press.button, typed...)
			}
			again.says(t, 200, press.done)
			if press.field == "password" { // for the next ones to sign in with
				v.press(t, v.theSettings(t), press.button, press.field, goodPassword).says(t, 200, press.done)
			}
		})
	}
	v.addressesLack(t, app.secret, goodPassword, number)
}

// outlivesPrivilegeUnregistered is the same for an invitee, who has no password to sign in with yet: the link leads back.
func (s *testStack) outlivesPrivilegeUnregistered(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "slow.invitee@example.com"
	ada.invites(t, address)
	v, link, number := s.visitor(t), s.linkTo(t, address), s.mobile()
	form := v.starts(t, link)
	s.growsOld(t, address)
	late := v.press(t, form, "Register", details(number, "first_name", "Łucja")...)
	late.says(t, 403, "Your session has ended", "Back to your invitation")
	again := v.starts(t, link)
	for field, want := range map[string]string{"first_name": "Łucja", "last_name": "Sand", "mobile": number, "password": "", "email": address} {
		if got := again.value(t, field); got != want {
			t.Errorf("%s is %q, was typed %q", field, got, want)
		}
	}
	terms := v.press(t, again, "Register", "password", goodPassword)
	terms.says(t, 200, "Terms and conditions (EULA)")
	s.growsOld(t, address)
	agreed := v.press(t, terms, "I accept the terms and conditions")
	if agreed.path() == "/login" {
		agreed = v.signsInAgain(t, agreed)
		agreed.says(t, 200, "Terms and conditions (EULA)")
		agreed = v.press(t, agreed, "I accept the terms and conditions")
	}
	agreed.says(t, 200, "You’re in, Łucja")
	s.is(t, address, extension.Active)
}
