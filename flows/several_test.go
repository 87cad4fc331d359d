package flows_test

import (
	"net/http"
	"testing"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// theMill is another organisation of somebody's.
func theMill(begun bool) onboard.Standing {
	return onboard.Standing{
		Organisation: extension.Organisation{ID: "mill", Slug: "mill", Name: "The Mill"}, Status: extension.Active, Step: extension.StepConfirm, Begun: begun,
	}
}

func TestWhoeverBelongsToSeveralIsSentToTheOperatorByTheirAdministrator(t *testing.T) {
	t.Parallel()
	const (
		one      = "Ask an administrator of Northwind Clinics to reset your second factor."
		other    = "Ask an administrator of The Mill to reset your second factor."
		several  = "You belong to several organisations, so your administrator has to ask the operator of Paperplane for it."
		anyOfThe = "Ask your administrator to have your second factor reset."
	)
	for name, c := range map[string]struct {
		here, there  bool // begun
		shown, hides []string
	}{
		"of one":                              {true, false, []string{one}, []string{"Mill", several}},
		"of several":                          {true, true, []string{anyOfThe, several}, []string{one, other}},
		"of another, which waits here":        {false, true, []string{other}, []string{one, several}},
		"of none yet that has begun anything": {false, false, []string{one}, []string{several}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := at(t, extension.StepConfirm)
			s.onboarding.place.Standings[0].Begun = c.here
			s.onboarding.place.Standings = append(s.onboarding.place.Standings, theMill(c.there))
			for _, path := range []string{"/confirm", "/confirm/code?way=totp"} {
				got := s.get(t, path, signedIn(asInvitee))
				got.isStatus(t, http.StatusOK)
				got.shows(t, c.shown...)
				got.hides(t, c.hides...)
			}

			for i := range s.onboarding.ways {
				s.onboarding.ways[i].Spent = true
			}
			for _, ways := range [][]onboard.Way{
				s.onboarding.ways, append(s.onboarding.ways, onboard.Way{Kind: extension.FactorRecovery}),
			} {
				s.onboarding.ways = ways
				got := s.get(t, "/confirm", signedIn(asInvitee))
				got.shows(t, "ask your administrator to have your second factor reset")
				if c.here && c.there {
					got.shows(t, several)
				} else {
					got.hides(t, several)
				}
				got.hides(t, one, other)
			}
		})
	}
}

func TestAnInvitationThatNobodyHasAcceptedIsNothingToSwitchTo(t *testing.T) {
	t.Parallel()
	s := at(t, extension.StepIn)
	s.onboarding.place.Standings = append(s.onboarding.place.Standings, theMill(false))
	s.get(t, "/welcome", signedIn(asInvitee)).hides(t, "Switch organisation")
	s.onboarding.place.Standings[1].Begun = true
	s.get(t, "/welcome", signedIn(asInvitee)).shows(t, "Switch organisation")

	s.onboarding.standing(extension.StepStart) // nor is there a way out of one but to what has begun
	s.onboarding.place.Standings[0].Begun = false
	s.get(t, "/next", signedIn(asInvitee)).shows(t, `href="/organisations"`)
	s.onboarding.place.Standings[1].Begun = false
	s.get(t, "/next", signedIn(asInvitee)).hides(t, `href="/organisations"`)
}

func TestWaysAreOfferedThatAnOrganisationWithASayAccepts(t *testing.T) {
	t.Parallel()
	const byApp, byText = "Add an authenticator app", "Add codes by text message"
	for name, c := range map[string]struct {
		step         extension.Step
		begun        bool
		shown, hides []string
	}{
		"one that waits":                   {extension.StepStart, false, []string{byApp, byText}, nil},
		"one that has run out unaccepted":  {extension.StepExpired, false, []string{byApp, byText}, nil},
		"one that has paused somebody new": {extension.StepPaused, false, []string{byApp, byText}, nil},
		"one that has paused a member":     {extension.StepPaused, true, []string{byApp}, []string{byText}},
		"one that has run out after Start": {extension.StepExpired, true, []string{byApp}, []string{byText}},
		"one that they are in":             {extension.StepIn, true, []string{byApp}, []string{byText}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := atHome(t, "v26")
			mill := theMill(c.begun)
			mill.Step, mill.Organisation.TwoFactor, mill.Organisation.Ways = c.step, extension.TwoFactorRequired, []extension.Factor{extension.FactorTOTP}
			s.onboarding.place.Standings = append(s.onboarding.place.Standings, mill)
			got := s.get(t, "/settings", signedIn(asInvitee))
			got.shows(t, c.shown...)
			got.hides(t, c.hides...)
		})
	}
}
