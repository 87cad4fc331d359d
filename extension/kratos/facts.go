package kratos

import (
	"time"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// The kinds of credential that decide whether somebody has registered and has secured the account.
const (
	credentialPassword = "password"
	credentialOIDC     = "oidc"
	credentialSAML     = "saml"
	credentialPasskey  = "passkey"
	credentialWebAuthn = "webauthn"
	credentialTOTP     = "totp"
	credentialLookup   = "lookup_secret" // recovery codes
	credentialCode     = "code"          // names the addresses that codes go to
)

// markKey is our key in both kinds of metadata.
const markKey = "paperplane"

// The names of what stands in metadata_admin under markKey. No person can write it.
const (
	markUser    = "user"    // whom the identity was made for
	markCleared = "cleared" // fingerprint of the password that Clear has put in the place of a squatter's
)

// identityOf reduces an identity to what Paperplane needs. Its credentials become yes or no and go no further.
func identityOf(from ory.Identity) extension.Identity {
	credentials, ours := credentialsOf(from), ourMark(from.MetadataAdmin)
	return extension.Identity{
		ID:         extension.IdentityID(from.Id),
		Traits:     traitsOf(from.Traits),
		Active:     from.State != nil && *from.State == stateActive,
		Mark:       extension.UserID(text(ours, markUser)),
		Registered: registered(credentials, text(ours, markCleared)),
		Factors:    factors(credentials),
		Recovery:   len(credentials[credentialLookup].Identifiers) > 0,
		Verified:   verified(from),
		Member:     from.SchemaId == SchemaID,
		Saved:      saved(credentials),
	}
}

// saved is when the newest of the credentials was written.
func saved(credentials map[string]ory.IdentityCredentials) time.Time {
	var newest time.Time
	for _, credential := range credentials {
		if at := credential.GetUpdatedAt(); at.After(newest) {
			newest = at
		}
	}
	return newest
}

// credentialsOf gives an identity's credentials by their kinds.
func credentialsOf(from ory.Identity) map[string]ory.IdentityCredentials {
	if from.Credentials == nil {
		return nil
	}
	return *from.Credentials
}

// ourMark is our part of the metadata that only administrators see.
func ourMark(metadataAdmin map[string]any) map[string]any {
	ours, _ := metadataAdmin[markKey].(map[string]any)
	return ours
}

// verified tells whether the identity's e-mail address is proven to be its holder's.
func verified(from ory.Identity) bool {
	i, ok := addressIndex(from, traitsOf(from.Traits).Email)
	return ok && from.VerifiableAddresses[i].Verified
}

// mark is the metadata_admin of an identity that is made for a user.
func mark(user extension.UserID) map[string]any {
	return map[string]any{markKey: map[string]any{markUser: string(user)}}
}

// registered tells whether there is a credential that one can sign in with, by the rules by which Kratos itself counts
// first factors (CountActiveFirstFactorCredentials of each of its strategies). Kratos gives every new identity a
// password credential that has identifiers but no hash, and a code credential that signs nobody in while passwordless
// codes are off; both mean nothing. Neither does the password that Clear has made up, of which cleared is the fingerprint.
func registered(credentials map[string]ory.IdentityCredentials, cleared string) bool {
	password := credentials[credentialPassword].Config
	if hash := text(password, "hashed_password"); hash != "" && (cleared == "" || fingerprint(hash) != cleared) {
		return true
	}
	if password["use_password_migration_hook"] == true {
		return true
	}
	for _, kind := range []string{credentialOIDC, credentialSAML} {
		if len(credentials[kind].Identifiers) > 0 { // one for every linked provider
			return true
		}
	}
	return len(keys(credentials[credentialPasskey])) > 0 || countPasswordless(credentials[credentialWebAuthn]) > 0
}

// factors lists the second factors, which Kratos saves only once they were proven. Recovery codes alone are none.
func factors(credentials map[string]ory.IdentityCredentials) []extension.Factor {
	var held []extension.Factor
	if len(credentials[credentialTOTP].Identifiers) > 0 {
		held = append(held, extension.FactorTOTP)
	}
	if webauthn := credentials[credentialWebAuthn]; len(keys(webauthn)) > countPasswordless(webauthn) {
		held = append(held, extension.FactorWebAuthn)
	}
	return held
}

// keys lists the WebAuthn credentials within one credential of Kratos.
func keys(credential ory.IdentityCredentials) []any {
	list, _ := credential.Config["credentials"].([]any)
	return list
}

func countPasswordless(credential ory.IdentityCredentials) int {
	count := 0
	for _, key := range keys(credential) {
		if key, ok := key.(map[string]any); ok && key["is_passwordless"] == true {
			count++
		}
	}
	return count
}
