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

func TestEveryWrongOptionOfTheConfigurationIsNamedWithoutItsValue(t *testing.T) {
	t.Parallel()
	wrong := kratos.ConfigurationOptions{
		PagesURL: "ftp://" + secret, CourierURL: secret, SecretDefault: secret, SecretCipher: secret, MinPasswordLength: 7,
		Public: kratos.Listener{BaseURL: secret},
	}
	_, err := kratos.Configuration(wrong)
	if err == nil {
		t.Fatal("taken")
	}
	for _, name := range []string{
		"Public.BaseURL", "Admin.BaseURL", "PagesURL", "HooksURL", "HooksKey", "GuardBody", "ReportBody", "CourierURL", "CourierKey",
		"CourierBody", "SecretDefault", "SecretCookie", "SecretCipher", "Issuer", "MinPasswordLength",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error shows a value: %v", err)
	}
}

func TestACourierIsConfiguredOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	without := options(4433, 4434, "http://127.0.0.1:4456", "")
	without.CourierURL, without.CourierKey, without.CourierBody = "", "", ""
	written, err := kratos.Configuration(without)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := yaml.Unmarshal(written, &file); err != nil {
		t.Fatal(err)
	}
	if courier, there := file["courier"]; there {
		t.Errorf("the courier is %v", courier)
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
