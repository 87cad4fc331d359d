package webhooks

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed guard.jsonnet
var guardBody string

//go:embed before.jsonnet
var beforeBody string

//go:embed report.jsonnet
var reportBody string

//go:embed login.jsonnet
var loginBody string

//go:embed courier.jsonnet
var courierBody string

//go:embed sms.jsonnet
var smsBody string

//go:embed claims.jsonnet
var claimsMapper string

// GuardBody returns the jsonnet by which Kratos writes the body of a guard hook. sessionCookie is the name of Kratos'
// session cookie, the only one that the body may hold.
func GuardBody(sessionCookie string) string { return given(guardBody, sessionCookie) }

// BeforeBody returns the jsonnet by which Kratos writes the body of the hook before settings. sessionCookie is as for
// GuardBody.
func BeforeBody(sessionCookie string) string { return given(beforeBody, sessionCookie) }

// given calls a body that is a function of a text before it is one of Kratos' context.
func given(body, text string) string {
	literal, err := json.Marshal(text) // a string of JSON is one of jsonnet, whatever is in it
	if err != nil {
		panic(err) // a string can't fail to encode
	}
	return fmt.Sprintf("(%s)(%s)\n", body, literal)
}

// ReportBody returns the jsonnet by which Kratos writes the body of a report hook.
func ReportBody() string { return reportBody }

// LoginBody returns the jsonnet by which Kratos writes the body of a login hook.
func LoginBody() string { return loginBody }

// CourierBody returns the jsonnet by which Kratos hands over one of its e-mail messages.
func CourierBody() string { return courierBody }

// SMSBody returns the jsonnet by which Kratos hands one of its text messages to a gateway that takes an object with to
// and text. host is that of the pages, on which telephones may offer to type the code. A gateway that wants another shape
// needs a jsonnet of its own.
func SMSBody(host string) string { return given(smsBody, host) }

// ClaimsMapper returns the jsonnet of the claims in a token of Kratos' session tokenizer
// (session.whoami.tokenizer.templates.*.claims_mapper_url).
func ClaimsMapper() string { return claimsMapper }
