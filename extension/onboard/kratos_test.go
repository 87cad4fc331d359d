package onboard_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/postgres"
)

// errCrash is the error of a call after which the process is no more.
var errCrash = errors.New("crash")

// database is the real one, with the verb's own audit rows kept beside it.
type database struct {
	*postgres.DB
	mutex    sync.Mutex
	noted    []extension.Audit
	reserves func()       // is called after an app's code was asked for
	takes    func() error // what TakeAppCode fails with
	tells    func() error // what TellNow fails with
}

func (d *database) TellNow(ctx context.Context, announced string) error {
	if d.tells != nil {
		return d.tells()
	}
	return d.DB.TellNow(ctx, announced)
}

func (d *database) ReserveAppCode(ctx context.Context, identity extension.IdentityID, hash, ticket string) error {
	err := d.DB.ReserveAppCode(ctx, identity, hash, ticket)
	if d.reserves != nil {
		d.reserves()
	}
	return err
}

func (d *database) TakeAppCode(ctx context.Context, identity extension.IdentityID, ticket string) error {
	if d.takes != nil {
		return d.takes()
	}
	return d.DB.TakeAppCode(ctx, identity, ticket)
}

func (d *database) Note(_ context.Context, entry extension.Audit) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.noted = append(d.noted, entry)
	return nil
}

func (d *database) TermsLanguages(ctx context.Context, organisation extension.OrganisationID, version int) ([]string, error) {
	versions, err := d.TermsVersions(ctx, extension.System(organisation, "test"))
	var languages []string
	for _, v := range versions {
		for _, text := range v.Texts {
			if v.Version == version {
				languages = append(languages, text.Language)
			}
		}
	}
	return languages, err
}

// steppedKratos holds one identity. before is called before each call is obeyed, with its name; an error stops it there.
type steppedKratos struct {
	kept      []extension.SessionID // when the others were ended
	mutex     sync.Mutex
	identity  extension.Identity
	deleted   bool
	sessions  int
	session   extension.SessionID // of the invitee's browser
	holder    extension.Identity  // of a number that is taken
	published []extension.Membership
	before    func(call string) error
	dropped   func() // is called once the holder has lost the number
	fails     error  // what DropMobile fails with
	calls     []string
}

func (k *steppedKratos) call(name string, id extension.IdentityID, obey func()) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.calls = append(k.calls, name)
	if k.before != nil {
		if err := k.before(name); err != nil {
			return err
		}
	}
	if k.deleted || id != k.identity.ID {
		return extension.ErrNotFound
	}
	obey()
	return nil
}

func (k *steppedKratos) Identity(_ context.Context, id extension.IdentityID) (identity extension.Identity, err error) {
	err = k.call("identity", id, func() { identity = k.identity })
	identity.Factors = slices.Clone(identity.Factors)
	return identity, err
}

func (k *steppedKratos) FindByAddress(_ context.Context, wanted string) (identity extension.Identity, err error) {
	id := k.identity.ID
	if wanted != k.identity.Traits.Email {
		id = ""
	}
	err = k.call("find", id, func() { identity = k.identity })
	return identity, err
}

func (k *steppedKratos) Enable(_ context.Context, id extension.IdentityID, _ string) error {
	return k.call("enable", id, func() { k.identity.Active, k.identity.Verified = true, true })
}

func (k *steppedKratos) Disable(_ context.Context, id extension.IdentityID) error {
	return k.call("disable", id, func() { k.identity.Active = false })
}

func (k *steppedKratos) EndSessions(_ context.Context, id extension.IdentityID) error {
	return k.call("end sessions", id, func() { k.sessions = 0 })
}

func (k *steppedKratos) Admit(_ context.Context, id extension.IdentityID, _ extension.Browser) (extension.Reply, error) {
	err := k.call("admit", id, func() { k.sessions++ })
	return extension.Reply{SetCookies: []string{"ory_kratos_session=1"}}, err
}

func (k *steppedKratos) Clear(_ context.Context, id extension.IdentityID, _ string) error {
	return k.call("clear", id, func() {
		k.identity.Registered, k.identity.Factors, k.identity.Recovery, k.identity.Verified = false, nil, false, true
		k.identity.Traits = extension.Traits{Email: k.identity.Traits.Email}
		k.sessions = 0
	})
}

func (k *steppedKratos) EndSessionsBut(_ context.Context, id extension.IdentityID, keep []extension.SessionID) error {
	return k.call("end other sessions", id, func() { k.kept = keep })
}

func (k *steppedKratos) RemoveFactors(_ context.Context, id extension.IdentityID) error {
	return k.call("remove factors", id, func() { k.identity.Factors, k.identity.Recovery = nil, false })
}

func (k *steppedKratos) RemoveRecoveryCodes(_ context.Context, id extension.IdentityID) error {
	return k.call("remove recovery codes", id, func() { k.identity.Recovery = false })
}

func (k *steppedKratos) Publish(_ context.Context, id extension.IdentityID, memberships []extension.Membership) (bool, error) {
	return true, k.call("publish", id, func() { k.published = memberships })
}

func (k *steppedKratos) Holder(_ context.Context, number string) (extension.Identity, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.holder.Traits.Mobile != number {
		return extension.Identity{}, extension.ErrNotFound
	}
	return k.holder, nil
}

func (k *steppedKratos) DropMobile(context.Context, extension.IdentityID, string) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.fails != nil {
		return k.fails
	}
	k.holder.Traits.Mobile = ""
	if k.dropped != nil {
		k.dropped()
	}
	return nil
}

// door is Kratos in the name of the invitee's browser. It calls the hooks as Kratos does: the guard before an app is saved,
// the witness while a code is taken.
type door struct {
	kratos   *steppedKratos
	db       *database
	verb     *onboard.Service
	now      func() time.Time
	code     string       // the right one
	during   func() error // is called before a submit is answered, and fails it
	unheard  bool         // the hook of sign-ins is not called
	wrong    int64        // how a wrong code that was sent is refused, where not as usual
	spoiled  bool         // a wrong code was typed, so the form does not tell any more where the right one went
	expired  string       // a flow that has run out
	flows    int
	sent     []string            // addresses
	recovery []string            // codes that were made
	linked   string              // provider
	takes    func() error        // what a profile is refused with
	methods  []map[string]string // submitted second steps
}

func (d *door) form(flow string) (extension.Form, extension.Reply, error) {
	reply := extension.Reply{SetCookies: []string{"csrf_token=1"}}
	if flow != "" && flow == d.expired {
		return extension.Form{}, reply, extension.ErrFlowExpired
	}
	if flow == "" {
		d.flows++
		flow = "flow " + strconv.Itoa(d.flows)
	}
	return extension.Form{
		ID: flow, Identity: d.kratos.identity.ID, Traits: d.kratos.identity.Traits,
		Nodes: []extension.Node{{Name: "csrf_token", Type: "hidden", Value: "token of " + flow}},
	}, reply, nil
}

func (d *door) SettingsForm(_ context.Context, _ extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	return d.form(flow)
}

func (d *door) SubmitProfile(_ context.Context, _ extension.Browser, form extension.Form, traits extension.Traits) (extension.Form, extension.Reply, error) {
	if d.takes != nil {
		if err := d.takes(); err != nil {
			return extension.Form{}, extension.Reply{}, err
		}
	}
	d.kratos.identity.Traits = traits
	return form, extension.Reply{}, nil
}

func (d *door) SubmitPassword(_ context.Context, _ extension.Browser, form extension.Form, _ string) (extension.Form, extension.Reply, error) {
	d.kratos.identity.Registered = true
	return form, extension.Reply{}, nil
}

func (d *door) LinkProvider(_ context.Context, _ extension.Browser, _ extension.Form, provider string) (string, extension.Reply, error) {
	d.linked = provider
	return "https://id.example.com/authorize", extension.Reply{}, nil
}

func (d *door) SubmitTOTP(ctx context.Context, _ extension.Browser, form extension.Form, code string) (extension.Form, extension.Reply, error) {
	if code != d.code {
		return extension.Form{}, extension.Reply{}, kratosSays("totp_code", 4000008, "wrong")
	}
	if d.during != nil {
		if err := d.during(); err != nil {
			return extension.Form{}, extension.Reply{}, err
		}
	}
	err := d.db.Prove(ctx, extension.Proof{
		Session: d.kratos.session, Identity: d.kratos.identity.ID, Kind: extension.FactorTOTP, At: d.now(),
	})
	d.kratos.identity.Factors = []extension.Factor{extension.FactorTOTP}
	return form, extension.Reply{}, err
}

func (d *door) NewRecoveryCodes(_ context.Context, _ extension.Browser, form extension.Form) (extension.Form, []string, extension.Reply, error) {
	d.recovery = []string{"abcd1234"}
	return form, d.recovery, extension.Reply{}, nil
}

func (d *door) ConfirmRecoveryCodes(_ context.Context, _ extension.Browser, form extension.Form) (extension.Form, extension.Reply, error) {
	d.kratos.identity.Recovery = true
	return form, extension.Reply{}, nil
}

func (d *door) SendCode(_ context.Context, _ extension.Browser, _ extension.Factor, to, _ string) (extension.Form, extension.Reply, error) {
	d.sent, d.spoiled = append(d.sent, to), false
	return d.form("")
}

func (d *door) ConfirmForm(_ context.Context, _ extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	return d.form(flow)
}

func (d *door) SubmitLogin(ctx context.Context, _ extension.Browser, flow string, values map[string]string) (extension.Reply, error) {
	d.methods = append(d.methods, values)
	if d.during != nil {
		if err := d.during(); err != nil {
			return extension.Reply{}, err
		}
	}
	witnessed := onboard.Witnessed{Identity: d.kratos.identity.ID, Session: d.kratos.session, Method: values["method"], Flow: flow, Ticket: values[extension.TicketField]}
	typed, wrong := values["code"], cmp.Or(d.wrong, 4010008)
	switch values["method"] {
	case "totp":
		typed, wrong = values["totp_code"], 4000008
	case "lookup_secret":
		typed, wrong = values["lookup_secret"], 4000016
	case "code":
		if !d.spoiled {
			witnessed.Codes = []string{d.sent[len(d.sent)-1]}
		}
	}
	if right := values["csrf_token"] == "token of "+flow && (typed == d.code || slices.Contains(d.recovery, typed)); !right {
		d.spoiled = true
		return extension.Reply{}, kratosSays("code", wrong, "wrong")
	}
	if d.unheard {
		return extension.Reply{}, nil
	}
	return extension.Reply{SetCookies: []string{"ory_kratos_session=2"}}, d.verb.Witness(ctx, witnessed)
}

// letters are what was written to people.
type letters struct {
	again   []extension.UserID
	by      []extension.Actor
	notices []extension.Notice
	news    []extension.News
	err     error
}

func (l *letters) Resend(_ context.Context, actor extension.Actor, user extension.UserID) (extension.BatchID, error) {
	l.again, l.by = append(l.again, user), append(l.by, actor)
	return "", l.err
}

func (l *letters) Notify(_ context.Context, notice extension.Notice) error {
	l.notices = append(l.notices, notice)
	return l.err
}

func (l *letters) Tell(_ context.Context, news extension.News) error {
	l.news = append(l.news, news)
	return l.err
}
