package kratos

import (
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
)

// markKey is our key in both kinds of metadata.
const markKey = "paperplane"

// identityOf reduces an identity to what Paperplane needs. Its credentials become two yes or no and go no further.
func identityOf(from ory.Identity) extension.Identity {
	credentials := map[string]ory.IdentityCredentials{}
	if from.Credentials != nil {
		credentials = *from.Credentials
	}
	return extension.Identity{
		ID:         extension.IdentityID(from.Id),
		Traits:     traitsOf(from.Traits),
		Active:     from.State != nil && *from.State == stateActive,
		Mark:       markOf(from.MetadataAdmin),
		Registered: registered(credentials),
		Factors:    factors(credentials),
	}
}

// markOf reads the user that an identity was made for. No person can write the metadata it stands in.
func markOf(metadataAdmin map[string]any) extension.UserID {
	ours, _ := metadataAdmin[markKey].(map[string]any)
	return extension.UserID(text(ours, "user"))
}

// mark is the metadata_admin of an identity that is made for a user.
func mark(user extension.UserID) map[string]any {
	return map[string]any{markKey: map[string]any{"user": string(user)}}
}

// registered tells whether there is a credential that one can sign in with, by the rules by which Kratos itself counts
// first factors (CountActiveFirstFactorCredentials of each of its strategies). Kratos gives every new identity a
// password credential that has identifiers but no hash, and a code credential that signs nobody in while passwordless
// codes are off; both mean nothing.
func registered(credentials map[string]ory.IdentityCredentials) bool {
	password := credentials[credentialPassword].Config
	if hash := text(password, "hashed_password"); hash != "" || password["use_password_migration_hook"] == true {
		return true
	}
	for _, kind := range []string{credentialOIDC, credentialSAML} {
		if len(credentials[kind].Identifiers) > 0 { // one for every linked provider
			return true
		}
	}
	return len(keys(credentials[credentialPasskey])) > 0 || countPasswordless(credentials[credentialWebAuthn]) > 0
}

// factors lists the second factors, which Kratos saves only once they were proven. Backup codes alone are none.
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
