package webhooks

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed guard.jsonnet
var guardBody string

//go:embed report.jsonnet
var reportBody string

//go:embed courier.jsonnet
var courierBody string

// GuardBody returns the jsonnet by which Kratos writes the body of a guard hook. sessionCookie is the name of Kratos'
// session cookie, the only one that the body may hold.
func GuardBody(sessionCookie string) string {
	name, err := json.Marshal(sessionCookie) // a string of JSON is one of jsonnet, whatever is in it
	if err != nil {
		panic(err) // a string can't fail to encode
	}
	return fmt.Sprintf("(%s)(%s)\n", guardBody, name)
}

// ReportBody returns the jsonnet by which Kratos writes the body of a report hook.
func ReportBody() string { return reportBody }

// CourierBody returns the jsonnet by which Kratos writes a message that it hands over to be delivered.
func CourierBody() string { return courierBody }
