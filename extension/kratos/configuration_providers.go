package kratos

import (
	_ "embed"
	"regexp"
)

// The kinds of provider that need more than a client.
const (
	kindGeneric   = "generic"
	kindMicrosoft = "microsoft"
)

// Provider is one social sign-in (OpenID Connect Core 1.0 or one of the providers that Kratos knows by name). Its
// application must be told the redirect URL PagesURL/self-service/methods/oidc/callback/{ID}. Apple is not among them:
// it answers with a form that is posted from its own site, and so without the cookies.
type Provider struct {
	ID           string   // stands in URLs and in Kratos' database: never change it
	Kind         string   // generic, google, microsoft, github, gitlab, …: as Kratos spells them
	Label        string   // what the button says; empty: Kratos' own word for the ID
	ClientID     string   // as the provider knows us
	ClientSecret string   // likewise
	IssuerURL    string   // of generic, required: where /.well-known/openid-configuration is
	Tenant       string   // of microsoft, required: common, organizations, consumers or a tenant's id
	Scopes       []string // beside openid; empty: email and profile
}

// providerID is what stands unchanged in a path.
var providerID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// claimsMapper is Kratos' mapper of all providers.
//
//go:embed schema/provider.jsonnet
var claimsMapper string

// oidc lets people sign in with an account elsewhere that they have linked to theirs. The callback comes to our host,
// because the cookies that it needs belong there. Nobody registers by it: registration is off, and Kratos asks the mapper
// only then, so that a provider never changes what an identity says.
func (o ConfigurationOptions) oidc() section {
	if len(o.Providers) == 0 {
		return section{"enabled": false}
	}
	providers := make([]section, 0, len(o.Providers))
	for _, provider := range o.Providers {
		providers = append(providers, provider.section())
	}
	return section{"enabled": true, "config": section{"base_redirect_uri": withSlash(o.PagesURL), "providers": providers}}
}

func (p Provider) section() section {
	scopes := []string{"openid"}
	if len(p.Scopes) == 0 {
		scopes = append(scopes, "email", "profile")
	}
	provider := section{
		"id": p.ID, "provider": p.Kind, "client_id": p.ClientID, "client_secret": p.ClientSecret,
		"mapper_url": inline(claimsMapper), "scope": append(scopes, p.Scopes...),
	}
	for key, value := range map[string]string{"label": p.Label, "issuer_url": p.IssuerURL, "microsoft_tenant": p.Tenant} {
		if value != "" {
			provider[key] = value
		}
	}
	return provider
}
