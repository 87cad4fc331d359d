package kratos

import (
	"time"

	"paperplane/extension"
)

// traitsOf reads traits as the identity schema writes them. Identities of other schemas give what they have of it.
func traitsOf(from any) extension.Traits {
	traits, _ := from.(map[string]any)
	name, _ := traits["name"].(map[string]any)
	terms, _ := traits["terms"].(map[string]any)
	accepted, err := time.Parse(time.RFC3339, text(terms, "accepted_at"))
	if err != nil {
		accepted = time.Time{}
	}
	return extension.Traits{
		Email:     text(traits, "email"),
		FirstName: text(name, "first"),
		LastName:  text(name, "last"),
		Mobile:    text(traits, "phone"),
		Terms:     extension.AcceptedTerms{Version: extension.TermsID(text(terms, "version")), Accepted: accepted},
	}
}

// traitsJSON writes traits for Kratos. Whatever is empty is left out: an empty phone is no valid phone, and an empty
// name would be stored as a name.
func traitsJSON(traits extension.Traits) map[string]any {
	name := map[string]any{}
	put(name, "first", traits.FirstName)
	put(name, "last", traits.LastName)
	terms := map[string]any{}
	put(terms, "version", string(traits.Terms.Version))
	if !traits.Terms.Accepted.IsZero() {
		terms["accepted_at"] = traits.Terms.Accepted.UTC().Format(time.RFC3339)
	}
	all := map[string]any{"email": traits.Email}
	put(all, "phone", traits.Mobile)
	if len(name) > 0 {
		all["name"] = name
	}
	if len(terms) > 0 {
		all["terms"] = terms
	}
	return all
}

func put(object map[string]any, key, value string) {
	if value != "" {
		object[key] = value
	}
}

func text(object map[string]any, key string) string {
	value, _ := object[key].(string)
	return value
}
