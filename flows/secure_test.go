package flows_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// securing is a site with somebody who must set up a second factor.
func securing(t *testing.T) *site {
	t.Helper()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepSecure)
	s.onboarding.place.Organisation.TwoFactor = extension.TwoFactorRequired
	return s
}

func TestAnAppIsSetUpByPictureOrByTyping(t *testing.T) {
	t.Parallel()
	s := securing(t)
	got := s.get(t, "/secure/totp", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, `src="data:image/png;base64,AAAA"`, "<span>JBSW</span><wbr><span>Y3DP</span><wbr><span>EHPK</span><wbr><span>3PXP</span><wbr><span>A</span>", `data-copy="totp-secret"`, `name="flow" value="totp-flow"`,
		`autocomplete="one-time-code"`, "Choose another way", `aria-current="step"`, "Second factor")
	if !strings.Contains(got.header.Get("Content-Security-Policy"), "img-src 'self' data:") || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("wrong headers: %v", got.header)
	}

	s.post(t, "/secure/totp", s.signed(asInvitee, "flow", "totp-flow", "code", "123 456"), signedIn(asInvitee)).redirects(t, "/secure/codes")
	if diff := cmp.Diff([]string{"totp-flow 123456"}, s.onboarding.enrolled); diff != "" {
		t.Errorf("the verb got something else (-want +got):\n%s", diff)
	}
}

func TestAWrongCodeOfANewAppKeepsItsPicture(t *testing.T) {
	t.Parallel()
	s := securing(t)
	s.onboarding.codeErr = extension.Invalid("code", "This code is not right.")
	got := s.post(t, "/secure/totp", s.signed(asInvitee, "flow", "totp-flow", "code", "1"), signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "This code is not right.", `href="#field-code"`, "data:image/png;base64,AAAA", `value="totp-flow"`)

	s.post(t, "/secure/totp", s.signed(asInvitee, "flow", "totp-flow"), signedIn(asInvitee)).shows(t, "Type the code.")
	if diff := cmp.Diff([]string{"totp-flow", "totp-flow"}, s.onboarding.enrolments); diff != "" {
		t.Errorf("other set-ups were asked for (-want +got):\n%s", diff)
	}
}

func TestASetUpThatRanOutBeginsAnewAndSaysSo(t *testing.T) {
	t.Parallel()
	s := securing(t)
	s.onboarding.codeErr = extension.ErrFlowExpired
	got := s.post(t, "/secure/totp", s.signed(asInvitee, "flow", "old", "code", "123456"), signedIn(asInvitee))
	got.isStatus(t, http.StatusGone)
	got.shows(t, "This page was open for too long", "The QR code below is a new one.", "Delete the entry", "data:image/png;base64,AAAA")
	// The old one is not asked for: Kratos may still give it, with a key that it has dropped.
	if diff := cmp.Diff([]string{""}, s.onboarding.enrolments); diff != "" {
		t.Errorf("other set-ups were asked for (-want +got):\n%s", diff)
	}
}

func TestAWrongCodeOfASetUpThatHasJustRunOutBeginsAnew(t *testing.T) {
	t.Parallel()
	s := securing(t)
	s.onboarding.codeErr, s.onboarding.totpErr = extension.Invalid("code", "This code is not right."), extension.ErrFlowExpired
	got := s.post(t, "/secure/totp", s.signed(asInvitee, "flow", "old", "code", "1"), signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	if diff := cmp.Diff([]string{"old", ""}, s.onboarding.enrolments); diff != "" {
		t.Errorf("other set-ups were asked for (-want +got):\n%s", diff)
	}
}

func TestAnAppCanOnlyBeSetUpWhereItIsAllowedAndDue(t *testing.T) {
	t.Parallel()
	s := securing(t)
	form := s.signed(asInvitee, "flow", "totp-flow", "code", "123456")
	s.onboarding.codeErr = &onboard.StepError{Step: extension.StepAgree}
	s.post(t, "/secure/totp", form, signedIn(asInvitee)).redirects(t, "/next")
	s.onboarding.codeErr = extension.ErrStaleSession
	s.post(t, "/secure/totp", form, signedIn(asInvitee)).redirects(t, "/login?return_to=%2Fsecure%2Ftotp&refresh=yes")
	s.onboarding.codeErr = errors.New("broken")
	s.post(t, "/secure/totp", form, signedIn(asInvitee)).isStatus(t, http.StatusInternalServerError)
	s.post(t, "/secure/totp", s.signed("an older session", "code", "123456"), signedIn(asInvitee)).redirects(t, "/secure")
	if len(s.onboarding.enrolled) != 3 {
		t.Errorf("%d codes went to the verb, want 3", len(s.onboarding.enrolled))
	}

	s.onboarding.ways = s.onboarding.ways[1:]
	s.get(t, "/secure/totp", signedIn(asInvitee)).redirects(t, "/secure")
	s.onboarding.standing(extension.StepAgree)
	s.get(t, "/secure/totp", signedIn(asInvitee)).redirects(t, "/next")
	s.post(t, "/secure/totp", form, signedIn(asInvitee)).redirects(t, "/next")
}

// secured is a site with somebody who has just set up a second factor.
func secured(t *testing.T) *site {
	t.Helper()
	s := securing(t)
	s.onboarding.standing(extension.StepAgree)
	s.onboarding.place.Proofs = []extension.Factor{extension.FactorSMS}
	return s
}

func TestRecoveryCodesAreShownToBeKept(t *testing.T) {
	t.Parallel()
	s := secured(t)
	got := s.get(t, "/secure/codes", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Keep your recovery codes", "a1b2c3d4", "e5f6g7h8", `data-copy="recovery-codes"`, `download="recovery-codes.txt"`, "data-print",
		"a1b2c3d4%0D%0Ae5f6g7h8%0D%0A", "I have kept them", `name="flow" value="codes-flow"`, "Go on without recovery codes")
	if got.header.Get("Cache-Control") != "no-store" {
		t.Error("a page with secrets may be stored")
	}
	if len(s.onboarding.keptCodes) > 0 {
		t.Error("looking at the codes made them count")
	}

	got = s.post(t, "/secure/codes", s.signed(asInvitee, "flow", "codes-flow", "kept", "yes"), signedIn(asInvitee))
	got.redirects(t, "/next")
	if diff := cmp.Diff([]string{"codes-flow"}, s.onboarding.keptCodes); diff != "" {
		t.Errorf("other codes were kept (-want +got):\n%s", diff)
	}
	back := s.get(t, "/secure/codes", signedIn(asInvitee), "pp_codes="+got.cookie("pp_codes"))
	back.isStatus(t, http.StatusOK)
	back.shows(t, "Recovery codes are shown once", `href="/settings"`, `href="/next"`)
	back.hides(t, "a1b2c3d4")
	if s.onboarding.made != 1 {
		t.Errorf("codes were made %d times, want once", s.onboarding.made)
	}
}

func TestRecoveryCodesThatWereNotKeptDoNotCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kept, session string
		err           error
		status        int
		text          string
	}{
		"without a yes":  {"", asInvitee, nil, http.StatusUnprocessableEntity, "Tick the box once you have kept the codes."},
		"an old page":    {"yes", "an older session", nil, http.StatusForbidden, "These are new codes."},
		"too late":       {"yes", asInvitee, extension.ErrFlowExpired, http.StatusGone, "These are new codes."},
		"refused":        {"yes", asInvitee, &extension.RefusedError{}, http.StatusGone, "These are new codes."},
		"something else": {"yes", asInvitee, errors.New("broken"), http.StatusInternalServerError, "went wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := secured(t)
			s.onboarding.saveErr = c.err
			got := s.post(t, "/secure/codes", s.signed(c.session, "flow", "codes-flow", "kept", c.kept), signedIn(asInvitee))
			got.isStatus(t, c.status)
			got.shows(t, c.text)
			if got.cookie("pp_codes") != "" {
				t.Error("the codes are said to be kept")
			}
		})
	}
}

func TestRecoveryCodesAreForWhoeverHasShownASecondFactor(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.onboarding.codesErr = &onboard.StepError{Step: extension.StepIn}
	s.get(t, "/secure/codes", signedIn(asInvitee)).redirects(t, "/next")
	const again = "/login?return_to=%2Fsecure%2Fcodes&refresh=yes"
	s.onboarding.codesErr, s.onboarding.saveErr = extension.ErrStaleSession, extension.ErrStaleSession
	s.get(t, "/secure/codes", signedIn(asInvitee)).redirects(t, again)
	s.post(t, "/secure/codes", s.signed(asInvitee, "flow", "x", "kept", "yes"), signedIn(asInvitee)).redirects(t, again)
	s.onboarding.keptCodes = nil
	s.onboarding.place.Proofs = nil
	s.get(t, "/secure/codes", signedIn(asInvitee)).redirects(t, "/next")
	s.post(t, "/secure/codes", s.signed(asInvitee, "flow", "x", "kept", "yes"), signedIn(asInvitee)).redirects(t, "/next")
	s.get(t, "/secure/codes").redirects(t, "/login?return_to=%2Fsecure%2Fcodes")
	if len(s.onboarding.keptCodes) > 0 {
		t.Error("codes were kept")
	}
}

func TestASecondFactorWithoutRecoveryCodesLeadsOn(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.onboarding.codesErr = &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	got := s.get(t, "/secure/codes", signedIn(asInvitee))
	got.isStatus(t, http.StatusServiceUnavailable)
	got.shows(t, "Your second factor is set up", "The sign-in service does not answer.", `class="button button-primary" href="/secure/codes"`,
		`class="button button-secondary" href="/next"`)
	s.onboarding.codesErr = extension.Invalid("", extension.CodesMustWait) // so that trying again now leads nowhere
	got = s.get(t, "/secure/codes", signedIn(asInvitee))
	got.isStatus(t, http.StatusConflict)
	got.shows(t, "Recovery codes have to wait", `class="button button-primary" href="/next"`, `class="button button-secondary" href="/secure/codes"`)
	got.hides(t, "notice-error")
}
