package flows_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// inSeveral is a site with somebody who belongs to one organisation for every step.
func inSeveral(t *testing.T) *site {
	t.Helper()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepIn)
	place := &s.onboarding.place
	place.Standings = []onboard.Standing{{Organisation: place.Organisation, Status: extension.Active, Step: extension.StepIn, Begun: true}}
	for step, status := range map[extension.Step]extension.Status{
		extension.StepPaused: extension.Inactive, extension.StepExpired: extension.Expired, extension.StepStart: extension.Pending,
		extension.StepRegister: extension.Pending, extension.StepSecure: extension.Active, extension.StepConfirm: extension.Active,
		extension.StepAgree: extension.Active,
	} {
		organisation := extension.Organisation{ID: extension.OrganisationID(step), Slug: "at-" + string(step), Name: "At " + string(step)}
		place.Standings = append(place.Standings, onboard.Standing{
			Organisation: organisation, Status: status, Step: step, Begun: step != extension.StepStart,
		})
	}
	return s
}

func TestTheOrganisationsSayHowThePersonStands(t *testing.T) {
	t.Parallel()
	s := inSeveral(t)
	got := s.get(t, "/organisations", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Your organisations", "Northwind Clinics", "You are here now.", "Your access is paused.", "Your invitation has expired.",
		"Open the link in the email.", "Your registration is not finished.", "A second factor must be set up.", "Your second factor is asked for.",
		"The terms and conditions wait for you.", "status-inactive", "status-expired", "status-pending", "status-active",
		`name="organisation" value="at-agree"`, "Go to At agree", "Switch organisation")
	got.hides(t, `value="northwind"`)
}

func TestAnOrganisationIsChosenAsAPreference(t *testing.T) {
	t.Parallel()
	s := inSeveral(t)
	got := s.post(t, "/organisations", s.signed(asInvitee, "organisation", "at-agree"), signedIn(asInvitee))
	got.redirects(t, "/next")
	if got.cookie("pp_organisation") != "at-agree" {
		t.Errorf("got the cookies %v, want the preference", got.cookies)
	}
	s.get(t, "/next", signedIn(asInvitee), "pp_organisation=at-agree")
	if wish := s.onboarding.wishes[len(s.onboarding.wishes)-1]; wish.Slug != "at-agree" {
		t.Errorf("the verb was asked for %+v", wish)
	}

	for _, slug := range []string{"elsewhere", "", "../o/northwind"} {
		got := s.post(t, "/organisations", s.signed(asInvitee, "organisation", slug), signedIn(asInvitee))
		got.isStatus(t, http.StatusNotFound)
		if got.cookie("pp_organisation") != "" {
			t.Errorf("%q was kept", slug)
		}
	}
	s.post(t, "/organisations", s.signed("an older session", "organisation", "at-agree"), signedIn(asInvitee)).redirects(t, "/organisations")
	s.get(t, "/organisations").redirects(t, "/login?return_to=%2Forganisations")
}

func TestWhoeverIsKeptOutOfOneOrganisationCanGoToAnother(t *testing.T) {
	t.Parallel()
	for _, step := range []extension.Step{extension.StepPaused, extension.StepExpired, extension.StepStart} {
		s := inSeveral(t)
		s.onboarding.standing(step)
		s.get(t, "/next", signedIn(asInvitee)).shows(t, `href="/organisations"`)
		s.onboarding.place.Standings = s.onboarding.place.Standings[:1]
		s.get(t, "/next", signedIn(asInvitee)).hides(t, "/organisations")
	}
	s := inSeveral(t)
	s.get(t, "/welcome", signedIn(asInvitee)).shows(t, "Switch organisation")
	s.onboarding.place.Standings = s.onboarding.place.Standings[:1]
	s.get(t, "/welcome", signedIn(asInvitee)).hides(t, "Switch organisation")
}

func TestTheTermsCanBeReadAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepIn)
	s.onboarding.place.User.Facts.Accepted = now()
	s.onboarding.languages = []string{"en", "de", "fi"}
	got := s.get(t, "/terms/northwind?language=de", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Terms of use", "<em>kind</em>", "Version 3, published 2 March 2026", "You accepted this version on Monday, 23 November 2026, 14:05 UTC.",
		`href="/terms/northwind?language=fi"`, ">Deutsch<", "data-print")
	if diff := cmp.Diff(onboard.Wish{Slug: "northwind", Language: "de"}, s.onboarding.wishes[0]); diff != "" {
		t.Errorf("the verb was asked for something else (-want +got):\n%s", diff)
	}
	s.get(t, "/terms/elsewhere", signedIn(asInvitee)).isStatus(t, http.StatusNotFound)
	s.get(t, "/terms/northwind").redirects(t, "/login?return_to=%2Fterms%2Fnorthwind")
	s.onboarding.place.Terms = extension.Terms{}
	s.get(t, "/terms/northwind", signedIn(asInvitee)).isStatus(t, http.StatusNotFound)
}

func TestAProgramGetsTheTermsAsData(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	request := s.request(t, http.MethodGet, "/terms/northwind", nil, signedIn(asInvitee))
	request.Header.Set("Accept", "application/json")
	got := s.send(t, request)
	var body map[string]any
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("read %q: %v", got.body, err)
	}
	want := map[string]any{
		"id": string(termsID), "version": 3.0, "language": "en", "title": "Terms of use", "sha256": "5ha", "published": "2026-03-02T00:00:00Z",
		"text": s.onboarding.place.Terms.Text,
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("the terms differ (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.header.Get("Vary"), "Accept") {
		t.Error("Vary does not name Accept")
	}
}
