package recognise

// Reason says why a piece of text can't be used as an address. Its value is
// stable and meant for programs; Sentence is meant for people.
type Reason string

// The reasons for which a piece is rejected.
const (
	NoAtSign              Reason = "no_at_sign"
	MoreThanOneAt         Reason = "more_than_one_at"
	MissingName           Reason = "missing_name"
	MissingDomain         Reason = "missing_domain"
	BadName               Reason = "bad_name"
	BadDomain             Reason = "bad_domain"
	TooLong               Reason = "too_long"
	UnsupportedCharacters Reason = "unsupported_characters"

	// Of the rows of a table.
	MissingAddress Reason = "missing_address"
	UnfitRow       Reason = "unfit_row"
	Formula        Reason = "formula"

	// Given by whoever knows an organisation's service areas and roles. What
	// somebody may not choose does not exist for them.
	UnknownArea Reason = "unknown_area"
	UnknownRole Reason = "unknown_role"
)

// Sentence explains the reason to an administrator. It is empty for a reason
// this package does not know.
func (r Reason) Sentence() string {
	switch r {
	case NoAtSign:
		return "There is no @ between a name and a domain."
	case MoreThanOneAt:
		return "There is more than one @. Put a comma or a new line between two addresses."
	case MissingName:
		return "The part before the @ is missing."
	case MissingDomain:
		return "The part after the @ is missing."
	case BadName:
		return "The part before the @ can't be used: look for a dot at its start or end, two dots in a row, or a sign that addresses can't have."
	case BadDomain:
		return "The part after the @ is not a domain that mail can be sent to, such as example.com."
	case TooLong:
		return "It is too long: an address has at most 64 characters before the @, 63 between two dots after it, and 254 in all."
	case UnsupportedCharacters:
		return "It contains a character that can't be used here: before the @, only unaccented letters, digits and common signs can."
	case MissingAddress:
		return "The row has no email address."
	case UnfitRow:
		return "The row does not fit the header, so it is not clear which cell is which. Put a cell that has a comma, a semicolon or a tab in it in double quotes."
	case Formula:
		return "The cell holds a formula and not an address. Type the address itself."
	case UnknownArea:
		return "There is no service area of this name that you can invite to. Check its spelling against the list on the page."
	case UnknownRole:
		return "There is no role of this name that you can give. Check its spelling against the list on the page."
	default:
		return ""
	}
}

// WarningKind names a doubt about a recognised address. Its value is stable and
// meant for programs; Sentence is meant for people.
type WarningKind string

// The kinds of doubt.
const (
	ProbableTypo     WarningKind = "probable_typo"
	LookalikeDomain  WarningKind = "lookalike_domain"
	SameMailboxMaybe WarningKind = "same_mailbox_maybe"
	UnusualName      WarningKind = "unusual_name"
	DifferentRows    WarningKind = "different_rows"
)

// WarningKinds lists all kinds in the order in which pages show them.
func WarningKinds() []WarningKind {
	return []WarningKind{ProbableTypo, LookalikeDomain, SameMailboxMaybe, UnusualName, DifferentRows}
}

// Sentence explains the doubt to an administrator. It is empty for a kind this
// package does not know.
func (k WarningKind) Sentence() string {
	switch k {
	case ProbableTypo:
		return "The domain looks mistyped. Check it before you send."
	case LookalikeDomain:
		return "The domain contains letters that only look like the usual ones, so it may not be the one you think. Check it with the person."
	case SameMailboxMaybe:
		return "This is probably the same mailbox as another address in the list, so one person may get two invitations."
	case UnusualName:
		return "The part before the @ is allowed but unusual. Check that it was copied correctly."
	case DifferentRows:
		return "The table has this address in several rows with different service areas or roles. Only the first of them counts."
	default:
		return ""
	}
}
