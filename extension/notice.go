package extension

// Notice is a message that Kratos' courier asks us to deliver: one code to one address. It is sent while Kratos waits and
// kept nowhere, because a code that comes late is worth nothing.
type Notice struct {
	Kind         NoticeKind
	Address      string
	Code         string
	Minutes      int    // how long the code works
	Language     string // BCP 47, of the reader's organisation; empty when they have none or several that differ
	Organisation string // its name; empty when they have none or several
	Key          string // the same for every repetition of one message, so that it is mailed once
}

// NoticeKind is what a notice's code is for.
type NoticeKind string

// The kinds.
const (
	NoticeSecondFactor NoticeKind = "second_factor"
	NoticeRecovery     NoticeKind = "recovery"
	NoticeVerification NoticeKind = "verification"
)
