package flows_test

import (
	"context"
	"time"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/flows"
)

// onboarding stands in for the inbound verb.
type onboarding struct {
	landing   onboard.Landing
	place     onboard.Place
	ways      []onboard.Way
	languages []string
	form      extension.Form // of an authenticator app
	codes     []string       // recovery codes
	heldCodes bool           // there are some from before
	openErr   error
	landErr   error
	startErr  error
	nextErr   error
	saveErr   error
	sendErr   error
	codeErr   error
	totpErr   error
	codesErr  error
	reply     extension.Reply
	opened    int
	lostAfter bool // Next fails once something was saved

	// what the verb was asked for
	started    []extension.Browser
	startedAs  []extension.Session
	wishes     []onboard.Wish
	taken      []onboard.Registration
	provider   string
	sent       []extension.Factor
	confirmed  []onboard.Confirmation
	enrolments []string // the flows that TOTP was asked for
	enrolled   []string
	made       int // sets of recovery codes
	keptCodes  []string
	agreed     []extension.TermsID
	declined   []extension.TermsID
}

func newOnboarding() *onboarding {
	organisation := extension.Organisation{ID: "org", Slug: "northwind", Name: "Northwind Clinics", ReplyTo: "Help Desk <help@northwind.example>"}
	user := extension.User{
		ID: "user", Address: "bob@northwind.example", Identity: inviteeID, Invitation: invitationID,
		Assignments: []extension.Assignment{{
			Area: extension.ServiceArea{ID: "area", Name: "Harbour Clinic"}, Role: extension.Role{ID: "role", Name: "Nurse"},
		}},
	}
	return &onboarding{
		landing: onboard.Landing{
			Invitation: invitationID, Organisation: organisation, Identity: inviteeID, Inviter: "Ada Park",
			Area: "Harbour Clinic", Role: "Nurse", Address: user.Address, Expires: now().Add(7 * 24 * time.Hour),
		},
		place: onboard.Place{
			Step: extension.StepRegister, Organisation: organisation, User: user, Inviter: "Ada Park",
			Terms: extension.Terms{
				ID: termsID, Version: 3, Language: "en", Title: "Terms of use", Published: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
				Text: "Be *kind*.\nAlways.\n\nKeep secrets < 5 minutes.", SHA256: "5ha",
			},
			Standings: []onboard.Standing{{Organisation: organisation, Status: extension.Pending, Step: extension.StepRegister, Begun: true}},
		},
		ways: []onboard.Way{
			{Kind: extension.FactorTOTP},
			{Kind: extension.FactorSMS, Masked: "+44 ••••• ••0123"},
			{Kind: extension.FactorEmail, Masked: "b••@northwind.example"},
		},
		languages: []string{"en"},
		form: extension.Form{ID: "totp-flow", Nodes: []extension.Node{
			{Group: "totp", Kind: "img", Name: "totp_qr", Value: "data:image/png;base64,AAAA"},
			{Group: "totp", Kind: "text", Name: "totp_secret_key", Value: "JBSWY3DPEHPK3PXPA"},
		}},
		codes: []string{"a1b2c3d4", "e5f6g7h8"},
	}
}

// standing brings the person to a step.
func (o *onboarding) standing(step extension.Step) { o.place.Step = step }

func (o *onboarding) Open(_ context.Context, token string) (extension.InvitationID, time.Time, error) {
	o.opened++
	if token != linkToken {
		return "", time.Time{}, &onboard.LinkError{Reason: onboard.LinkDead}
	}
	return invitationID, o.landing.Expires, o.openErr
}

func (o *onboarding) Landing(_ context.Context, token string) (onboard.Landing, error) {
	if token != linkToken {
		return onboard.Landing{}, &onboard.LinkError{Reason: onboard.LinkDead}
	}
	return o.landing, o.landErr
}

func (o *onboarding) Start(_ context.Context, _ string, session extension.Session, browser extension.Browser) (extension.Reply, error) {
	o.started, o.startedAs = append(o.started, browser), append(o.startedAs, session)
	return o.reply, o.startErr
}

func (o *onboarding) Observe(context.Context, extension.Session) error { return nil }

func (o *onboarding) Next(_ context.Context, _ extension.Session, wish onboard.Wish) (onboard.Place, error) {
	o.wishes = append(o.wishes, wish)
	return o.place, o.nextErr
}

func (o *onboarding) Register(_ context.Context, _ extension.Session, _ extension.Browser, r onboard.Registration) (extension.Reply, error) {
	o.taken = append(o.taken, r)
	if o.lostAfter {
		o.nextErr = extension.ErrUnavailable
	}
	return o.reply, o.saveErr
}

func (o *onboarding) RegisterWith(
	_ context.Context, _ extension.Session, _ extension.Browser, r onboard.Registration, provider string,
) (string, extension.Reply, error) {
	o.taken, o.provider = append(o.taken, r), provider
	return "https://accounts.example/authorize?state=x", o.reply, o.saveErr
}

func (o *onboarding) Ways(context.Context, extension.Session, onboard.Place) ([]onboard.Way, error) {
	return o.ways, nil
}

func (o *onboarding) SendCode(_ context.Context, _ extension.Session, _ extension.Browser, way extension.Factor) (string, extension.Reply, error) {
	o.sent = append(o.sent, way)
	return "sending-of-" + string(way), o.reply, o.sendErr
}

func (o *onboarding) Confirm(_ context.Context, _ extension.Session, _ extension.Browser, c onboard.Confirmation) (extension.Reply, error) {
	o.confirmed = append(o.confirmed, c)
	return o.reply, o.codeErr
}

func (o *onboarding) TOTP(_ context.Context, _ extension.Session, _ extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	o.enrolments = append(o.enrolments, flow)
	if flow != "" {
		return o.form, o.reply, o.totpErr
	}
	return o.form, o.reply, nil
}

func (o *onboarding) EnrolTOTP(_ context.Context, _ extension.Session, _ extension.Browser, flow, code string) (extension.Reply, error) {
	o.enrolled = append(o.enrolled, flow+" "+code)
	return o.reply, o.codeErr
}

func (o *onboarding) HoldsRecoveryCodes(context.Context, extension.Session) (bool, error) {
	return o.heldCodes, nil
}

func (o *onboarding) RecoveryCodes(context.Context, extension.Session, extension.Browser) (string, []string, extension.Reply, error) {
	o.made++
	return "codes-flow", o.codes, o.reply, o.codesErr
}

func (o *onboarding) KeepRecoveryCodes(_ context.Context, _ extension.Session, _ extension.Browser, flow string) (extension.Reply, error) {
	o.keptCodes, o.heldCodes = append(o.keptCodes, flow), true
	return o.reply, o.saveErr
}

func (o *onboarding) TermsLanguages(context.Context, onboard.Place) ([]string, error) {
	return o.languages, nil
}

func (o *onboarding) Agree(_ context.Context, _ extension.Session, _ extension.Browser, terms extension.TermsID) (extension.Reply, error) {
	o.agreed = append(o.agreed, terms)
	return o.reply, o.saveErr
}

func (o *onboarding) Decline(_ context.Context, _ extension.Session, terms extension.TermsID) error {
	o.declined = append(o.declined, terms)
	return o.saveErr
}

// homes stands in for the gate.
type homes struct {
	flows.Door
	entries []gate.Entry
}

func (h *homes) Home(context.Context, extension.Session) ([]gate.Entry, error) { return h.entries, nil }
