package kratos

import (
	"errors"
	"fmt"
	"net/url"
)

// check names every option that is missing or wrong, without its value.
func (o ConfigurationOptions) check() error {
	problems := []error{
		checkURL("Public.BaseURL", o.Public.BaseURL), checkURL("Admin.BaseURL", o.Admin.BaseURL),
		checkURL("PagesURL", o.PagesURL), checkURL("HooksURL", o.HooksURL),
		missing("HooksKey", o.HooksKey), missing("GuardBody", o.GuardBody), missing("ReportBody", o.ReportBody),
		missing("BeforeBody", o.BeforeBody), missing("LoginBody", o.LoginBody), missing("CourierBody", o.CourierBody),
		missing("Issuer", o.Issuer),
		o.Pages.check(), o.SMS.check(), o.Tokens.check(),
	}
	for i, provider := range o.Providers {
		problems = append(problems, provider.check(fmt.Sprintf("Providers[%d].", i)))
	}
	if len(o.SecretDefault) < 16 || len(o.SecretCookie) < 16 {
		problems = append(problems, errors.New("SecretDefault and SecretCookie must have at least 16 bytes"))
	}
	if len(o.SecretCipher) != 32 {
		problems = append(problems, errors.New("SecretCipher must have 32 bytes"))
	}
	if o.MinPasswordLength < 8 {
		problems = append(problems, errors.New("MinPasswordLength must be at least 8"))
	}
	return errors.Join(problems...)
}

func (p Pages) check() error {
	var problems []error
	for name, page := range p.all() {
		if page != "" {
			problems = append(problems, checkURL("Pages."+name, page))
		}
	}
	return errors.Join(problems...)
}

func (g *SMSGateway) check() error {
	if g == nil {
		return nil
	}
	var target error
	if u, err := url.Parse(g.URL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		target = errors.New("SMS.URL must be an http or https URL") // unlike ours it may have a query
	}
	return errors.Join(target, missing("SMS.Header", g.Header), missing("SMS.Value", g.Value), missing("SMS.Body", g.Body))
}

func (t *Tokens) check() error {
	if t == nil {
		return nil
	}
	return errors.Join(missing("Tokens.ClaimsBody", t.ClaimsBody), missing("Tokens.KeysURL", t.KeysURL))
}

func (p Provider) check(prefix string) error {
	problems := []error{missing(prefix+"ClientID", p.ClientID), missing(prefix+"ClientSecret", p.ClientSecret), missing(prefix+"Kind", p.Kind)}
	if !providerID.MatchString(p.ID) {
		problems = append(problems, fmt.Errorf("%sID must be letters, digits, hyphens and underscores: it stands in the provider's redirect URL", prefix))
	}
	if p.IssuerURL != "" {
		problems = append(problems, checkURL(prefix+"IssuerURL", p.IssuerURL))
	}
	if p.Kind == kindGeneric {
		problems = append(problems, missing(prefix+"IssuerURL", p.IssuerURL))
	}
	if p.Kind == kindMicrosoft {
		problems = append(problems, missing(prefix+"Tenant", p.Tenant))
	}
	return errors.Join(problems...)
}

func missing(option, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", option)
	}
	return nil
}
