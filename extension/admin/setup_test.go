package admin_test

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/admin"
	"paperplane/extension/gate"
	"paperplane/extension/invite"
	"paperplane/extension/roster"
	"paperplane/extension/web"
	"paperplane/extension/web/webtest"
)

const (
	origin        = "https://paperplane.test"
	sessionCookie = "ory_kratos_session"
	annaID        = "00000000-0000-4000-8000-00000000000a"
	emilID        = "00000000-0000-4000-8000-00000000000e"
	adaID         = "00000000-0000-4000-8000-000000000001"
	batchID       = "00000000-0000-4000-8000-0000000000b0"
)

func now() time.Time { return time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC) }

// The organisation's areas and roles.
func hamburg() extension.ServiceArea {
	return extension.ServiceArea{ID: "00000000-0000-4000-8000-0000000000c1", Name: "Hamburg"}
}

func leipzig() extension.ServiceArea {
	return extension.ServiceArea{ID: "00000000-0000-4000-8000-0000000000c2", Name: "Leipzig"}
}

func nurse() extension.Role {
	return extension.Role{ID: "00000000-0000-4000-8000-0000000000d1", Name: "Nurse", Right: extension.RightNone}
}

func head() extension.Role {
	return extension.Role{ID: "00000000-0000-4000-8000-0000000000d2", Name: "Head", Right: extension.RightAdministrator}
}

// stage stands in for the verbs: it answers what it is set to and writes down what it was asked.
type stage struct {
	*webtest.Client
	batchStage
	personStage
	doorStage
	shell *web.Shell

	session   error // of Sessions
	entry     gate.Entry
	choices   extension.Choices
	users     []extension.User // of the list
	empty     bool             // the list shows none of them
	page      extension.UserPage
	refuse    error // of every change
	noChoices error
	untold    bool // Kratos cannot be told of changes
	report    extension.Report

	asked []string // changes and whole reports, in the order of their coming
	found extension.Filter
	order invite.Order

	known     map[string]extension.Outcome // what becomes of addresses that are known
	noPreview error

	resends      extension.ResendCount
	selection    extension.Selection
	again        invite.ResendOrder
	seen, wanted extension.Sending
}

func (s *stage) Session(_ context.Context, _ extension.Browser) (extension.Session, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return extension.Session{Identity: "identity"}, s.session
}

func (s *stage) Enter(_ context.Context, _ extension.Session, slug string) (gate.Entry, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if slug != s.entry.Organisation.Slug {
		return gate.Entry{}, extension.ErrNotFound
	}
	return s.entry, nil
}

func (s *stage) Choices(context.Context, extension.Actor) (extension.Choices, error) {
	return s.choices, s.noChoices
}

func (s *stage) Send(_ context.Context, _ extension.Actor, order invite.Order) (extension.BatchID, error) {
	s.asked, s.order = append(s.asked, "send"), order
	return order.Batch, s.refuse
}

func (s *stage) Resend(_ context.Context, _ extension.Actor, user extension.UserID) (extension.BatchID, error) {
	s.asked = append(s.asked, "resend "+string(user))
	return batchID, s.refuse
}

func (s *stage) CountResend(_ context.Context, _ extension.Actor, selection extension.Selection) (extension.ResendCount, error) {
	s.selection = selection
	return s.resends, nil
}

func (s *stage) ResendMany(_ context.Context, _ extension.Actor, order invite.ResendOrder) (extension.BatchID, error) {
	s.asked, s.again = append(s.asked, "resend many"), order
	return order.Batch, s.refuse
}

func (s *stage) ChangeSending(_ context.Context, _ extension.Actor, seen, wanted extension.Sending) error {
	s.asked, s.seen, s.wanted = append(s.asked, "change sending"), seen, wanted
	return s.refuse
}

func (s *stage) Report(_ context.Context, _ extension.Actor, batch extension.BatchID) (extension.Report, error) {
	s.asked = append(s.asked, "report")
	if batch != s.report.Batch.ID {
		return extension.Report{}, extension.ErrNotFound
	}
	return s.report, nil
}

func (s *stage) Follow(ctx context.Context, actor extension.Actor, batch extension.BatchID) (extension.Batch, extension.Progress, error) {
	s.mutex.Lock()
	if actor.User == "" {
		s.followed++
		if hold := s.hold; hold != nil {
			s.mutex.Unlock()
			return extension.Batch{}, extension.Progress{}, hold.until(ctx)
		}
	}
	defer s.mutex.Unlock()
	if batch != s.report.Batch.ID {
		return extension.Batch{}, extension.Progress{}, extension.ErrNotFound
	}
	return s.report.Batch, s.report.Progress, nil
}

func (s *stage) List(_ context.Context, _ extension.Actor, filter extension.Filter) (roster.List, error) {
	s.found = filter
	list := roster.List{Now: now(), Page: s.page, Counts: extension.Counts{}, Letters: s.letters}
	if !s.empty {
		list.Page.Users = s.users
	}
	for _, user := range s.users {
		list.Counts[user.Facts.Status(now())]++
	}
	return list, nil
}

func (s *stage) Find(_ context.Context, _ extension.Actor, id extension.UserID) (extension.User, error) {
	for _, user := range s.users {
		if user.ID == id {
			return user, nil
		}
	}
	return extension.User{}, extension.ErrNotFound
}

func (s *stage) Pause(_ context.Context, _ extension.Actor, user extension.UserID) (bool, error) {
	return s.setPaused("pause", user, now())
}

func (s *stage) Resume(_ context.Context, _ extension.Actor, user extension.UserID) (bool, error) {
	return s.setPaused("resume", user, time.Time{})
}

func (s *stage) setPaused(change string, user extension.UserID, paused time.Time) (bool, error) {
	s.asked = append(s.asked, change+" "+string(user))
	for i := range s.users {
		if s.users[i].ID == user && s.refuse == nil {
			s.users[i].Facts.Paused = paused
		}
	}
	return !s.untold, s.refuse
}

// setup is the administrator Ada of St Elsewhere, with Anna who is Active and Emil whose invitation has run out.
func setup(t *testing.T) *stage {
	t.Helper()
	public, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{
		choices: extension.Choices{Areas: []extension.ServiceArea{hamburg(), leipzig()}, Roles: []extension.Role{nurse(), head()}},
		users: []extension.User{
			{
				ID: annaID, FirstName: "Anna", LastName: "Berg", Address: "anna@example.com", Facts: extension.Facts{Activated: now()},
				Assignments: []extension.Assignment{{Area: hamburg(), Role: nurse()}},
			},
			{ID: emilID, Address: "emil@xn--mller-kva.de", Letter: extension.LetterFacts{Sent: now().AddDate(0, 0, -8)}, Facts: extension.Facts{Sent: now().AddDate(0, 0, -8), Expires: now().AddDate(0, 0, -1)}},
			{ID: adaID, FirstName: "Ada", LastName: "Lind", Address: "ada@example.com", Facts: extension.Facts{Activated: now()}},
		},
	}
	s.as(head())
	s.shell, err = web.New(web.Options{
		PublicURL: public, Secret: []byte(strings.Repeat("s", web.MinSecret)), SessionCookie: sessionCookie,
		Log: slog.New(slog.DiscardHandler), Now: now, Heartbeat: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	admin.Mount(admin.Options{Shell: s.shell, Sessions: s, Gate: s, Inviter: s, Roster: s, Policy: s, Rescue: s})
	s.Client = &webtest.Client{App: s.shell.App(), Origin: origin, Cookies: map[string]string{sessionCookie: "ada's"}}
	return s
}

// as gives Ada a role in Hamburg.
func (s *stage) as(role extension.Role) {
	user := extension.User{
		ID: adaID, FirstName: "Ada", LastName: "Lind", Address: "ada@example.com",
		Assignments: []extension.Assignment{{Area: hamburg(), Role: role}},
	}
	s.entry = gate.Entry{
		Organisation: extension.Organisation{Slug: "elsewhere", Name: "St Elsewhere", LinkLifetime: extension.DefaultLinkLifetime, TwoFactor: extension.TwoFactorOff, Ways: extension.Ways(), Language: "en"},
		User:         user, Actor: extension.ActorOf(user), Step: extension.StepIn,
	}
}

func (s *stage) inviter() {
	s.as(extension.Role{ID: "00000000-0000-4000-8000-0000000000d3", Name: "Lead", Right: extension.RightInviter})
}

// press posts a form of Ada's session.
func (s *stage) press(t *testing.T, path string, form url.Values) webtest.Answer {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set(web.TokenField, s.shell.Token(s.Cookies[sessionCookie]))
	return s.Post(t, path, form)
}
