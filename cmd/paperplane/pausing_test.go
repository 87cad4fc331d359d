package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// TestPausing deactivates and resumes people in every state.
func TestPausing(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s, hooks := behindHooks(t, binary)
		ada := s.administrator(t)
		inTurn(t,
			story{"an Active user's session dies at once and stays dead", func(t *testing.T) { s.pausesActive(t, ada) }},
			story{"somebody who never started stays off in Kratos", func(t *testing.T) { s.pausesUnstarted(t, ada) }},
			story{"somebody half-way comes back where they were", func(t *testing.T) { s.pausesHalfWay(t, ada) }},
			story{"a save in flight does not undo it", func(t *testing.T) { s.pausesDuringSave(t, ada, hooks) }},
			story{"two administrators who disagree leave Kratos as our rows say", func(t *testing.T) { s.pausesAgainstEachOther(t, ada) }},
			story{"nobody deactivates themselves", func(t *testing.T) { s.pausesNotOneself(t, ada) }},
			story{"a letter on its way is held back", func(t *testing.T) { s.pausesBeforeTheLetter(t, ada) }},
		)
	})
}

// pauses presses the pause icon and gives what the page says.
func (v *visitor) pauses(t *testing.T, address string) page {
	t.Helper()
	p := v.press(t, v.open(t, "/o/harbour/users?q="+address), "Deactivate "+address)
	p.says(t, 200, address+" is deactivated", "Inactive")
	return p
}

// resumes presses the play icon and gives what the page says.
func (v *visitor) resumes(t *testing.T, address string) page {
	t.Helper()
	return v.press(t, v.open(t, "/o/harbour/users?q="+address), "Resume "+address)
}

func (s *testStack) pausesActive(t *testing.T, ada *visitor) {
	t.Helper()
	v := s.member(t, ada, "active@example.com")
	id := s.user(t, "active@example.com").Identity
	ada.pauses(t, "active@example.com")
	if got := v.whoami(t); got != http.StatusUnauthorized {
		t.Errorf("Kratos answers %d for the session", got)
	}
	if s.state(t, id) != "inactive" || s.sessions(t, id) != 0 {
		t.Error("Kratos holds the identity active, or a session")
	}
	s.is(t, "active@example.com", extension.Inactive)
	v.open(t, "/next").says(t, 200, "Sign in")
	v.signIn(t, "active@example.com", goodPassword).says(t, 403, "Your access is paused or was switched off.", "Ask your administrator.")
	v.signIn(t, "active@example.com", "not the password").says(t, 422, "The email address or the password is not right.")

	ada.resumes(t, "active@example.com").says(t, 200, "active@example.com is Active again and can sign in.")
	if got := v.whoami(t); got != http.StatusUnauthorized {
		t.Errorf("after resuming, Kratos answers %d for the old session", got)
	}
	s.visitor(t).signIn(t, "active@example.com", goodPassword).says(t, 200, "You’re in")
	s.is(t, "active@example.com", extension.Active)
}

func (s *testStack) pausesUnstarted(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invites(t, "unstarted@example.com")
	v, link := s.visitor(t), s.linkTo(t, "unstarted@example.com")
	landing := v.open(t, link)
	id := s.user(t, "unstarted@example.com").Identity
	ada.pauses(t, "unstarted@example.com")
	v.press(t, landing, "Start").says(t, 403, "Your access is paused")
	if state := s.state(t, id); state != "inactive" {
		t.Errorf("paused, the identity is %s", state)
	}
	ada.resumes(t, "unstarted@example.com").says(t, 200, "unstarted@example.com is Pending again and can register with the link in the invitation.")
	if state := s.state(t, id); state != "inactive" {
		t.Errorf("resumed, the identity is %s", state)
	}
	s.visitor(t).joins(t, "unstarted@example.com")
	s.oneLetterEach(t, "unstarted@example.com")
}

func (s *testStack) pausesHalfWay(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invites(t, "halfway@example.com")
	v := s.visitor(t)
	form := v.starts(t, s.linkTo(t, "halfway@example.com"))
	ada.pauses(t, "halfway@example.com")
	if got := v.whoami(t); got != http.StatusUnauthorized {
		t.Errorf("Kratos answers %d for the session", got)
	}
	v.press(t, form, "Register", details(s.mobile())...).says(t, 403, "Your session has ended", "Back to your invitation")
	v.open(t, s.linkTo(t, "halfway@example.com")).says(t, 403, "Your access is paused")
	ada.resumes(t, "halfway@example.com").says(t, 200, "halfway@example.com is Pending again")
	if state := s.state(t, s.user(t, "halfway@example.com").Identity); state != "inactive" {
		t.Errorf("resumed, the identity is %s", state) // only the link switches it on
	}
	s.visitor(t).joins(t, "halfway@example.com")
}

// pausesDuringSave lets Kratos read an Active identity, judge the save, and write it back only after the pause.
func (s *testStack) pausesDuringSave(t *testing.T, ada *visitor, hooks *checkpoint) {
	t.Helper()
	v := s.member(t, ada, "inflight@example.com")
	id := s.user(t, "inflight@example.com").Identity
	flow := v.beginsSettings(t)
	judged, letGo := hooks.hold(http.MethodPost, "/hooks/kratos/guard/profile")
	var saving sync.WaitGroup
	saving.Go(func() {
		flow.submit(t, "profile", object{"traits": flow.traits(object{"name": object{"first": "Late", "last": "Sand"}})})
	})
	defer saving.Wait()
	defer letGo()
	<-judged
	ada.pauses(t, "inflight@example.com")
	if state := s.state(t, id); state != "inactive" {
		t.Fatalf("paused, the identity is %s", state)
	}
	letGo()
	saving.Wait()
	if state := s.state(t, id); state != "active" {
		t.Errorf("Kratos did not lose the pause (%s): this story no longer shows what it is for", state)
	}
	if got := v.open(t, "/next"); strings.Contains(got.text(), "You’re in") {
		t.Error("the gate lets somebody paused in")
	}
	s.looksAgain(t)
	eventually(t, "the pause is applied again", func() bool { return s.state(t, id) == "inactive" && s.sessions(t, id) == 0 })
	if got := v.whoami(t); got != http.StatusUnauthorized {
		t.Errorf("Kratos answers %d for the session", got)
	}
	s.is(t, "inflight@example.com", extension.Inactive)
}

// pausesAgainstEachOther pauses and resumes the same user at the same moment, again and again.
func (s *testStack) pausesAgainstEachOther(t *testing.T, ada *visitor) {
	t.Helper()
	v := s.member(t, ada, "disputed@example.com")
	user := s.user(t, "disputed@example.com")
	var pressing sync.WaitGroup
	for i := range 8 {
		pressing.Go(func() {
			admin := ada.sharing(t)
			if got := s.act(t, admin, string(user.ID), []string{"pause", "resume"}[i%2]); got.status >= http.StatusInternalServerError {
				t.Errorf("answered with %d: %s", got.status, got.text())
			}
		})
	}
	pressing.Wait()
	want := map[extension.Status]string{extension.Active: "active", extension.Inactive: "inactive"}[s.status(t, "disputed@example.com")]
	eventually(t, "Kratos has the identity "+want, func() bool { return s.state(t, user.Identity) == want })
	if got := v.whoami(t); want == "inactive" && got != http.StatusUnauthorized {
		t.Errorf("Kratos answers %d for the session from before", got)
	}
	s.looksAgain(t)
	eventually(t, "a last look changes nothing", func() bool {
		return row[int](t, s, `SELECT count(*)::int FROM identities WHERE realign_at IS NOT NULL`) == 0 && s.state(t, user.Identity) == want
	})
}

func (s *testStack) pausesNotOneself(t *testing.T, ada *visitor) {
	t.Helper()
	list := ada.open(t, "/o/harbour/users?q="+demoAdministrator)
	if list.has("Deactivate " + demoAdministrator) {
		t.Error("the pause icon is offered to oneself")
	}
	s.act(t, ada, string(s.user(t, demoAdministrator).ID), "pause").says(t, 200, "You cannot deactivate yourself. Ask another administrator.")
	s.is(t, demoAdministrator, extension.Active)
}

// pausesBeforeTheLetter deactivates somebody between Invite and the letter.
func (s *testStack) pausesBeforeTheLetter(t *testing.T, ada *visitor) {
	t.Helper()
	s.rows(t, `CREATE FUNCTION pause_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.paused_at := now(); RETURN NEW; END $$`)
	s.rows(t, `CREATE TRIGGER pause_late BEFORE UPDATE OF identity_id ON users FOR EACH ROW WHEN (NEW.address = 'held@example.com') EXECUTE FUNCTION pause_late()`)
	batch := ada.invites(t, "held@example.com")
	if got := batch.row("held@example.com"); !strings.Contains(got, "The user was deactivated before the message went out.") {
		t.Errorf("the reason is %q", got)
	}
	s.noLetter(t, "held@example.com")
	s.rows(t, `DROP TRIGGER pause_late ON users`)
	ada.resumes(t, "held@example.com").says(t, 200, "held@example.com is Pending again")
	ada.press(t, ada.open(t, "/o/harbour/users?q=held"), "Resend the invitation to held@example.com").says(t, 200, "A new invitation is on its way")
	s.oneLetterEach(t, "held@example.com")
	s.visitor(t).joins(t, "held@example.com")
}

// TestRights tries everything with less than an administrator's right.
func TestRights(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	ada := s.administrator(t)
	ada.invitesAs(t, "North Pier", "Team lead", "lead@example.com")
	ada.invitesAs(t, "South Pier", "Carer", "south@example.com")
	ada.invitesAs(t, "North Pier", "Carer", "north@example.com", "plain@example.com")
	lead, plain := s.visitor(t), s.visitor(t)
	lead.joins(t, "lead@example.com")
	plain.joins(t, "plain@example.com")
	other := s.foundSecond(t)
	inTurn(t,
		story{"an inviter sees and invites to areas of their own", func(t *testing.T) { s.invitesToOwnAreas(t, lead) }},
		story{"an inviter pauses and resumes nobody", func(t *testing.T) { s.inviterPausesNobody(t, lead) }},
		story{"an inviter resends to areas of their own", func(t *testing.T) { s.inviterResends(t, lead) }},
		story{"somebody without a right has no administration pages", func(t *testing.T) {
			for _, path := range []string{"/users", "/invite"} {
				plain.open(t, "/o/harbour"+path).says(t, 403, "You have no administration pages")
			}
			s.forbidsAll(t, plain, "north@example.com", 403)
		}},
		story{"another organisation's pages are not there", func(t *testing.T) {
			for _, path := range []string{"/o/lighthouse/users", "/o/lighthouse/invite", "/o/nowhere/users"} {
				ada.open(t, path).says(t, 404, "There is no such page")
			}
			ada.open(t, "/o/harbour/batches/"+extension.NewID[string]()).says(t, 404, "There is no such page")
			theirs := extension.System(other.Organisation.ID, "test")
			if err := found(t.Context(), s.server, charterOf("third"), "keeper@example.com"); err != nil {
				t.Fatal(err)
			}
			batch := row[string](t, s, `SELECT b.id::text FROM batches b JOIN organisations o ON o.id = b.organisation_id WHERE o.slug = 'third'`)
			ada.open(t, "/o/harbour/batches/"+batch).says(t, 404, "There is no such page")
			keeper := row[string](t, s, `SELECT id::text FROM users WHERE address = 'keeper@example.com'`)
			s.forbidsAllOf(t, ada, keeper, 404)
			if _, err := s.server.roster.Find(t.Context(), theirs, s.user(t, "north@example.com").ID); err == nil {
				t.Error("an actor of another organisation finds the user")
			}
		}},
	)
}

// charterOf is the charter of one more organisation.
func charterOf(slug string) extension.Charter {
	charter := demoCharter()
	charter.Organisation.Slug, charter.Organisation.Name = slug, "Organisation "+slug
	return charter
}

func (s *testStack) invitesToOwnAreas(t *testing.T, lead *visitor) {
	t.Helper()
	list := lead.open(t, "/o/harbour/users")
	list.says(t, 200, "lead@example.com", "north@example.com")
	list.lacks(t, "south@example.com")
	form := lead.open(t, "/o/harbour/invite")
	if diff := cmp.Diff([]string{"North Pier"}, form.options("area")); diff != "" {
		t.Errorf("areas on offer (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Carer", "Team lead"}, form.options("role")); diff != "" {
		t.Errorf("roles on offer (-want +got):\n%s", diff)
	}
	area := func(name string) string {
		return row[string](t, s, `SELECT a.id::text FROM areas a JOIN organisations o ON o.id = a.organisation_id WHERE o.slug = $1 AND a.name = $2`, demoSlug, name)
	}
	role := row[string](t, s, `SELECT r.id::text FROM roles r JOIN organisations o ON o.id = r.organisation_id WHERE o.slug = $1 AND r.name = 'Administrator'`, demoSlug)
	lead.press(t, form, "Invite", "addresses", "reach@example.com", "area", area("South Pier"), "role", "Carer").
		says(t, 422, "Choose one of your service areas.")
	lead.press(t, form, "Invite", "addresses", "reach@example.com", "area", "North Pier", "role", role).
		says(t, 422, "Choose one of the roles.")
	s.noLetter(t, "reach@example.com")
	lead.invitesAs(t, "North Pier", "Team lead", "reach@example.com").allSent(t, 1, "Robin Sand")
	if got := s.letters(t, "reach@example.com", 1)[0].Text; !strings.Contains(got, "Robin Sand") {
		t.Errorf("the letter does not say who invites: %s", got)
	}
}

func (s *testStack) inviterPausesNobody(t *testing.T, lead *visitor) {
	t.Helper()
	list := lead.open(t, "/o/harbour/users")
	if list.has("Deactivate north@example.com") || !list.has("Resend the invitation to north@example.com") {
		t.Error("the icons are not those of an inviter")
	}
	for _, address := range []string{"north@example.com", demoAdministrator} {
		for _, action := range []string{"pause", "resume"} {
			s.act(t, lead, string(s.user(t, address).ID), action).says(t, 403, "You may not do this")
		}
	}
	s.is(t, "north@example.com", extension.Pending)
	s.is(t, demoAdministrator, extension.Active)
}

func (s *testStack) inviterResends(t *testing.T, lead *visitor) {
	t.Helper()
	s.act(t, lead, string(s.user(t, "south@example.com").ID), "resend").says(t, 404, "There is no such page")
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes' WHERE id = $1`, s.user(t, "north@example.com").Invitation)
	north := string(s.user(t, "north@example.com").ID)
	var pressing sync.WaitGroup
	for range 4 {
		pressing.Go(func() {
			if got := s.act(t, lead.sharing(t), north, "resend"); got.status >= http.StatusInternalServerError {
				t.Errorf("answered with %d: %s", got.status, got.text())
			}
		})
	}
	pressing.Wait()
	s.letters(t, "north@example.com", 2)
	eventually(t, "the letter is noted as sent", func() bool { return !s.user(t, "north@example.com").Facts.Sent.IsZero() })
	s.act(t, lead, north, "resend").says(t, 200, "An invitation to north@example.com was sent less than a minute ago.")
	if n := len(s.invitationsTo("north@example.com")); n != 2 {
		t.Errorf("%d letters, want 2", n)
	}
	s.oneLetterEach(t, "south@example.com")
}

// act posts one of the actions of the users list, with a form token of the visitor's own session.
func (s *testStack) act(t *testing.T, v *visitor, user, action string) page {
	t.Helper()
	form := v.open(t, "/next").formWith(t, "Sign out")
	form.action = s.page("/o/harbour/users/" + user + "/" + action)
	return v.do(t, v.submission(t, v.page(t), form))
}

func (s *testStack) forbidsAll(t *testing.T, v *visitor, address string, want int) {
	t.Helper()
	s.forbidsAllOf(t, v, string(s.user(t, address).ID), want)
}

func (s *testStack) forbidsAllOf(t *testing.T, v *visitor, user string, want int) {
	t.Helper()
	for _, action := range []string{"pause", "resume", "resend"} {
		if got := s.act(t, v, user, action); got.status != want {
			t.Errorf("%s is answered with %d, want %d: %s", action, got.status, want, got.text())
		}
	}
}
