package roster_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/roster"
)

// rows is what a test's rows want of one identity, with a note of all that was asked and written. Methods that a test
// does not need are those of a nil Store.
type rows struct {
	roster.Store
	standing extension.Standing
	user     extension.User
	log      *[]string
	again    time.Duration
	held     bool
}

func (r *rows) note(what string) { *r.log = append(*r.log, what) }

func (r *rows) Exclusive(ctx context.Context, name string, f func(ctx context.Context) error) error {
	r.held = name == extension.IdentityLock(r.user.Identity)
	defer func() { r.held = false }()
	return f(ctx)
}

func (r *rows) Standing(context.Context, extension.IdentityID, time.Time) (extension.Standing, error) {
	return r.standing, nil
}

func (r *rows) SetLeftInactive(_ context.Context, _ extension.IdentityID, at time.Time) error {
	if at.IsZero() {
		r.note("write: ours to leave alone")
	} else {
		r.note("write: made inactive by us")
	}
	return nil
}

func (r *rows) Aligned(_ context.Context, _ extension.IdentityID, asked int64, again time.Duration) error {
	if asked != r.standing.Asked {
		return errors.New("aligned a standing that it did not read")
	}
	r.again = again
	return nil
}

func (r *rows) Unlink(context.Context, extension.IdentityID) error {
	r.note("write: unlinked")
	return nil
}

func (r *rows) User(_ context.Context, actor extension.Actor, id extension.UserID) (extension.User, error) {
	if id != r.user.ID || actor.Organisation != r.user.Organisation {
		return extension.User{}, extension.ErrNotFound
	}
	return r.user, nil
}

func (r *rows) SetPaused(_ context.Context, _ extension.Actor, _ extension.UserID, paused, _ time.Time) (bool, error) {
	changed := r.user.Facts.Paused.IsZero() != paused.IsZero()
	r.user.Facts.Paused = paused
	r.note("write: paused " + map[bool]string{true: "no", false: "yes"}[paused.IsZero()])
	return changed, nil
}

// kratos holds one identity and notes what is done to it.
type kratos struct {
	rows     *rows
	identity extension.Identity
	gone     bool
	down     error
	outdated bool // what is published differs
}

func (k *kratos) do(what string, obey func()) error {
	if !k.rows.held {
		return errors.New("Kratos was called without the identity's lock")
	}
	if k.down != nil {
		return k.down
	}
	if k.gone {
		return extension.ErrNotFound
	}
	if what != "" {
		k.rows.note(what)
	}
	obey()
	return nil
}

func (k *kratos) Identity(context.Context, extension.IdentityID) (identity extension.Identity, err error) {
	err = k.do("", func() { identity = k.identity })
	return identity, err
}

func (k *kratos) Enable(context.Context, extension.IdentityID, string) error {
	return k.do("enable", func() { k.identity.Active = true })
}

func (k *kratos) Disable(context.Context, extension.IdentityID) error {
	return k.do("disable", func() { k.identity.Active = false })
}

func (k *kratos) EndSessions(context.Context, extension.IdentityID) error {
	return k.do("end sessions", func() {})
}

func (k *kratos) Publish(context.Context, extension.IdentityID, []extension.Membership) (wrote bool, err error) {
	err = k.do("publish", func() { wrote, k.outdated = k.outdated, false })
	return wrote, err
}

func scene() (*roster.Service, *rows, *kratos, *[]string) {
	log := &[]string{}
	r := &rows{log: log, user: extension.User{
		ID: extension.NewID[extension.UserID](), Organisation: extension.NewID[extension.OrganisationID](),
		Address: "bob@example.com", Identity: extension.NewID[extension.IdentityID](),
	}}
	r.standing = extension.Standing{Address: r.user.Address, Need: extension.NeedOn, Ours: true, Asked: 7}
	k := &kratos{rows: r, identity: extension.Identity{ID: r.user.Identity, Active: true}}
	return roster.New(r, k, func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }), r, k, log
}

func TestAlignmentChangesOnlyWhatDiffersAndIsItsOwn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		need           extension.Need
		active, ours   bool
		want           []string
		comesBack      bool
		activeAtTheEnd bool
	}{
		"on and on":                       {extension.NeedOn, true, false, []string{"publish"}, false, true},
		"off by us, needed":               {extension.NeedOn, false, true, []string{"enable", "write: ours to leave alone", "publish"}, true, true},
		"off by somebody else, needed":    {extension.NeedOn, false, false, []string{"publish"}, false, false},
		"on, not needed":                  {extension.NeedOff, true, false, []string{"write: made inactive by us", "disable", "end sessions", "publish"}, true, false},
		"off by us, not needed":           {extension.NeedOff, false, true, []string{"end sessions", "publish"}, false, false},
		"off by somebody, not needed":     {extension.NeedOff, false, false, []string{"end sessions", "publish"}, false, false},
		"half-way, off by us: the link's": {extension.NeedHeld, false, true, []string{"publish"}, false, false},
		"half-way, on by Start":           {extension.NeedHeld, true, false, []string{"publish"}, false, true},
		"on although we thought it off":   {extension.NeedOn, true, true, []string{"write: ours to leave alone", "publish"}, false, true},
	} {
		service, r, k, log := scene()
		r.standing.Need, r.standing.LeftInactive, k.identity.Active = c.need, c.ours, c.active
		if err := service.Align(t.Context(), r.user.Identity); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, *log); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if (r.again > 0) != c.comesBack || k.identity.Active != c.activeAtTheEnd {
			t.Errorf("%s: comes back after %s, active %v", name, r.again, k.identity.Active)
		}
	}
}

func TestAnAccountThatOthersMadeIsPublishedToAndNeverSwitched(t *testing.T) {
	t.Parallel()
	for _, need := range []extension.Need{extension.NeedOn, extension.NeedHeld, extension.NeedOff} {
		for _, active := range []bool{true, false} {
			service, r, k, log := scene()
			r.standing.Need, r.standing.Ours, k.identity.Active = need, false, active
			if err := service.Align(t.Context(), r.user.Identity); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"publish"}, *log); diff != "" || k.identity.Active != active {
				t.Errorf("needed %s, active %v: %s", need, active, diff)
			}
		}
	}
}

func TestAlignmentComesBackAfterItHasPublished(t *testing.T) {
	t.Parallel()
	service, r, k, _ := scene()
	k.outdated = true
	for _, comesBack := range []bool{true, false} { // a submit that was under way can lose what was written
		if err := service.Align(t.Context(), r.user.Identity); err != nil {
			t.Fatal(err)
		}
		if (r.again > 0) != comesBack {
			t.Errorf("comes back after %s, want it to: %v", r.again, comesBack)
		}
	}
}

func TestAnIdentityThatIsGoneIsLetGo(t *testing.T) {
	t.Parallel()
	service, r, k, log := scene()
	k.gone = true
	if err := service.Align(t.Context(), r.user.Identity); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"write: unlinked"}, *log); diff != "" {
		t.Error(diff)
	}
}

func TestPauseStandsWhateverKratosSays(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]error{
		"down":       &extension.TroubleError{Sentence: "Kratos does not answer."},
		"contrary":   extension.ErrConflict,
		"unexpected": errors.New("something else"),
	} {
		service, r, k, log := scene()
		k.down = down
		told, err := service.Pause(t.Context(), extension.System(r.user.Organisation, "Ada"), r.user.ID)
		if err != nil || told {
			t.Errorf("%s: told %v, %v; the setting stands and Kratos does not know", name, told, err)
		}
		if !strings.Contains(strings.Join(*log, ","), "paused yes") {
			t.Errorf("%s: %v", name, *log)
		}
	}
	service, r, _, log := scene()
	r.standing.Need = extension.NeedOff
	told, err := service.Pause(t.Context(), extension.System(r.user.Organisation, "Ada"), r.user.ID)
	if err != nil || !told {
		t.Errorf("told %v, %v", told, err)
	}
	want := []string{"write: paused yes", "write: made inactive by us", "disable", "end sessions", "publish"}
	if diff := cmp.Diff(want, *log); diff != "" {
		t.Errorf("our own setting comes first: %s", diff)
	}
}

func TestWhoMayNotPauseDoesNot(t *testing.T) {
	t.Parallel()
	service, r, _, log := scene()
	inviter := extension.Actor{User: extension.NewID[extension.UserID](), Organisation: r.user.Organisation, Right: extension.RightInviter}
	if _, err := service.Pause(t.Context(), inviter, r.user.ID); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("an inviter: %v", err)
	}
	himself := extension.Actor{User: r.user.ID, Organisation: r.user.Organisation, Right: extension.RightAdministrator}
	if _, err := service.Pause(t.Context(), himself, r.user.ID); err == nil {
		t.Error("an administrator paused himself")
	}
	stranger := extension.System(extension.NewID[extension.OrganisationID](), "Eve")
	for _, act := range []func(context.Context, extension.Actor, extension.UserID) (bool, error){service.Pause, service.Resume} {
		if _, err := act(t.Context(), stranger, r.user.ID); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("another organisation: %v", err)
		}
	}
	if len(*log) != 0 {
		t.Errorf("something was done: %v", *log)
	}
}
