package webhooks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"paperplane/webhooks"
)

func TestTheCookiesNameIsAStringInTheGuardsBodyWhateverIsInIt(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ory_kratos_session", "people's_session", `"`, `\`, "a\nb", `") + error "x`, "%s", "</b>", "ö"} {
		body := webhooks.GuardBody(name)
		literal, found := strings.CutSuffix(body[strings.LastIndex(body, "\n)(")+len("\n)("):], ")\n")
		var got string
		if err := json.Unmarshal([]byte(literal), &got); err != nil || !found || got != name {
			t.Errorf("%q stands in the body as %s: %v", name, literal, err)
		}
	}
}
