package extension

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Terms is one immutable version of an organisation's EULA in one language. The texts of one version in several languages
// are published together; accepting any of them accepts the version.
type Terms struct {
	ID           TermsID
	Organisation OrganisationID
	Version      int           // counts from 1 within the organisation
	Language     string        // BCP 47
	Title        string        // shown as the heading
	Text         string        // Markdown (CommonMark)
	SHA256       string        // of Text, lower-case hexadecimal
	Grace        time.Duration // after Published, in which whoever accepted an earlier version may go on without
	Published    time.Time
}

// MaxGrace is the longest time that people can be left with an earlier version.
const MaxGrace = 90 * 24 * time.Hour

// Required is when this version must have been accepted by somebody who accepted an earlier one.
func (t Terms) Required() time.Time { return t.Published.Add(t.Grace) }

// TermsDraft is a text that is not published yet. There is at most one in each language.
type TermsDraft struct {
	Language string
	Title    string
	Text     string // Markdown (CommonMark)
	Updated  time.Time
	By       string
}

// The limits of a draft.
const (
	MaxTermsTitle = 200     // bytes
	MaxTermsText  = 200_000 // bytes
)

// NewTerms makes the first version of an organisation's terms, with the hash of exactly this text.
func NewTerms(organisation OrganisationID, language, title, text string) Terms {
	return Terms{
		ID: NewID[TermsID](), Organisation: organisation, Version: 1, Language: language, Title: title, Text: text,
		SHA256: TermsHash(text),
	}
}

// TermsHash is the hash by which evidence names a text: SHA-256 of its bytes (FIPS 180-4), lower-case hexadecimal.
func TermsHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Acceptance is the evidence that a user accepted one version of the terms. The trait in Kratos is only a claim; this
// is the record.
type Acceptance struct {
	User      UserID
	Terms     TermsID
	At        time.Time
	IP        string
	UserAgent string
}

// Evidence is an acceptance with the version that was accepted, as it is shown and exported. It outlives the user: then
// Address and Name are empty, and User is a pseudonym. They are empty too when it was disowned.
type Evidence struct {
	Acceptance
	Number    int64 // of the record, from 1, in the order of recording
	Version   int
	Language  string
	Title     string
	SHA256    string
	Confirmed time.Time // Kratos held it; zero when it never did
	Disowned  time.Time // the user's address was corrected: whoever accepted was somebody else; zero for the user's own
	Address   string
	Name      string
}

// TermsVersion is one published version of an organisation's terms in all its languages, with what became of it.
type TermsVersion struct {
	Version   int
	Texts     []Terms // by language; the first is in the organisation's own
	Published time.Time
	By        string // who published it
	Grace     time.Duration
	Accepted  int // users of now who accepted it
	Declined  int // users of now who declined it and have not accepted it since
}
