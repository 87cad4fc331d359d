package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"paperplane/extension"
)

// withOwnPages is a site with an organisation's own account pages, and the options of a stack that leads to them. It needs
// no content: the tests do what its scripts would do.
func withOwnPages(t *testing.T) (site string, change func(*stackOptions)) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("A page of the organisation's own"))
	}))
	t.Cleanup(server.Close)
	return server.URL, func(o *stackOptions) {
		for _, page := range []string{"login", "settings", "recovery", "verification", "error"} {
			o.settings = append(o.settings, "PAPERPLANE_ACCOUNTS_"+strings.ToUpper(page)+"_URL="+server.URL+"/own/"+page)
		}
	}
}

// TestOwnPages runs an installation that has its own account pages: its invitees get in with Kratos' flows and our hooks,
// and see of ours the invitation alone.
func TestOwnPages(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		site, change := withOwnPages(t)
		s := startTestStack(t, binary, change)
		strict := s.second(t, "lighthouse", func(c *extension.Charter) {
			c.Organisation.TwoFactor, c.Organisation.Ways = extension.TwoFactorRequired, []extension.Factor{extension.FactorTOTP, extension.FactorSMS}
		})
		inTurn(t,
			story{"our account pages lead to them, and so does Kratos", func(t *testing.T) { s.leadsToOwnPages(t, site) }},
			story{"an invitee with an authenticator app", func(t *testing.T) {
				var app authenticator
				s.joinsByOwnPages(t, site, strict, newcomer{"app@example.com", extension.FactorTOTP, func(v *visitor, _ string) {
					if app.secret == "" {
						app = v.enrols(t)
					} else if status := v.confirms(t, object{"method": "totp", "totp_code": app.code(t)}); status != http.StatusOK {
						t.Errorf("the code of the app answered %d", status)
					}
				}})
			}},
			story{"an invitee with text messages", func(t *testing.T) {
				s.joinsByOwnPages(t, site, strict, newcomer{"text@example.com", extension.FactorSMS, func(v *visitor, mobile string) { v.provesMobile(t, mobile) }})
			}},
		)
	})
}

// newcomer is an invitee with the second factor that they set up, and show whenever it is asked for.
type newcomer struct {
	address string
	factor  extension.Factor
	shows   func(v *visitor, mobile string)
}

// proxied names the client's address as a proxy in front of Kratos must, for Kratos to hand it to our hooks.
type proxied struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p proxied) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("True-Client-IP", "192.0.2.7")
	return p.next.RoundTrip(request)
}

func (s *testStack) leadsToOwnPages(t *testing.T, site string) {
	t.Helper()
	v := s.visitor(t)
	for path, want := range map[string]string{
		"/login": "/own/login", "/login?flow=x&return_to=%2Fnext": "/own/login?flow=x&return_to=%2Fnext", "/settings?flow=x": "/own/settings?flow=x",
		"/recovery": "/own/recovery", "/verification?code=1": "/own/verification?code=1", "/error?id=x": "/own/error?id=x",
	} {
		got := v.once(t, http.MethodGet, path)
		if to := got.header.Get("Location"); got.status != http.StatusSeeOther || to != site+want {
			t.Errorf("%s is answered with %d and leads to %s", path, got.status, to)
		}
	}
	if status := v.beginsLogin(t).login(t, demoAdministrator, s.password); status != http.StatusOK {
		t.Fatalf("the administrator's sign-in answered %d", status)
	}
	v.open(t, "/o/harbour/users").says(t, 200, "Users", demoAdministrator) // the administration is ours all the same
	for flow, by := range map[string]*visitor{"login": s.visitor(t), "recovery": s.visitor(t), "verification": s.visitor(t), "settings": v} {
		got := by.once(t, http.MethodGet, s.kratos.PublicURL()+"/self-service/"+flow+"/browser")
		if to := got.header.Get("Location"); !strings.HasPrefix(to, site+"/own/"+flow+"?flow=") {
			t.Errorf("Kratos' %s leads to %s", flow, to)
		}
	}
	signedOut := v.press(t, v.open(t, "/logout"), "Sign out")
	if v.whoami(t) != http.StatusUnauthorized || signedOut.status >= http.StatusBadRequest {
		t.Errorf("signing out leads to %s (%d)", signedOut.address, signedOut.status)
	}
}

// joinsByOwnPages goes from the letter to being in: nothing but the invitation is ours.
func (s *testStack) joinsByOwnPages(t *testing.T, site string, strict extension.Actor, n newcomer) {
	t.Helper()
	address := n.address
	v := s.visitor(t)
	v.client.Transport = proxied{v.client.Transport}
	leaving := v.press(t, v.open(t, s.invitedTo(t, strict, address)), "Start")
	leaving.says(t, 200, "One moment")
	own := v.press(t, leaving, "Go on")
	if own.path() != "/own/settings" || own.address.Query().Get("return_to") != s.page("/next") {
		t.Errorf("Start leads to %s", own.address)
	}
	v.standsBefore(t, "register")

	flow := v.beginsSettings(t)
	mobile := s.mobile()
	if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{
		"name": object{"first": "Robin", "last": "Sand"}, "phone": mobile,
	})}); status != http.StatusOK {
		t.Fatalf("the profile is answered with %d, %v", status, errors)
	}
	if status, errors := flow.submit(t, "password", object{"password": goodPassword}); status != http.StatusOK {
		t.Fatalf("the password is answered with %d, %v", status, errors)
	}
	eventually(t, "the hooks tell of the registration", func() bool {
		user := s.userOf(t, strict, address)
		return !user.Facts.Registered.IsZero() && user.Name() == "Robin Sand" && user.Mobile == mobile
	})
	v.standsBefore(t, "secure")
	n.shows(v, mobile)
	eventually(t, "the hooks tell of the second factor", func() bool {
		factors := s.userOf(t, strict, address).Factors
		return len(factors) == 1 && factors[0] == n.factor
	})
	v.standsBefore(t, "agree")
	s.isIn(t, strict, address, extension.Pending)

	flow = v.beginsSettings(t)
	terms := row[string](t, s, `SELECT id::text FROM terms WHERE organisation_id = $1`, strict.Organisation)
	if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"terms": s.accepting(terms)})}); status != http.StatusOK {
		t.Fatalf("the terms are answered with %d, %v", status, errors)
	}
	eventually(t, "the hooks tell of the terms", func() bool {
		return s.userOf(t, strict, address).Facts.Status(s.clock.now()) == extension.Active
	})
	if got := v.gateOf(t, "lighthouse"); got != http.StatusOK {
		t.Errorf("the gate answers %d", got)
	}
	evidence := row[string](t, s, `SELECT a.ip || ' ' || a.user_agent FROM acceptances a JOIN users u ON u.id = a.user_id
		WHERE u.address = $1 AND a.confirmed_at IS NOT NULL`, address)
	if !strings.HasPrefix(evidence, "192.0.2.7 ") {
		t.Errorf("the evidence is %q", evidence)
	}
	s.confirmsByOwnPages(t, site, n, mobile)
}

// standsBefore fails the test unless the gate turns the visitor away because this step is due.
func (v *visitor) standsBefore(t *testing.T, step string) {
	t.Helper()
	got := v.open(t, "/gate/lighthouse")
	if problem := got.header.Get("Paperplane-Problem"); got.status != http.StatusForbidden || !strings.HasSuffix(problem, "/"+step) {
		t.Errorf("the gate answers %d and %q, want %s", got.status, problem, step)
	}
}

// confirmsByOwnPages signs in anew at Kratos itself: the second factor is asked for there, and counts here.
func (s *testStack) confirmsByOwnPages(t *testing.T, site string, n newcomer, mobile string) {
	t.Helper()
	v := s.visitor(t)
	if status := v.beginsLogin(t).login(t, n.address, goodPassword); status != http.StatusOK {
		t.Fatalf("the sign-in answered %d", status)
	}
	v.standsBefore(t, "confirm")
	status, answer := v.inKratos(t, http.MethodGet, "/self-service/settings/browser", nil)
	told, _ := answer["error"].(object)
	if message, _ := told["message"].(string); status != http.StatusInternalServerError || !strings.Contains(message, "a webhook target returned an error") {
		t.Errorf("settings that do not open are answered with %d, %v", status, answer)
	}
	own := v.press(t, v.open(t, "/next"), "Go on")
	if want := (url.Values{"aal": {"aal2"}, "return_to": {s.page("/next")}}).Encode(); own.address.String() != site+"/own/login?"+want {
		t.Errorf("the second factor is asked for at %s", own.address)
	}
	n.shows(v, mobile)
	if got := v.gateOf(t, "lighthouse"); got != http.StatusOK {
		t.Errorf("with the second factor, the gate answers %d", got)
	}
	v.beginsSettings(t)
}
