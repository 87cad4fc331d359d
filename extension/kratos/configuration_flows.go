package kratos

import (
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"paperplane/extension"
)

// codeLifespan is how long a code of Kratos' works.
const codeLifespan = 15 * time.Minute

func (o ConfigurationOptions) selfservice() section {
	return section{
		"default_browser_return_url": o.page("/next"),
		"allowed_return_urls":        o.returnURLs(),
		"methods":                    o.methods(),
		"flows": section{
			"error":  section{"ui_url": o.own(o.Pages.Error, "/error")},
			"login":  o.login(),
			"logout": section{"after": section{"default_browser_return_url": o.own(o.Pages.Login, "/login")}},
			// People come by invitation only.
			"registration": section{"enabled": false, "ui_url": o.page("/registration")},
			"recovery":     o.recovery(),
			// Start proves an invitee's address, so this is for accounts that were here before. Kratos writes by itself only to
			// an address that is new or unproven when its owner saves something; the guards let no address be changed.
			"verification": section{"enabled": true, "ui_url": o.own(o.Pages.Verification, "/verification"), "use": "code", "lifespan": "1h"},
			"settings":     o.settings(),
		},
	}
}

// page is the URL of one of Paperplane's pages.
func (o ConfigurationOptions) page(path string) string {
	return strings.TrimSuffix(o.PagesURL, "/") + path
}

// own is the organisation's own page if it has one, and else ours.
func (o ConfigurationOptions) own(page, path string) string {
	if page != "" {
		return page
	}
	return o.page(path)
}

// all yields the pages by the names of their options.
func (p Pages) all() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		_ = yield("Login", p.Login) && yield("Settings", p.Settings) && yield("Recovery", p.Recovery) &&
			yield("Verification", p.Verification) && yield("Error", p.Error)
	}
}

// returnURLs are the sites that a flow may end on: ours and those of the organisation's own pages. Kratos compares paths
// by their beginnings, so each ends with a slash.
func (o ConfigurationOptions) returnURLs() []string {
	urls := []string{withSlash(o.PagesURL)}
	for _, page := range o.Pages.all() {
		site, err := url.Parse(page)
		if page == "" || err != nil {
			continue
		}
		if origin := site.Scheme + "://" + site.Host + "/"; !slices.Contains(urls, origin) {
			urls = append(urls, origin)
		}
	}
	return urls
}

func (o ConfigurationOptions) methods() section {
	return section{
		"password": section{"enabled": true, "config": section{
			"min_password_length":                 o.MinPasswordLength,
			"identifier_similarity_check_enabled": true,
			"haveibeenpwned_enabled":              o.BreachCheck,
		}},
		"profile": section{"enabled": true},
		"totp":    section{"enabled": true, "config": section{"issuer": o.Issuer}},
		// Kratos shows and renews recovery codes without asking a guard, and raises the session that confirms new ones before
		// it asks. So the guard before the settings keeps an unconfirmed session out, and Kratos' aal2 alone counts for nothing.
		"lookup_secret": section{"enabled": true},
		"oidc":          o.oidc(),
		// A recovery link is used up by the first mail scanner that opens it.
		"link": section{"enabled": false},
		// Admit needs recovery codes, and codes are a second factor. As a way to sign in they stay off: everybody with a
		// mailbox would have registered.
		"code": section{
			"enabled": true, "mfa_enabled": true, "passwordless_enabled": false,
			"config": section{"lifespan": codeLifespan.String()},
		},
	}
}

// login tells us with what a session was confirmed. Kratos waits for the answer and lets nobody through without a success:
// a proof that nobody has written down would send the person round in circles.
func (o ConfigurationOptions) login() section {
	after := section{}
	for _, method := range secondFactors() {
		// Parsed, because a code can be refused in words: one that was used before, or was shown past our pages.
		after[method] = section{"hooks": []section{o.hook(LoginPath+method, o.LoginBody, section{"parse": true})}}
	}
	return section{"ui_url": o.own(o.Pages.Login, "/login"), "lifespan": "1h", "after": after}
}

// secondFactors are Kratos' methods of the second step of a sign-in.
func secondFactors() []string {
	return []string{credentialTOTP, methodCode, credentialLookup, credentialWebAuthn}
}

// recovery ends every other session. An identity that has not started is inactive, so that its code leads nowhere: there
// is no second door beside the invitation.
func (o ConfigurationOptions) recovery() section {
	return section{
		"enabled":  true,
		"ui_url":   o.own(o.Pages.Recovery, "/recovery"),
		"use":      "code",
		"lifespan": "1h",
		"after":    section{"hooks": []section{{"hook": "revoke_active_sessions"}}},
	}
}

// settings stay privileged for two hours: an invitee has no password yet, so a demand to sign in again would be a dead
// end. They stay at aal1 because highest_available breaks the way from recovery to settings; our own guards refuse what an
// unconfirmed session must not change.
//
// The guard before the settings keeps such a session from opening them at all, and the short lifespan bounds how long a
// form lasts that was opened before there was a factor. Every method has a list of its own, because parse hooks in the
// list for all methods never run: a method that was forgotten would pass no guard. A guard that is down, or answers with
// anything but a success, makes Kratos refuse.
func (o ConfigurationOptions) settings() section {
	after := section{}
	for _, method := range extension.SettingsMethods() {
		hooks := []section{o.hook(GuardPath+string(method), o.GuardBody, section{"parse": true})}
		if method == extension.MethodPassword {
			hooks = append(hooks, section{"hook": "revoke_active_sessions"})
		}
		hooks = append(hooks, o.hook(ReportPath+string(method), o.ReportBody, section{"ignore": true}))
		after[string(method)] = section{"hooks": hooks}
	}
	return section{
		"ui_url":                     o.own(o.Pages.Settings, "/settings"),
		"lifespan":                   extension.SettingsLifetime.String(),
		"privileged_session_max_age": "2h",
		"required_aal":               "aal1",
		"before":                     section{"hooks": []section{o.hook(BeforePath, o.BeforeBody, section{"parse": true})}},
		"after":                      after,
	}
}

// hook is a call to us. A guard and a witness are parsed and waited for; a report is neither, so that our outage costs nobody
// anything.
func (o ConfigurationOptions) hook(path, body string, response section) section {
	return section{"hook": "web_hook", "config": section{
		"url":      o.hookURL(path),
		"method":   "POST",
		"body":     inline(body),
		"auth":     o.hookKey(),
		"response": response,
	}}
}
