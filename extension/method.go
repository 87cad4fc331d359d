package extension

// SettingsMethod is a Kratos settings method. Every one has hook URLs of its own, because a hook's body does not tell
// which method ran.
type SettingsMethod string

// The methods with a hook list in Kratos' configuration (selfservice.flows.settings.after).
const (
	MethodProfile      SettingsMethod = "profile"
	MethodPassword     SettingsMethod = "password"
	MethodTOTP         SettingsMethod = "totp"
	MethodLookupSecret SettingsMethod = "lookup_secret"
	MethodWebAuthn     SettingsMethod = "webauthn"
	MethodPasskey      SettingsMethod = "passkey"
	MethodOIDC         SettingsMethod = "oidc"
)

// SettingsMethods lists all methods: for Kratos' configuration and for our routes alike, so that neither lacks one.
func SettingsMethods() []SettingsMethod {
	return []SettingsMethod{
		MethodProfile, MethodPassword, MethodTOTP, MethodLookupSecret, MethodWebAuthn, MethodPasskey, MethodOIDC,
	}
}
