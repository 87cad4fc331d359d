package extension

// BatchStep is a step of the work on a batch. Everybody who works asks for the next one; nobody owns a batch.
type BatchStep string

// The steps.
const (
	BatchProvision BatchStep = "provision" // make the identities of some people
	BatchDeliver   BatchStep = "deliver"   // hand one chunk of messages to the provider
	BatchFinish    BatchStep = "finish"    // nothing is left: close it
)

// Turn is one step that may be done for a batch now.
type Turn struct {
	Batch        BatchID
	Organisation OrganisationID
	Step         BatchStep
	Full         bool // of a delivery: there are people for a whole chunk
	Troubled     bool // the step before ended in trouble, and the batch's page still says so
}
