package flows_test

import (
	"context"
	"strings"

	"paperplane/extension"
)

// account stands in for Kratos.
type account struct {
	accountPages
	down        error
	form        extension.Form
	formErr     error
	submitErr   error
	expired     string // a flow that has run out
	logoutErr   error
	logoutReply extension.Reply
	loggedOut   int
	submitted   map[string]string
	flow        string
	told        extension.Message
	toldErr     error
}

func (a *account) Session(_ context.Context, browser extension.Browser) (extension.Session, error) {
	switch {
	case a.down != nil:
		return extension.Session{}, a.down
	case strings.Contains(browser.Cookies, asInvitee):
		return extension.Session{ID: inviteeSession, Identity: inviteeID, Email: "bob@northwind.example"}, nil
	case strings.Contains(browser.Cookies, asStranger):
		return extension.Session{Identity: strangerID, Email: "ada@northwind.example"}, nil
	}
	return extension.Session{}, extension.ErrNoSession
}

func (a *account) LoginForm(_ context.Context, _ extension.Browser, flow, returnTo string) (extension.Form, extension.Reply, error) {
	a.returnTo = returnTo
	if flow != "" && flow == a.expired {
		return extension.Form{}, extension.Reply{}, extension.ErrFlowExpired
	}
	return a.form, extension.Reply{SetCookies: []string{"csrf_token_1=fresh; Path=/; HttpOnly"}}, a.formErr
}

func (a *account) SubmitLogin(_ context.Context, _ extension.Browser, flow string, values map[string]string) (extension.Reply, error) {
	a.flow, a.submitted = flow, values
	if a.submitErr != nil {
		return extension.Reply{}, a.submitErr
	}
	return extension.Reply{SetCookies: []string{sessionCookie + "=new; Path=/; HttpOnly; SameSite=Lax"}}, nil
}

func (a *account) Logout(context.Context, extension.Browser) (extension.Reply, error) {
	a.loggedOut++
	return a.logoutReply, a.logoutErr
}

func (a *account) FlowError(context.Context, string) (extension.Message, error) {
	return a.told, a.toldErr
}
