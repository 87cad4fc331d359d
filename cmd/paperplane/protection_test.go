package main

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/webhooks"
)

// TestProtection asks for changes that no page of ours asked for.
func TestProtection(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	ada := s.administrator(t)
	ada.invites(t, "guarded@example.com", "starting@example.com", "registering@example.com", "agreeing@example.com", "settled@example.com")
	ada.invites(t, "again@example.com").allSent(t, 1)
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes'`) // so that nothing but protection stops a resend
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 hours' WHERE id = $1`, s.user(t, "again@example.com").Invitation)
	ada.invites(t, "mistyped@example.com", "lost@example.com").allSent(t, 2)
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes'`)
	s.rows(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = invited_at WHERE address = 'lost@example.com'`)
	targets := s.targets(t, ada)
	inTurn(t,
		story{"every route that changes something is among those tried", func(t *testing.T) {
			for _, route := range s.server.public.GetRoutes(true) {
				known := slices.Contains([]string{fiber.MethodGet, fiber.MethodHead}, route.Method) ||
					strings.HasPrefix(route.Path, "/gate/") || // a question, by whatever method; it changes nothing
					route.Path == webhooks.ProviderPath || // a program posts there, and proves itself by its signature
					slices.ContainsFunc(targets, func(target target) bool { return target.form.method == route.Method && target.route == route.Path })
				if !known {
					t.Errorf("%s %s is not tried", route.Method, route.Path)
				}
			}
		}},
		story{"a change that another site asks for is refused", func(t *testing.T) { s.refusesOtherSites(t, targets) }},
		story{"a change without the form's own token is refused", func(t *testing.T) { s.refusesOtherTokens(t, targets) }},
		story{"the same changes with everything right are made", func(t *testing.T) {
			before := s.affected(t)
			for _, target := range targets {
				t.Run(target.route, func(t *testing.T) {
					if got, want := target.submits(t), cmp.Or(target.answers, http.StatusOK); got.status != want {
						t.Errorf("answered with %d, want %d: %s", got.status, want, got.text())
					}
				})
			}
			if after := s.affected(t); after == before || !strings.HasSuffix(after, " planted") {
				t.Errorf("nothing has changed: %s", after)
			}
		}},
		story{"every answer carries the security headers", func(t *testing.T) { s.carriesHeaders(t, ada) }},
		story{"another host's name leads to the public one", func(t *testing.T) { s.leadsToPublicHost(t) }},
	)
}

// target is one form of ours that changes something, filled in.
type target struct {
	route   string
	visitor *visitor
	page    page
	form    form
	token   bool          // it carries our form token
	app     authenticator // whose code the form has, anew when it is pressed
	answers int           // what it is answered with when everything is right; 0 is 200
}

// submits presses the button as it stands, with everything right.
func (target target) submits(t *testing.T) page {
	t.Helper()
	if target.app.secret != "" {
		target.visitor.stack.appsRest(t)
		at := slices.IndexFunc(target.form.fields, func(field string) bool { return field == "code" || field == "totp_code" })
		target.form.fields[at+1] = target.app.code(t)
	}
	return target.visitor.do(t, target.visitor.submission(t, target.page, target.form))
}

// targets makes one of every form that changes something.
func (s *testStack) targets(t *testing.T, ada *visitor) []target {
	t.Helper()
	guarded := "/o/harbour/users?q=guarded@example.com"
	invite := ada.open(t, "/o/harbour/invite")
	list := ada.open(t, guarded)
	pause := list.formWith(t, "Deactivate guarded@example.com")
	resume := list.formWith(t, "Sign out")
	resume.action = strings.Replace(pause.action, "/pause", "/resume", 1)
	count := form{method: http.MethodPost, action: s.page("/o/harbour/invite/recognise")}
	again := ada.asksToResend(t, "again@example.com")
	sending := ada.open(t, "/o/harbour/sending")
	mistyped, lost := ada.open(t, s.personPage(t, "mistyped@example.com")), ada.open(t, s.personPage(t, "lost@example.com"))

	starting, registering, agreeing, settled, anew := s.visitor(t), s.visitor(t), s.visitor(t), s.visitor(t), s.visitor(t)
	landing := starting.open(t, s.linkTo(t, "starting@example.com"))
	register := registering.starts(t, s.linkTo(t, "registering@example.com"))
	terms := agreeing.registers(t, agreeing.starts(t, s.linkTo(t, "agreeing@example.com")))
	welcome := settled.joins(t, "settled@example.com")
	login := anew.open(t, "/login")
	resting, later, wrong := s.waits(t, ada, "resting@example.com"), s.waits(t, ada, "later@example.com"), s.waits(t, ada, "wrong@example.com")
	resumed := ada.open(t, resting).formWith(t, "Take it back : nothing has been sent yet")
	paused := resumed
	resumed.action, paused.action = s.page(resting+"/resume"), s.page(resting+"/pause")
	asPage := func(path string) page { return ada.open(t, path) }
	here := ada.invitesAs(t, "South Pier", "Carer", "settled@example.com")
	moved := asPage(ada.invites(t, "moved@example.com").path() + "/move")
	file := form{method: http.MethodPost, action: s.page("/o/harbour/invite/file"), fields: []string{"a", "b"}}
	all := slices.Concat(s.termsTargets(t, ada), s.rescueTargets(t, ada), s.doorTargets(t), s.accountTargets(t, ada))
	return append(all, []target{
		{route: "/o/:slug/invite/file", visitor: ada, page: invite, form: file},
		{route: "/o/:slug/batches/:batch/pause", visitor: ada, page: asPage(resting), form: paused, token: true},
		{route: "/o/:slug/batches/:batch/resume", visitor: ada, page: asPage(resting), form: resumed, token: true},
		{route: "/o/:slug/batches/:batch/send-now", visitor: ada, page: asPage(later), form: asPage(later).formWith(t, "Send now"), token: true},
		{route: "/o/:slug/batches/:batch/cancel", visitor: ada, page: asPage(wrong), form: asPage(wrong).formWith(t, "Take it back : nothing has been sent yet"), token: true},
		{route: "/o/:slug/batches/:batch/assign", visitor: ada, page: here, form: here.formWith(t, "Give them South Pier as Carer too : settled@example.com"), token: true},
		{route: "/o/:slug/batches/:batch/move", visitor: ada, page: moved, form: moved.formWith(t, "Move them", "area", "Lighthouse", "role", "Carer"), token: true},
		{route: "/o/:slug/invite", visitor: ada, page: invite, form: invite.formWith(t, "Invite", "addresses", "planted@example.com", "area", "North Pier", "role", "Carer"), token: true},
		{route: "/o/:slug/invite/recognise", visitor: ada, page: invite, form: count},
		{route: "/o/:slug/users/:user/resend", visitor: ada, page: list, form: list.formWith(t, "Resend the invitation to guarded@example.com"), token: true},
		{route: "/o/:slug/users/:user/pause", visitor: ada, page: list, form: pause, token: true},
		{route: "/o/:slug/users/:user/resume", visitor: ada, page: list, form: resume, token: true},
		{route: "/o/:slug/users/:user/readdress", visitor: ada, page: mistyped, form: mistyped.formWith(t, "Fix address and resend", "address", "corrected@example.com"), token: true},
		{route: "/o/:slug/users/:user/anyway", visitor: ada, page: lost, form: lost.formWith(t, "Mail this address anyway lost@example.com"), token: true},
		{route: "/o/:slug/resend", visitor: ada, page: again, form: again.formWith(t, "Resend"), token: true},
		{route: "/o/:slug/sending", visitor: ada, page: sending, form: sending.formWith(t, "Save", "undo", "30 seconds"), token: true},
		{route: "/join/:id/start", visitor: starting, page: landing, form: landing.formWith(t, "Start"), token: true},
		{route: "/register", visitor: registering, page: register, form: register.formWith(t, "Register", details(s.mobile())...), token: true},
		{route: "/agree", visitor: agreeing, page: terms, form: terms.formWith(t, "I accept the terms and conditions"), token: true},
		{route: "/login", visitor: anew, page: login, form: login.formWith(t, "Sign in", "identifier", "settled@example.com", "password", goodPassword)},
		{route: "/logout", visitor: settled, page: welcome, form: welcome.formWith(t, "Sign out"), token: true},
	}...)
}

// affected tells everything that the targets could change, in one line.
func (s *testStack) affected(t *testing.T) string {
	t.Helper()
	all := []string{
		row[string](t, s, `SELECT string_agg(address || coalesce(suppressed, ''), ' ' ORDER BY invited_at, id) FROM users WHERE address <> 'planted@example.com'`),
		row[string](t, s, `SELECT string_agg(concat(paused_at, cancelled_at, starts_at), ' ' ORDER BY pressed_at, id) FROM batches WHERE kind = 'invite'`),
		row[string](t, s, `SELECT count(*) || ' ' || count(DISTINCT area_id) FROM assignments`),
	}
	for _, address := range []string{"guarded@example.com", "starting@example.com", "registering@example.com", "agreeing@example.com", "settled@example.com"} {
		user := s.user(t, address)
		traits := cleanJSON(t, s.identity(t, user.Identity)["traits"])
		all = append(all, address, string(user.Facts.Status(s.clock.now())), string(user.Invitation), string(extension.Member{User: user}.Next(nil, s.clock.now())), traits)
	}
	if n := row[int](t, s, `SELECT count(*)::int FROM users WHERE address = 'planted@example.com'`); n > 0 {
		all = append(all, "planted")
	}
	return strings.Join(append([]string{s.changedAtDoor(t)}, all...), " ")
}

func (s *testStack) refusesOtherSites(t *testing.T, targets []target) {
	t.Helper()
	before := s.affected(t)
	for _, target := range targets {
		for name, headers := range map[string][2]string{
			"from another site":           {"Sec-Fetch-Site", "cross-site"},
			"from a sibling site":         {"Sec-Fetch-Site", "same-site"},
			"typed into the address":      {"Sec-Fetch-Site", "none"},
			"from another origin":         {"Origin", "https://evil.example"},
			"from another port":           {"Origin", "http://127.0.0.1:1"},
			"from a look-alike":           {"Origin", s.page("") + ".evil.example"},
			"from nowhere":                {"Origin", "null"},
			"without a word of its place": {"Origin", ""},
		} {
			t.Run(target.route+" "+name, func(t *testing.T) {
				request := target.visitor.submission(t, target.page, target.form)
				request.Header.Del("Origin")
				request.Header.Del("Sec-Fetch-Site")
				if headers[1] != "" {
					request.Header.Set(headers[0], headers[1])
				}
				target.visitor.do(t, request).says(t, http.StatusForbidden, "This did not come from a page of Paperplane", "Nothing was changed.")
			})
		}
	}
	if after := s.affected(t); after != before {
		t.Errorf("something has changed: %s, was %s", after, before)
	}
}

func (s *testStack) refusesOtherTokens(t *testing.T, targets []target) {
	t.Helper()
	other := s.administrator(t).open(t, "/o/harbour/users").formWith(t, "Sign out").values().Get("csrf")
	before := s.affected(t)
	for _, target := range targets {
		if !target.token {
			continue
		}
		own := target.form.values().Get("csrf")
		for name, token := range map[string]string{
			"of another session": other, "empty": "", "cut": own[:len(own)-1], "longer": own + "A",
		} {
			t.Run(target.route+" with a token "+name, func(t *testing.T) {
				form := target.form
				form.fields = slices.Clone(form.fields)
				for i := 0; i < len(form.fields); i += 2 {
					if form.fields[i] == "csrf" {
						form.fields[i+1] = token
					}
				}
				if got := target.visitor.do(t, target.visitor.submission(t, target.page, form)); got.status >= http.StatusInternalServerError {
					t.Errorf("answered with %d: %s", got.status, got.text())
				}
			})
		}
		t.Run(target.route+" with the token in the address", func(t *testing.T) {
			form := target.form
			form.fields = slices.Clone(form.fields)
			for i := 0; i < len(form.fields); i += 2 {
				if form.fields[i] == "csrf" {
					form.fields[i] = "other"
				}
			}
			form.action += "?csrf=" + own
			target.visitor.do(t, target.visitor.submission(t, target.page, form))
		})
	}
	if after := s.affected(t); after != before {
		t.Errorf("something has changed: %s, was %s", after, before)
	}
	if who := targets[len(targets)-1].visitor.whoami(t); who != http.StatusOK {
		t.Errorf("a sign-out was obeyed: Kratos answers %d", who)
	}
	s.noLetter(t, "planted@example.com")
}

func (s *testStack) carriesHeaders(t *testing.T, ada *visitor) {
	t.Helper()
	anybody := s.visitor(t)
	list := ada.open(t, "/o/harbour/users")
	script := ""
	for node := range list.elements("script") {
		script, _ = attribute(node, "src")
	}
	for name, p := range map[string]page{
		"the users list": list, "sign-in": anybody.open(t, "/login"), "a redirect": anybody.once(t, http.MethodGet, "/next"),
		"no page": anybody.open(t, "/nothing"), "no link": anybody.open(t, "/i/nothing"), "a script": anybody.open(t, script),
		"health": anybody.open(t, "/healthz"), "the gate": anybody.once(t, http.MethodGet, "/gate/harbour"), "the gate, by a change": anybody.once(t, http.MethodPost, "/gate/harbour/x"),
		"the terms": ada.open(t, "/terms/harbour"), "their versions": ada.open(t, "/o/harbour/terms"), "a file of evidence": ada.open(t, "/o/harbour/terms/versions/1/evidence.csv"),
		"security": ada.open(t, "/o/harbour/settings/security"), "the account": ada.open(t, "/settings"), "an app's set-up": ada.open(t, "/settings/totp"),
		"recovery": anybody.open(t, "/recovery"), "verification": anybody.open(t, "/verification"), "organisations": ada.open(t, "/organisations"),
		"entering": anybody.once(t, http.MethodGet, "/enter/harbour"), "an error": anybody.open(t, "/error?id=nothing"), "the set-up": anybody.once(t, http.MethodGet, "/secure"),
		"a method that is not there": anybody.once(t, http.MethodDelete, "/login"), "HEAD": anybody.once(t, http.MethodHead, "/login"),
	} {
		t.Run(name, func(t *testing.T) {
			for header, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Referrer-Policy": "", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := p.header.Get(header); got == "" || !strings.Contains(got, want) {
					t.Errorf("%s is %q", header, got)
				}
			}
			if p.header.Get("Server") != "" || p.header.Get("X-Powered-By") != "" {
				t.Error("the answer names its software")
			}
		})
	}
	for node := range list.elements("script", "style") {
		if src, _ := attribute(node, "src"); !strings.HasPrefix(src, "/static/") {
			t.Errorf("an inline script or a foreign one: %q", src)
		}
	}
}

func (s *testStack) leadsToPublicHost(t *testing.T) {
	t.Helper()
	v := s.visitor(t)
	local := strings.Replace(s.page("/login?return_to=%2Fnext"), "127.0.0.1", "localhost", 1)
	if got := v.once(t, http.MethodGet, local); got.status != http.StatusPermanentRedirect || got.header.Get("Location") != s.page("/login?return_to=%2Fnext") {
		t.Errorf("answered with %d to %q", got.status, got.header.Get("Location"))
	}
	v.open(t, local).says(t, http.StatusOK, "Sign in")
	request := v.request(t, http.MethodPost, "/login", strings.NewReader("identifier=x"))
	request.Host = "evil.example"
	request.Header.Set("Origin", "http://evil.example")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	v.do(t, request).says(t, http.StatusBadRequest, "This is not the address of Paperplane", "Nothing was changed.")
	spoofed := v.request(t, http.MethodGet, "/login", http.NoBody).WithContext(withoutRedirects(t.Context()))
	spoofed.Host = "evil.example"
	if got := v.do(t, spoofed); got.header.Get("Location") != s.page("/login") {
		t.Errorf("another host's name leads to %q", got.header.Get("Location"))
	}
	for _, back := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
		form := v.open(t, "/login?return_to="+back)
		if strings.Contains(form.body, "evil.example") || strings.Contains(form.body, "alert(1)") {
			t.Errorf("the sign-in page keeps %q", back)
		}
	}
}
