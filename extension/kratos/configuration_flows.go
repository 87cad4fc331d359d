package kratos

import (
	"strings"

	"paperplane/extension"
)

func (o ConfigurationOptions) selfservice() section {
	return section{
		"default_browser_return_url": o.page("/next"),
		"allowed_return_urls":        []string{withSlash(o.PagesURL)},
		"methods":                    o.methods(),
		"flows": section{
			"error":  section{"ui_url": o.page("/error")},
			"login":  section{"ui_url": o.page("/login"), "lifespan": "1h"},
			"logout": section{"after": section{"default_browser_return_url": o.page("/login")}},
			// People come by invitation only.
			"registration": section{"enabled": false, "ui_url": o.page("/registration")},
			"recovery":     o.recovery(),
			// An invitation proves the address; off, so that no change makes Kratos write to anybody by itself.
			"verification": section{"enabled": false, "ui_url": o.page("/verification"), "use": "code", "lifespan": "1h"},
			"settings":     o.settings(),
		},
	}
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
		// Backup codes would undo what the guards protect: Kratos shows them to a session that knows the password alone,
		// and raises a session that confirms new ones to aal2 before it asks the guard (seen on v1.3.1 and v26.2).
		"lookup_secret": section{"enabled": false},
		// A recovery link is used up by the first mail scanner that opens it.
		"link": section{"enabled": false},
		// Admit needs recovery codes. Codes as a way to sign in stay off: everybody with a mailbox would have registered.
		"code": section{"enabled": true, "passwordless_enabled": false, "config": section{"lifespan": "15m"}},
	}
}

// recovery is closed to the public: a code for somebody who has not registered would be a second door beside the
// invitation. The codes of the administration API work all the same, and redeeming one ends every other session.
func (o ConfigurationOptions) recovery() section {
	return section{
		"enabled":  false,
		"ui_url":   o.page("/recovery"),
		"use":      "code",
		"lifespan": "1h",
		"after":    section{"hooks": []section{{"hook": "revoke_active_sessions"}}},
	}
}

// settings stay privileged for two hours: an invitee has no password yet, so a demand to sign in again would be a dead
// end. They stay at aal1 because highest_available breaks the way from recovery to settings; the guards refuse what a
// session below aal2 must not change. Every method has a list of its own, because parse hooks in the list for all
// methods never run: a method that was forgotten would pass no guard.
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
		"ui_url":                     o.page("/settings"),
		"lifespan":                   "2h",
		"privileged_session_max_age": "2h",
		"required_aal":               "aal1",
		"after":                      after,
	}
}

// hook is a call to us. A guard is parsed and waited for; a report is neither, so that our outage costs nobody anything.
func (o ConfigurationOptions) hook(path, body string, response section) section {
	return section{"hook": "web_hook", "config": section{
		"url":      strings.TrimSuffix(o.HooksURL, "/") + path,
		"method":   "POST",
		"body":     inline(body),
		"auth":     apiKey(o.HooksKey),
		"response": response,
	}}
}
