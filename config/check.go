package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// contradictions finds settings that are proper each by itself and cannot stand together. Keys that were refused
// already take no part, so that one mistake gives one line.
func contradictions(c Config, refused map[string]bool) []Problem {
	var found []Problem
	rule := func(broken bool, name, text string, others ...string) {
		for _, key := range append(others, name) {
			broken = broken && !refused[key]
		}
		if broken {
			found = append(found, Problem{Key: name, Text: text})
		}
	}

	rule(sameListener(c.Public.Listen, c.Internal.Listen), "internal.listen",
		"is where public.listen listens too; give it a port of its own", "public.listen")
	rule(c.Public.URL != nil && sameOrigin(c.Internal.URL, c.Public.URL.String()), "internal.url",
		"is the public address; Kratos' hooks are served by the internal listener only", "public.url")
	rule(!c.Database.DSN.local() && !c.Database.DSN.verified() && !c.Database.Insecure, "database.dsn",
		"does not verify the server, so that anybody between could pose as it; add sslmode=verify-full (or set database.insecure on a network that nobody else is on)", "database.insecure")
	rule(c.Database.Insecure && c.Database.DSN.verified(), "database.insecure",
		"contradicts the sslmode=verify-full of database.dsn; remove one of them", "database.dsn")
	rule(connectionsFor(c.Jobs) > c.Database.MaxConnections, "jobs.workers",
		fmt.Sprintf("needs %d database connections and database.max_connections allows %d: a job uses two at once and the upkeep two more; raise the one or lower the other",
			connectionsFor(c.Jobs), c.Database.MaxConnections), "database.max_connections")
	rule(c.Kratos.PublicURL == c.Kratos.AdminURL, "kratos.admin_url",
		"is the same as kratos.public_url; Kratos serves its admin API on a port of its own", "kratos.public_url")
	rule(c.Public.URL != nil && sameOrigin(c.Kratos.PublicURL, c.Public.URL.String()), "kratos.public_url",
		"is Paperplane's own public.url; name Kratos itself, or Paperplane would call itself", "public.url")
	rule(c.Public.URL != nil && sameOrigin(c.Kratos.AdminURL, c.Public.URL.String()), "kratos.admin_url",
		"is Paperplane's own public.url; name Kratos itself, or Paperplane would call itself", "public.url")
	rule(c.Public.URL != nil && c.Public.URL.Scheme != "https" && securePrefix(c.Kratos.SessionCookie), "kratos.session_cookie",
		"has a prefix that browsers only take over https, and public.url is http", "public.url")
	rule(!c.Kratos.SMS.Insecure && readableOnTheWay(c.Kratos.SMS.URL), "kratos.sms.url",
		"is not https, so that codes could be read on the way; use https (or set kratos.sms.insecure on a network that nobody else is on)", "kratos.sms.insecure")
	rule(c.Kratos.SMS.URL != "" && c.Kratos.SMS.Authorization.IsZero(), "kratos.sms.authorization",
		"is missing and there is a kratos.sms.url; a gateway that takes messages from anybody would be paid for by you", "kratos.sms.url")
	mailContradictions(c.Mail, rule)
	rule(c.Accounts.partly(), "accounts.login_url",
		"and the other accounts addresses go together: set all five, or none to use Paperplane's own pages",
		"accounts.settings_url", "accounts.recovery_url", "accounts.verification_url", "accounts.error_url")
	return append(found, sharedSecrets(c)...)
}

// mailContradictions are those of the way that letters leave. What belongs to the provider that was not chosen may stay.
func mailContradictions(mail Mail, rule func(broken bool, name, text string, others ...string)) {
	rule(mail.Provider == ProviderResend && mail.Resend.APIKey.IsZero(), "mail.resend.api_key",
		"is missing; set it in the file or as "+prefix+"MAIL_RESEND_API_KEY (or choose another mail.provider)", "mail.provider")
	rule(!mail.Resend.Insecure && readableOnTheWay(mail.Resend.BaseURL), "mail.resend.base_url",
		"is not https, so that letters and the API key could be read on the way; use https (or set mail.resend.insecure to try things out)", "mail.resend.insecure")
	rule(mail.Provider == ProviderSMTP && mail.SMTP.Host == "", "mail.smtp.host",
		"is missing; set it in the file or as "+prefix+"MAIL_SMTP_HOST (or choose another mail.provider)", "mail.provider")
	rule(mail.SMTP.Username == "" && !mail.SMTP.Password.IsZero(), "mail.smtp.username",
		"is missing and there is a mail.smtp.password; set both or neither", "mail.smtp.password")
	rule(mail.SMTP.Username != "" && mail.SMTP.Password.IsZero(), "mail.smtp.password",
		"is missing and there is a mail.smtp.username; set both or neither", "mail.smtp.username")
	rule(mail.SMTP.Host != "" && mail.SMTP.TLS == TLSNone && !mail.SMTP.Insecure && !loopback(mail.SMTP.Host), "mail.smtp.tls",
		"is none, so that letters and the password could be read on the way; use starttls or implicit (or set mail.smtp.insecure on a network that nobody else is on)",
		"mail.smtp.host", "mail.smtp.insecure")
}

// connectionsFor is how many connections of the shared pool background work can hold at once: two a job, which makes
// identities while it sends letters, and one for each of the two upkeep jobs that run beside them. With fewer, jobs would
// wait for one another and pages for all of them.
func connectionsFor(jobs Jobs) int { return 2*jobs.Workers + 2 }

// sameListener tells whether two listeners would fight for one port.
func sameListener(one, other string) bool {
	hostOne, portOne, errOne := net.SplitHostPort(one)
	hostOther, portOther, errOther := net.SplitHostPort(other)
	if errOne != nil || errOther != nil || portOne != portOther {
		return false
	}
	return hostOne == hostOther || everywhere(hostOne) || everywhere(hostOther) || loopback(hostOne) && loopback(hostOther)
}

// everywhere tells whether a listener's host means every address of the machine.
func everywhere(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.IsUnspecified()
}

func sameOrigin(one, other string) bool {
	first, errFirst := url.Parse(one)
	second, errSecond := url.Parse(other)
	return errFirst == nil && errSecond == nil && first.Scheme == second.Scheme && first.Host == second.Host
}

// securePrefix knows the cookie name prefixes of RFC 6265bis §4.1.3.
func securePrefix(cookie string) bool {
	lower := strings.ToLower(cookie)
	return strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-")
}

func readableOnTheWay(base string) bool {
	address, err := url.Parse(base)
	return err == nil && address.Scheme == "http" && !loopback(address.Hostname())
}

// sharedSecrets finds one secret in two places: whoever learns it in one would hold the other too.
func sharedSecrets(c Config) []Problem {
	type named struct {
		key, name string
		secret    Secret
	}
	secrets := []named{
		{"internal.hook_key", "internal.hook_key", c.Internal.HookKey},
		{"kratos.secret", "kratos.secret", c.Kratos.Secret},
		{"kratos.sms.authorization", "kratos.sms.authorization", c.Kratos.SMS.Authorization},
		{"mail.resend.api_key", "mail.resend.api_key", c.Mail.Resend.APIKey},
		{"mail.resend.webhook_secret", "mail.resend.webhook_secret", c.Mail.Resend.WebhookSecret},
		{"mail.smtp.password", "mail.smtp.password", c.Mail.SMTP.Password},
		{"pages.secret", "pages.secret", c.Pages.Secret},
	}
	for _, key := range c.Links.Keys {
		secrets = append(secrets, named{"links.keys", "key " + key.ID + " of links.keys", key.Secret})
	}
	var found []Problem
	for i, later := range secrets {
		for _, earlier := range secrets[:i] {
			if !later.secret.IsZero() && later.secret.Equal(earlier.secret) {
				text := fmt.Sprintf("%s has the same secret as %s; make one for each with: openssl rand -hex 32", later.name, earlier.name)
				found = append(found, Problem{Key: later.key, Text: text})
			}
		}
	}
	return found
}
