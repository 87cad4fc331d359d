package webhooks

import _ "embed"

//go:embed guard.jsonnet
var guardBody string

//go:embed report.jsonnet
var reportBody string

//go:embed courier.jsonnet
var courierBody string

// GuardBody returns the jsonnet by which Kratos writes the body of a guard hook.
func GuardBody() string { return guardBody }

// ReportBody returns the jsonnet by which Kratos writes the body of a report hook.
func ReportBody() string { return reportBody }

// CourierBody returns the jsonnet by which Kratos writes a message that it hands over to be delivered.
func CourierBody() string { return courierBody }
