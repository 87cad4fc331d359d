package kratos_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"paperplane/extension"
	"paperplane/extension/kratos"
)

func TestEveryMethodHasItsHooksAndSecretsOfAnySpellingSurvive(t *testing.T) {
	t.Parallel()
	want := options(4433, 4434, "http://127.0.0.1:4456", "")
	want.HooksKey = "key: \"#'\n{{ $secret }} \t%"
	want.SecretCookie = "- &anchor *alias | > ! @ `"
	written, err := kratos.Configuration(want)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		DSN     *string
		Secrets struct {
			Cookie []string
		}
		Selfservice struct {
			Flows struct {
				Settings struct {
					After map[string]struct {
						Hooks []struct {
							Hook   string
							Config struct {
								URL      string
								Body     string
								Auth     struct{ Config struct{ Name, Value string } }
								Response map[string]bool
							}
						}
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(written, &got); err != nil {
		t.Fatal(err)
	}
	if got.DSN != nil {
		t.Errorf("a DSN that was not given stands in the file: %q", *got.DSN)
	}
	if diff := cmp.Diff([]string{want.SecretCookie}, got.Secrets.Cookie); diff != "" {
		t.Errorf("cookie secret (-want +got):\n%s", diff)
	}
	after := got.Selfservice.Flows.Settings.After
	if len(after) != len(extension.SettingsMethods()) {
		t.Errorf("%d methods have hooks, want %d", len(after), len(extension.SettingsMethods()))
	}
	for _, one := range extension.SettingsMethods() {
		method, list := string(one), after[string(one)]
		if len(list.Hooks) < 2 {
			t.Errorf("%s has %d hooks, want a guard and a report", method, len(list.Hooks))
			continue
		}
		first, last := list.Hooks[0], list.Hooks[len(list.Hooks)-1]
		if first.Config.URL != "http://127.0.0.1:4456/kratos/guard/"+method || !first.Config.Response["parse"] {
			t.Errorf("%s: the first hook is %+v, want the guard", method, first)
		}
		if last.Config.URL != "http://127.0.0.1:4456/kratos/report/"+method || !last.Config.Response["ignore"] {
			t.Errorf("%s: the last hook is %+v, want the report", method, last)
		}
		if body := "base64://" + base64.StdEncoding.EncodeToString([]byte(want.GuardBody)); first.Config.Body != body {
			t.Errorf("%s: the body of the guard is %q", method, first.Config.Body)
		}
		if got := first.Config.Auth.Config; got.Name != "Authorization" || got.Value != "Bearer "+want.HooksKey {
			t.Errorf("%s: the guard's key is %+v", method, got)
		}
	}
}

func TestTheSettingsOpenBehindAGuardAndEverySecondFactorIsWitnessed(t *testing.T) {
	t.Parallel()
	type hooks struct {
		Hooks []struct {
			Config struct {
				URL      string
				Response map[string]bool
			}
		}
	}
	var file struct {
		Selfservice struct {
			Flows struct {
				Settings struct {
					Lifespan string
					AAL      string `yaml:"required_aal"`
					Before   hooks
				}
				Login struct{ After map[string]hooks }
			}
		}
	}
	written, err := kratos.Configuration(options(4433, 4434, "http://127.0.0.1:4456", ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(written, &file); err != nil {
		t.Fatal(err)
	}
	settings := file.Selfservice.Flows.Settings
	if len(settings.Before.Hooks) != 1 || settings.Before.Hooks[0].Config.URL != "http://127.0.0.1:4456/kratos/before" || !settings.Before.Hooks[0].Config.Response["parse"] {
		t.Errorf("before the settings: %+v", settings.Before)
	}
	if settings.Lifespan != extension.SettingsLifetime.String() || settings.AAL != "aal1" {
		t.Errorf("settings %+v", settings)
	}
	after := file.Selfservice.Flows.Login.After
	for _, method := range []string{"totp", "code", "lookup_secret", "webauthn"} {
		list := after[method].Hooks
		// Not asynchronous, which could come too late or never.
		if len(list) != 1 || list[0].Config.URL != "http://127.0.0.1:4456/kratos/login/"+method ||
			list[0].Config.Response["ignore"] || !list[0].Config.Response["parse"] {
			t.Errorf("%s: %+v", method, list)
		}
	}
	if len(after) != 4 {
		t.Errorf("hooks after %d methods", len(after))
	}
}

func TestEveryWrongOptionOfTheConfigurationIsNamedWithoutItsValue(t *testing.T) {
	t.Parallel()
	wrong := kratos.ConfigurationOptions{
		PagesURL: "ftp://" + secret, SecretDefault: secret, SecretCipher: secret, MinPasswordLength: 7,
		Public: kratos.Listener{BaseURL: secret}, Pages: kratos.Pages{Settings: secret},
		SMS: &kratos.SMSGateway{URL: secret}, Tokens: &kratos.Tokens{},
		Providers: []kratos.Provider{{ID: "of course not", Kind: "microsoft", IssuerURL: secret}, {ID: "own", Kind: "generic"}},
	}
	_, err := kratos.Configuration(wrong)
	if err == nil {
		t.Fatal("taken")
	}
	for _, name := range []string{
		"Public.BaseURL", "Admin.BaseURL", "PagesURL", "HooksURL", "HooksKey", "GuardBody", "ReportBody", "BeforeBody", "LoginBody",
		"CourierBody", "Pages.Settings", "SMS.URL", "SMS.Header", "SMS.Value", "SMS.Body", "Tokens.ClaimsBody", "Tokens.KeysURL",
		"Providers[0].ID", "Providers[0].ClientID", "Providers[0].ClientSecret", "Providers[0].IssuerURL", "Providers[0].Tenant",
		"Providers[1].IssuerURL", "SecretDefault", "SecretCookie", "SecretCipher", "Issuer", "MinPasswordLength",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error shows a value: %v", err)
	}
}

func TestTextMessagesAreConfiguredOnlyWhereThereIsAGateway(t *testing.T) {
	t.Parallel()
	with := options(4433, 4434, "http://127.0.0.1:4456", "")
	without := with
	without.SMS = nil
	for want, chosen := range map[int]kratos.ConfigurationOptions{1: with, 0: without} {
		written, err := kratos.Configuration(chosen)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Courier struct {
				HTTP struct {
					Request struct{ URL string } `yaml:"request_config"`
				}
				Channels []struct{ ID string }
			}
		}
		if err := yaml.Unmarshal(written, &file); err != nil {
			t.Fatal(err)
		}
		if got := len(file.Courier.Channels); got != want {
			t.Errorf("%d channels, want %d", got, want)
		}
		if got := file.Courier.HTTP.Request.URL; got != "http://127.0.0.1:4456/kratos/courier" {
			t.Errorf("e-mail goes to %s", got)
		}
	}
}

func TestPagesOfTheOrganisationTakeTheirPlaceAndMayBeReturnedTo(t *testing.T) {
	t.Parallel()
	own := options(4433, 4434, "http://127.0.0.1:4456", "")
	own.Pages = kratos.Pages{Login: "https://login.example/in", Settings: "https://login.example/settings", Error: "https://help.example/error"}
	written, err := kratos.Configuration(own)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Selfservice struct {
			Returns []string `yaml:"allowed_return_urls"`
			Flows   map[string]struct {
				Page string `yaml:"ui_url"`
			}
		}
	}
	if err := yaml.Unmarshal(written, &file); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{pagesURL + "/", "https://login.example/", "https://help.example/"}, file.Selfservice.Returns); diff != "" {
		t.Errorf("return URLs (-want +got):\n%s", diff)
	}
	for flow, want := range map[string]string{
		"login": own.Pages.Login, "settings": own.Pages.Settings, "error": own.Pages.Error,
		"recovery": pagesURL + "/recovery", "verification": pagesURL + "/verification",
	} {
		if got := file.Selfservice.Flows[flow].Page; got != want {
			t.Errorf("%s leads to %s, want %s", flow, got, want)
		}
	}
}

func TestTheSchemaDemandsNothingButTheAddress(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties struct {
			Traits struct {
				Required             []string
				AdditionalProperties *bool
				Properties           map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(kratos.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	traits := schema.Properties.Traits
	if diff := cmp.Diff([]string{"email"}, traits.Required); diff != "" {
		t.Errorf("required (-want +got):\n%s", diff)
	}
	if traits.AdditionalProperties == nil || *traits.AdditionalProperties || len(traits.Properties) != 4 {
		t.Errorf("traits are %d, open to more: %v", len(traits.Properties), traits.AdditionalProperties)
	}
}
