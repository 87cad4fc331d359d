package flows

import (
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// The pages on which a second factor of one's own is changed.
const (
	ownTOTPPath  = settingsPath + "/totp"
	codeWayPath  = settingsPath + "/code"
	ownCodesPath = settingsPath + "/codes"
)

// factorList is the second factor of an account: its own ways, those that can be added, and the recovery codes.
type factorList struct {
	own      []ownFactor
	more     []extension.Factor
	codes    bool // there are recovery codes
	demanded bool // an organisation demands a second factor
}

// uncovered tells whether nothing stands in for the second factor of an account that has one.
func (l factorList) uncovered() bool { return len(l.own) > 0 && !l.codes }

// ownFactor is one way that somebody has set up.
type ownFactor struct {
	kind   extension.Factor
	masked string // of sms and email: where codes go
	moved  bool   // they went elsewhere when it was proven, so that it cannot be shown
}

// onlyApp tells whether an app is the only second factor, so that taking it away leaves none.
func (l factorList) onlyApp() bool { return len(l.own) == 1 && l.own[0].kind == extension.FactorTOTP }

// The nodes of Kratos' settings form that tell what there is.
const (
	unlinkTOTPNode  = "totp_unlink"
	enrolTOTPNode   = "totp_code"
	revealCodesNode = "lookup_secret_reveal"
)

// factorsOf lists the ways of a member's account. Kratos' form tells whether there are an app and recovery codes; sms and
// email are known from our own rows alone.
func (p *Pages) factorsOf(c *fiber.Ctx, h holder, form extension.Form) (factorList, error) {
	if !h.member() {
		return factorList{}, nil
	}
	ways, err := p.onboarding.Ways(c.UserContext(), h.session, h.place)
	if err != nil {
		return factorList{}, err
	}
	list := factorList{demanded: h.place.Organisation.TwoFactor == extension.TwoFactorRequired}
	kinds := slices.DeleteFunc(slices.Clone(h.place.User.Factors), func(kind extension.Factor) bool { return kind == extension.FactorTOTP })
	for _, node := range form.Nodes {
		switch node.Name {
		case unlinkTOTPNode:
			kinds = append([]extension.Factor{extension.FactorTOTP}, kinds...)
		case enrolTOTPNode:
			if serves(h.place, extension.FactorTOTP) {
				list.more = append(list.more, extension.FactorTOTP)
			}
		case revealCodesNode:
			list.codes = true
		}
	}
	for _, kind := range kinds {
		list.own = append(list.own, ownFactor{kind: kind, masked: maskedOf(ways, kind), moved: sent(kind) && !proven(ways, kind)})
	}
	for _, way := range ways {
		if sent(way.Kind) && !slices.Contains(kinds, way.Kind) && serves(h.place, way.Kind) {
			list.more = append(list.more, way.Kind)
		}
	}
	return list, nil
}

// serves tells whether a way would lead in somewhere: an organisation that has a say in the account requires a second factor
// and accepts it, or none requires one, so that any serves to protect the account.
func serves(place onboard.Place, kind extension.Factor) bool {
	required := false
	for _, standing := range place.Standings {
		if !standing.Begun || standing.Organisation.TwoFactor != extension.TwoFactorRequired {
			continue
		}
		if standing.Organisation.Allows(kind) {
			return true
		}
		required = true
	}
	return !required
}

// proven tells whether a way is among these and can be shown.
func proven(ways []onboard.Way, kind extension.Factor) bool {
	return slices.ContainsFunc(ways, func(way onboard.Way) bool { return way.Kind == kind && way.Proven })
}

// maskedOf is where the codes of a way go.
func maskedOf(ways []onboard.Way, kind extension.Factor) string {
	for _, way := range ways {
		if way.Kind == kind {
			return way.Masked
		}
	}
	return ""
}

// addLabel is what the button says that adds a way.
func addLabel(l locale.Language, kind extension.Factor) string {
	switch kind {
	case extension.FactorSMS:
		return l.Say("Add codes by text message")
	case extension.FactorEmail:
		return l.Say("Add codes by email")
	case extension.FactorTOTP, extension.FactorWebAuthn, extension.FactorRecovery:
	}
	return l.Say("Add an authenticator app")
}

// ownTOTP is the page on which an app is added.
type ownTOTP struct {
	holder
	app  appSetUp
	said *notice
}

// ownTOTP shows the QR code of a new app. Kratos makes it anew for every flow and keeps nothing before its code was typed.
func (p *Pages) ownTOTP(c *fiber.Ctx) error {
	h, entered, err := p.enter(c)
	if err != nil || !entered {
		return err
	}
	return p.showOwnTOTP(c, fiber.StatusOK, ownTOTP{holder: h})
}

// showOwnTOTP shows the set-up that the page is about, or a new one.
func (p *Pages) showOwnTOTP(c *fiber.Ctx, status int, page ownTOTP) error {
	var err error
	page.app, err = p.readApp(c, page.session, page.app)
	if errors.Is(err, extension.ErrNotFound) { // somebody without an organisation has no use for it
		return c.Redirect(settingsPath, fiber.StatusSeeOther)
	}
	if err != nil {
		return p.notChanged(c, page.holder, err)
	}
	if !page.app.offered {
		return c.Redirect(settingsPath, fiber.StatusSeeOther) // there is an app already
	}
	page.reader = page.app.reader
	return p.shell.Render(c, status, p.ownTOTPPage(page))
}

// setTOTP adds an app, or takes the one that there is away.
func (p *Pages) setTOTP(c *fiber.Ctx) error {
	h, entered, err := p.change(c)
	if err != nil || !entered {
		return err
	}
	if web.Posted(c, unlinkTOTPNode) != "" {
		form, reply, err := p.settingsForm(c, h, "")
		if err == nil {
			_, reply, err = p.account.UnlinkTOTP(c.UserContext(), p.shell.Browser(c).With(reply), form)
			p.shell.Relay(c, reply)
		}
		return p.changed(c, h, err, h.l.Say("The authenticator app is taken away."))
	}
	page := ownTOTP{holder: h, app: appSetUp{flow: web.Posted(c, flowField)}}
	err = p.enrolApp(c, h.session, page.app.flow)
	if page.app.faults = p.codeFaults(c, err); len(page.app.faults) > 0 {
		return p.showOwnTOTP(c, fiber.StatusUnprocessableEntity, page)
	}
	if errors.Is(err, extension.ErrFlowExpired) {
		page.app.flow, page.said = "", &notice{
			kind: web.NoticeWarning, title: h.l.Say("This page was open for too long."),
			body: h.l.Say("Nothing was added. Delete the entry that you have just made in your app, then scan this new QR code."),
		}
		return p.showOwnTOTP(c, fiber.StatusGone, page)
	}
	return p.changed(c, h, err, h.l.Say("The authenticator app is added. Its codes count from now on."))
}

// codeWay is the page on which codes by text message or email are added.
type codeWay struct {
	holder
	kind    extension.Factor
	masked  string
	sent    string // what SendCode gave; empty while no code was sent
	faults  []extension.FieldError
	problem *web.Problem
}

// sentField carries what SendCode gave from the press that sent a code to the one that takes it.
const sentField = "sent"

// setCodeWay has a code sent, and then takes it: whoever types it has shown that codes reach them.
func (p *Pages) setCodeWay(c *fiber.Ctx) error {
	h, entered, err := p.change(c)
	if err != nil || !entered {
		return err
	}
	page := codeWay{holder: h, kind: extension.Factor(web.Posted(c, wayField)), sent: web.Posted(c, sentField)}
	if !sent(page.kind) || !h.member() {
		return c.Redirect(settingsPath, fiber.StatusSeeOther)
	}
	ways, err := p.onboarding.Ways(c.UserContext(), h.session, h.place)
	if err != nil {
		return err
	}
	page.masked = maskedOf(ways, page.kind)
	var reply extension.Reply
	switch code := tidyCode(web.Posted(c, codeField)); {
	case page.sent == "":
		page.sent, reply, err = p.onboarding.SendCode(c.UserContext(), h.session, p.shell.Browser(c), page.kind)
	case code == "":
		page.faults = []extension.FieldError{{Field: codeField, Message: h.l.Say("Enter the code.")}}
	default:
		reply, err = p.onboarding.Confirm(c.UserContext(), h.session, p.shell.Browser(c), onboard.Confirmation{Way: page.kind, Sent: page.sent, Code: code})
		if err == nil {
			p.shell.Relay(c, reply)
			return p.changed(c, h, nil, h.l.Say("Codes can go there from now on."))
		}
	}
	p.shell.Relay(c, reply)
	page.reader = p.readerAfter(c, reply)
	return p.showCodeWay(c, page, err)
}

// showCodeWay asks for the code, and says what was wrong.
func (p *Pages) showCodeWay(c *fiber.Ctx, page codeWay, err error) error {
	status := fiber.StatusOK
	switch {
	case errors.Is(err, extension.ErrConflict), errors.Is(err, extension.ErrStaleSession):
		return p.notChanged(c, page.holder, err)
	case err != nil:
		status = fiber.StatusUnprocessableEntity
		if page.faults = p.codeFaults(c, err); len(page.faults) > 0 && page.sent != "" {
			break
		}
		problem, known := p.codeProblem(c, err)
		if !known {
			return err
		}
		retryAfter(c, problem)
		page.problem, page.faults, status = &problem, nil, problem.Status
	case len(page.faults) > 0:
		status = fiber.StatusUnprocessableEntity
	}
	return p.shell.Render(c, status, p.codeWayPage(page))
}

// newCodes is the page of new recovery codes.
type newCodes struct {
	holder
	flow   string
	sheet  codeSheet
	before bool // there are codes from before, which count until these are kept
}

// keepField marks the press by which new recovery codes are kept.
const keepField = "keep"

// setRecoveryCodes makes new recovery codes and shows them, once; or keeps those that were shown.
func (p *Pages) setRecoveryCodes(c *fiber.Ctx) error {
	h, entered, err := p.change(c)
	if err != nil || !entered {
		return err
	}
	flow := web.Posted(c, keepField)
	if flow == "" {
		return p.showNewCodes(c, fiber.StatusOK, newCodes{holder: h, before: web.Posted(c, beforeField) != ""})
	}
	reply, err := p.onboarding.KeepRecoveryCodes(c.UserContext(), h.session, p.shell.Browser(c), flow)
	p.shell.Relay(c, reply)
	if errors.Is(err, extension.ErrFlowExpired) {
		return p.showNewCodes(c, fiber.StatusGone, newCodes{holder: h, sheet: codeSheet{again: true}})
	}
	return p.changed(c, h, err, h.l.Say("Your new recovery codes work from now on. Any older ones do not."))
}

func (p *Pages) showNewCodes(c *fiber.Ctx, status int, page newCodes) error {
	flow, codes, reply, err := p.onboarding.RecoveryCodes(c.UserContext(), page.session, p.shell.Browser(c))
	p.shell.Relay(c, reply)
	if err != nil {
		return p.notChanged(c, page.holder, err)
	}
	page.reader, page.flow = p.readerAfter(c, reply), flow
	page.sheet.reader, page.sheet.owner, page.sheet.codes = page.reader, page.place.User.Address, codes
	return p.shell.Render(c, status, p.newCodesPage(page))
}
