package invite_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/invite"
)

const wrong, right = "bob@exampel.com", "bob@example.com"

// sent is somebody who was invited at the wrong address, two minutes ago.
func (s *scene) sent(t *testing.T) extension.User {
	t.Helper()
	s.send(t, wrong)
	s.finish(t)
	s.now = s.now.Add(2 * time.Minute)
	return s.user(t, wrong)
}

func (s *scene) correct(t *testing.T, user extension.User) {
	t.Helper()
	if _, err := s.Readdress(t.Context(), s.admin, user.ID, invite.Correction{Address: " Bob <" + right + ">"}); err != nil {
		t.Fatal(err)
	}
}

// refuses fails the test unless an error is a refusal at this field with these words.
func refuses(t *testing.T, what string, err error, field, words string) {
	t.Helper()
	var invalid *extension.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != field || !strings.Contains(invalid.Fields[0].Message, words) {
		t.Errorf("%s: %v, want %q at %q", what, err, words, field)
	}
}

func TestACorrectedAddressGetsItsLetterOnceKratosHasIt(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.sent(t)
	s.correct(t, user)
	if len(s.aligned) != 1 || s.aligned[0] != user.Identity {
		t.Errorf("what was begun is ended of %v", s.aligned)
	}
	s.kratos.down = trouble()
	if err := work(t, s.Service); !errors.Is(err, extension.ErrUnavailable) {
		t.Fatalf("while Kratos is down: %v", err)
	}
	if s.post.boxes[right] != 0 {
		t.Fatal("a letter went out before Kratos had the address")
	}
	s.kratos.down = nil
	s.finish(t)
	if s.post.boxes[wrong] != 1 || s.post.boxes[right] != 1 || s.kratos.moved[user.Identity] != right || s.kratos.made[right] != 0 {
		t.Errorf("letters %v, identities moved %v and made %v", s.post.boxes, s.kratos.moved, s.kratos.made)
	}
	if after := s.user(t, right); after.ID != user.ID || after.Identity != user.Identity || after.Letter.Sent.IsZero() {
		t.Errorf("%+v", after)
	}
}

func TestACorrectionThatNobodyIsToldOfGoesOnByItself(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.sent(t)
	// The process ends right after the transaction: nothing was aligned, no worker woken.
	order := extension.Readdress{
		Batch: extension.Batch{
			ID: extension.NewID[extension.BatchID](), Organisation: s.admin.Organisation, Kind: extension.BatchResend,
			Inviter: s.admin.Name, Pressed: s.now, Starts: s.now,
		},
		User: user.ID, Address: right, Key: right,
	}
	if err := s.db.Readdress(t.Context(), s.admin, order); err != nil {
		t.Fatal(err)
	}
	// It ends again after Kratos has obeyed and before that is written down.
	leased, err := s.db.LeaseWork(t.Context(), order.Batch.ID, 10, time.Minute)
	if err != nil || len(leased) != 1 || leased[0].Identity != user.Identity || leased[0].Address != right {
		t.Fatal(leased, err)
	}
	if _, err := s.kratos.Readdress(t.Context(), user.Identity, user.ID, right); err != nil {
		t.Fatal(err)
	}
	s.exec(t, `UPDATE invitations SET leased_until = clock_timestamp() - interval '1 second'`)
	s.finish(t)
	if s.post.boxes[right] != 1 || s.kratos.moved[user.Identity] != right || s.user(t, right).Identity != user.Identity {
		t.Errorf("letters %v, identities %v, %+v", s.post.boxes, s.kratos.moved, s.user(t, right))
	}
}

func TestACorrectionThatKratosRefusesIsToldAndCanBeCorrectedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script func(s *scene, id extension.IdentityID)
		want   extension.Refusal
	}{
		"an account of another kind": {func(s *scene, _ extension.IdentityID) {
			s.kratos.existing[right], s.kratos.foreign = "", map[string]bool{right: true}
		}, extension.RefusedExistingAccount},
		"no address to Kratos": {
			func(s *scene, _ extension.IdentityID) { s.kratos.refused = map[string]string{right: "It is odd."} }, extension.RefusedByKratos,
		},
	} {
		s := setup(t)
		user := s.sent(t)
		c.script(s, user.Identity)
		s.correct(t, user)
		s.finish(t)
		if got := s.user(t, right); got.Refused != c.want || s.post.boxes[right] != 0 {
			t.Errorf("%s: %+v", name, got)
		}
		s.now = s.now.Add(time.Minute)
		if _, err := s.Readdress(t.Context(), s.admin, user.ID, invite.Correction{Address: "bobby@example.com"}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.finish(t)
		if s.post.boxes["bobby@example.com"] != 1 || s.kratos.moved[user.Identity] != "bobby@example.com" {
			t.Errorf("%s: letters %v, identities %v", name, s.post.boxes, s.kratos.moved)
		}
	}
}

func TestWhoeverHasTheCorrectedAddressAlreadyIsLinkedToTheirAccount(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.sent(t)
	s.kratos.existing[right] = ""
	s.correct(t, user)
	s.finish(t)
	after := s.user(t, right)
	if after.Identity != s.kratos.ids[right] || after.Identity == user.Identity || s.post.boxes[right] != 1 || s.kratos.moved[user.Identity] != "" {
		t.Errorf("letters %v, identities %v, %+v", s.post.boxes, s.kratos.moved, after)
	}
}

// TestAnAccountThatIsNotTheUsersKeepsNobodyFromACorrection corrects an address that somebody else registered with, before
// they have taken the invitation on: a refusal would tell whoever invites that there is an account.
func TestAnAccountThatIsNotTheUsersKeepsNobodyFromACorrection(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.existing = map[string]extension.UserID{wrong: ""}
	s.kratos.registered = map[string]bool{wrong: true}
	user := s.sent(t)
	s.correct(t, user)
	s.finish(t)
	if after := s.user(t, right); after.Identity == user.Identity || after.Identity != s.kratos.ids[right] || s.post.boxes[right] != 1 {
		t.Errorf("letters %v, %+v", s.post.boxes, after)
	}
}

func TestAnIdentityThatIsGoneIsMadeForTheCorrectedAddress(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.sent(t)
	s.kratos.lost = map[extension.IdentityID]bool{user.Identity: true}
	s.correct(t, user)
	s.finish(t)
	if after := s.user(t, right); s.kratos.made[right] != 1 || after.Identity == user.Identity || after.Identity == "" || s.post.boxes[right] != 1 {
		t.Errorf("made %v, letters %v, %+v", s.kratos.made, s.post.boxes, after)
	}
}

func TestOnlyWhoHasNotRegisteredIsCorrected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, s *scene, user extension.User)
		words  string
	}{
		"registered": {func(t *testing.T, s *scene, user extension.User) {
			t.Helper()
			s.exec(t, `UPDATE users SET registered_at = now() WHERE id = $1`, user.ID)
		}, "has registered already"},
		"registered, as only Kratos knows": {func(_ *testing.T, s *scene, _ extension.User) {
			s.kratos.registered = map[string]bool{wrong: true}
		}, "has registered already"},
		"active": {func(t *testing.T, s *scene, user extension.User) {
			t.Helper()
			s.exec(t, `UPDATE users SET activated_at = now() WHERE id = $1`, user.ID)
		}, "is Active"},
		"inactive": {func(t *testing.T, s *scene, user extension.User) {
			t.Helper()
			s.exec(t, `UPDATE users SET paused_at = now() WHERE id = $1`, user.ID)
		}, "Resume the user first"},
		"on its way": {func(t *testing.T, s *scene, user extension.User) {
			t.Helper()
			s.exec(t, `UPDATE invitations SET sent_at = NULL WHERE user_id = $1`, user.ID)
		}, "still on its way"},
	} {
		s := setup(t)
		user := s.sent(t)
		c.change(t, s, user)
		_, err := s.Readdress(t.Context(), s.admin, user.ID, invite.Correction{Address: right})
		refuses(t, name, err, "", c.words)
	}
}

func TestACorrectionIsReadAsAPasteIs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.sent(t)
	s.send(t, "carl@example.com")
	for typed, want := range map[string][2]string{
		"":                      {"address", "Type the right email address."},
		"Bob":                   {"address", "Type the right email address."},
		right + ", x@y.example": {"address", "Type one address only."},
		"bob@example":           {"address", "This is no valid email address."},
		"BOB@EXAMPEL.COM":       {"address", "has already"},
		"Carl@Example.com":      {"address", "who is Pending in East. Two people cannot have one address."},
		"bob@gmial.com":         {"sure", "Did you mean bob@gmail.com?"},
		"bob@exаmple.com":       {"sure", "only look like"}, // a Cyrillic а
	} {
		_, err := s.Readdress(t.Context(), s.admin, user.ID, invite.Correction{Address: typed})
		refuses(t, typed, err, want[0], want[1])
	}
	if _, err := s.Readdress(t.Context(), s.admin, user.ID, invite.Correction{Address: "bob@gmial.com", Sure: true}); err != nil {
		t.Error(err)
	}
	nobody := extension.Actor{Organisation: s.admin.Organisation, Right: extension.RightNone}
	if _, err := s.Readdress(t.Context(), nobody, user.ID, invite.Correction{Address: right}); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("without a right: %v", err)
	}
}

func TestAnInviterIsToldWhyTheyCannotCorrect(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.sent(t)
	inviter := extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: s.admin.Organisation, Name: "Ines", Right: extension.RightInviter,
		Areas: []extension.AreaID{s.charter.Areas[0].ID},
	}
	s.exec(t, `INSERT INTO assignments (organisation_id, user_id, area_id, role_id) VALUES ($1, $2, $3, $4)`,
		user.Organisation, user.ID, s.charter.Areas[1].ID, s.charter.Roles[1].ID)
	_, err := s.Readdress(t.Context(), inviter, user.ID, invite.Correction{Address: right})
	refuses(t, "areas of others", err, "", "has a service area that is not yours, or a role that you may not give")
	stranger := inviter
	stranger.Areas = nil
	if _, err := s.Readdress(t.Context(), stranger, user.ID, invite.Correction{Address: right}); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a user out of sight: %v", err)
	}
}

func TestASuppressedAddressIsMailedByADeliberateActAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.sent(t)
	event := extension.MailEvent{ID: "e1", Kind: extension.MailComplained, Message: "message " + string(user.Invitation), At: s.now}
	if err := s.Record(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resend(t.Context(), s.admin, user.ID); err == nil {
		t.Fatal("it was mailed by an ordinary resend")
	}
	s.exec(t, `UPDATE invitations SET sent_at = $1`, s.now)
	_, err := s.MailAnyway(t.Context(), s.admin, user.ID)
	refuses(t, "within the cooldown", err, "", "less than a minute ago")
	if s.user(t, wrong).Suppressed != extension.SuppressedComplaint {
		t.Error("a refusal lifted the suppression")
	}
	s.now = s.now.Add(2 * time.Minute)
	if _, err := s.MailAnyway(t.Context(), s.admin, user.ID); err != nil {
		t.Fatal(err)
	}
	s.finish(t)
	if s.post.boxes[wrong] != 2 || s.user(t, wrong).Suppressed != "" {
		t.Errorf("letters %v", s.post.boxes)
	}
}

func TestTagsOfOtherApplicationsAreNoInvitations(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, tag := range []extension.InvitationID{"", "42", "'; DROP TABLE users", extension.InvitationID(strings.ToUpper(extension.NewID[string]()))} {
		if err := s.Record(t.Context(), extension.MailEvent{ID: "e1", Kind: extension.MailBounced, Message: "m", Invitation: tag, At: s.now}); err != nil {
			t.Errorf("%q: %v", tag, err)
		}
	}
}
