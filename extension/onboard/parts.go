package onboard

import (
	"context"
	"time"

	"paperplane/extension"
)

// Store is what the verb asks of the database.
type Store interface {
	inviting
	recording
	securing
	agreeing
	aligning
	telling
}

// inviting is what links ask of the database.
type inviting interface {
	Invited(ctx context.Context, invitation extension.InvitationID) (extension.Invited, error)
	RecordOpened(ctx context.Context, invitation extension.InvitationID, at time.Time) error
	// Members lists the users of an identity with their organisations.
	Members(ctx context.Context, identity extension.IdentityID) ([]extension.Member, error)
	// User finds a user whom the actor may see.
	User(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.User, error)
	// Exclusive runs f while no other caller holds the same name, on any replica.
	Exclusive(ctx context.Context, name string, f func(ctx context.Context) error) error
	// Origin tells whether it was us who made the identity, for the user whom its mark names.
	Origin(ctx context.Context, identity extension.IdentityID, mark extension.UserID) (ours bool, err error)
	// LeftInactive tells whether it was us who left the identity inactive.
	LeftInactive(ctx context.Context, identity extension.IdentityID) (bool, error)
	SetLeftInactive(ctx context.Context, identity extension.IdentityID, at time.Time) error
	// Correspondent gives the language and the organisation's name to write to an address with; each is empty when its
	// holder has none or several that differ.
	Correspondent(ctx context.Context, address string) (language, organisation string, err error)
}

// recording is what the facts ask of the database.
type recording interface {
	// Record sets a fact of a user unless it is set, with an audit row when it was not. It tells whether it was new.
	Record(ctx context.Context, user extension.User, fact extension.Fact, at time.Time) (bool, error)
	// RecordProfile keeps the names and the mobile that an identity has in Kratos, for lists and letters, of those who have
	// taken an invitation on, and while nobody has, of the user whom it was made for. Text messages to a number
	// that has changed prove nothing any more.
	RecordProfile(ctx context.Context, identity extension.Identity) error
	// RecordStumble keeps the last mistake that the invitee was told of.
	RecordStumble(ctx context.Context, user extension.UserID, stumble extension.Stumble) error
	// Note writes an audit row.
	Note(ctx context.Context, entry extension.Audit) error
	// Unreported hands out identities of users who are half-way, longest unasked first, and marks them as asked.
	Unreported(ctx context.Context, now time.Time, most int) ([]extension.IdentityID, error)
	// HalfWay hands out identities that are still on although their user's invitation ran out, or was replaced, between
	// Start and registration.
	HalfWay(ctx context.Context, now time.Time, most int) ([]extension.IdentityID, error)
}

// securing is what second factors ask of the database.
type securing interface {
	// SetFactors keeps which proven second factors Kratos holds.
	SetFactors(ctx context.Context, identity extension.IdentityID, proven []extension.Factor, at time.Time) error
	// FactorsOf lists what an identity has proven.
	FactorsOf(ctx context.Context, identity extension.IdentityID) ([]extension.ProvenFactor, error)
	// HadFactor tells whether a user was ever known to have a second factor.
	HadFactor(ctx context.Context, user extension.UserID) (bool, error)
	// Proofs lists the kinds of factor that a session was confirmed with.
	Proofs(ctx context.Context, session extension.SessionID) ([]extension.Factor, error)
	// OpenElsewhere lists the settings that other sessions of an identity have opened and that still last.
	OpenElsewhere(ctx context.Context, identity extension.IdentityID, session extension.SessionID) ([]extension.OpenSettings, error)
	// EndRecoveryProofs says that what sessions have shown by a recovery code counts no more.
	EndRecoveryProofs(ctx context.Context, identity extension.IdentityID) error
	// ForgetOpenings says that settings which are open now are no danger.
	ForgetOpenings(ctx context.Context, identity extension.IdentityID) error
	// ProvenSessions lists the sessions of an identity that were confirmed with a factor of one of these kinds.
	ProvenSessions(ctx context.Context, identity extension.IdentityID, kinds []extension.Factor) ([]extension.SessionID, error)
	// Witness keeps a proof, and the factor where it is the identity's first or one more of a confirmed session's.
	Witness(ctx context.Context, proof extension.Proof) error
	// AllowCode notes that a code is about to be sent; *extension.CooldownError when it is too soon, or would not be looked
	// at for now, extension.ErrGuessesSpent when none would be.
	AllowCode(ctx context.Context, identity extension.IdentityID, way extension.Factor) error
	// NextCode tells when the next code can be sent; zero for now.
	NextCode(ctx context.Context, identity extension.IdentityID, way extension.Factor) (time.Time, error)
	// Guesses tells by which ways no code is looked at now.
	Guesses(ctx context.Context, identity extension.IdentityID) (extension.Guesses, error)
	// AllowGuess notes that a code by one way is about to be looked at; *extension.CooldownError after too many wrong ones for now,
	// extension.ErrGuessesSpent after too many in a row.
	AllowGuess(ctx context.Context, identity extension.IdentityID, way extension.Factor) error
	// ReturnGuess says that a code was no wrong one.
	ReturnGuess(ctx context.Context, identity extension.IdentityID, way extension.Factor) error
	// ForgetGuesses says that the last code was right, or that there is nothing left to guess.
	ForgetGuesses(ctx context.Context, identity extension.IdentityID) error
	// ReserveAppCode notes that an app's code is about to be shown to Kratos, under a ticket; extension.ErrCodeUsed when it
	// was before, and ErrCodeUnderWay while it is. Only the code's keyed hash is kept.
	ReserveAppCode(ctx context.Context, identity extension.IdentityID, hash, ticket string) error
	// ReleaseAppCode lets a reserved code go that Kratos has not taken.
	ReleaseAppCode(ctx context.Context, identity extension.IdentityID, ticket string) error
	// TakeAppCode says that Kratos has set an app up by a reserved code.
	TakeAppCode(ctx context.Context, identity extension.IdentityID, ticket string) error
	// WitnessAppCode says that Kratos takes a code, with a ticket or past us by an attempt; extension.ErrCodeUsed when it may
	// have been taken before.
	WitnessAppCode(ctx context.Context, identity extension.IdentityID, ticket, attempt string) error
	// AllowsNotice tells whether another code of a kind that anybody can ask for may be mailed.
	AllowsNotice(ctx context.Context, identity extension.IdentityID, kind extension.NoticeKind) (bool, error)
	// NoteNotice notes that one was mailed.
	NoteNotice(ctx context.Context, identity extension.IdentityID, kind extension.NoticeKind) error
	// PurgeProofs deletes proofs of sessions that have long ended, and what was noted of codes long ago.
	PurgeProofs(ctx context.Context, now time.Time) error
	// SharedWithOthers tells whether the identity has users who have begun in other organisations than this one.
	SharedWithOthers(ctx context.Context, identity extension.IdentityID, organisation extension.OrganisationID) (bool, error)
	// ForgetFactors drops the factors and proofs of the user's identity, with the audit. ErrConflict says that the
	// identity has users who have begun in other organisations, which only an actor without an organisation may decide for.
	ForgetFactors(ctx context.Context, actor extension.Actor, user extension.UserID, at time.Time) error
}

// agreeing is what the terms ask of the database.
type agreeing interface {
	// RecordAcceptance keeps the evidence; the first one of a user and a version stands.
	RecordAcceptance(ctx context.Context, acceptance extension.Acceptance) error
	// ConfirmAcceptance says that Kratos has taken it.
	ConfirmAcceptance(ctx context.Context, user extension.User, terms extension.TermsID, at time.Time) error
	// Decline keeps that a user said no.
	Decline(ctx context.Context, user extension.UserID, terms extension.TermsID, at time.Time) error
	// TermsIn gives a version with its text in a language, or in the organisation's own when there is none in that.
	TermsIn(ctx context.Context, organisation extension.OrganisationID, version int, language string) (extension.Terms, error)
	// TermsLanguages lists the languages of a version, the organisation's own first.
	TermsLanguages(ctx context.Context, organisation extension.OrganisationID, version int) ([]string, error)
	// VersionOf tells which version of the organisation's terms a text belongs to; ErrNotFound when it is none of theirs.
	VersionOf(ctx context.Context, organisation extension.OrganisationID, terms extension.TermsID) (int, error)
}

// aligning is what changes in Kratos ask of the database.
type aligning interface {
	// Realign puts an identity on the list of those to be aligned with Kratos.
	Realign(ctx context.Context, identity extension.IdentityID) error
}

// Identities is what the verb asks of Kratos as its administrator.
type Identities interface {
	Identity(ctx context.Context, id extension.IdentityID) (extension.Identity, error)
	FindByAddress(ctx context.Context, address string) (extension.Identity, error)
	Enable(ctx context.Context, id extension.IdentityID, address string) error
	EndSessions(ctx context.Context, id extension.IdentityID) error
	// EndSessionsBut ends all sessions of an identity except these.
	EndSessionsBut(ctx context.Context, id extension.IdentityID, keep []extension.SessionID) error
	Admit(ctx context.Context, id extension.IdentityID, browser extension.Browser) (extension.Reply, error)
	// Clear takes away everything that whoever made the account without proving its address may have planted, and then
	// says that the address is proven. It can be repeated.
	Clear(ctx context.Context, id extension.IdentityID, address string) error
	// RemoveFactors deletes the second factors and the recovery codes. Having none is success.
	RemoveFactors(ctx context.Context, id extension.IdentityID) error
	// RemoveRecoveryCodes deletes the recovery codes alone. Having none is success.
	RemoveRecoveryCodes(ctx context.Context, id extension.IdentityID) error
	// Holder finds the identity that a mobile number belongs to.
	Holder(ctx context.Context, mobile string) (extension.Identity, error)
	// DropMobile takes the number away from an identity.
	DropMobile(ctx context.Context, id extension.IdentityID, mobile string) error
}

// Settings is what the verb asks of Kratos' settings in the name of the invitee's browser.
type Settings interface {
	SettingsForm(ctx context.Context, browser extension.Browser, flowID string) (extension.Form, extension.Reply, error)
	SubmitProfile(ctx context.Context, browser extension.Browser, form extension.Form, traits extension.Traits) (extension.Form, extension.Reply, error)
	SubmitPassword(ctx context.Context, browser extension.Browser, form extension.Form, password string) (extension.Form, extension.Reply, error)
	// LinkProvider begins to link a social sign-in and gives the provider's address.
	LinkProvider(ctx context.Context, browser extension.Browser, form extension.Form, provider string) (string, extension.Reply, error)
	SubmitTOTP(ctx context.Context, browser extension.Browser, form extension.Form, code string) (extension.Form, extension.Reply, error)
	// NewRecoveryCodes makes codes that count once ConfirmRecoveryCodes has been called for the same form.
	NewRecoveryCodes(ctx context.Context, browser extension.Browser, form extension.Form) (extension.Form, []string, extension.Reply, error)
	ConfirmRecoveryCodes(ctx context.Context, browser extension.Browser, form extension.Form) (extension.Form, extension.Reply, error)
}

// SecondStep is what the verb asks of Kratos' second step of signing in, in the name of the person's browser.
type SecondStep interface {
	// SendCode makes Kratos send a code to an address of the identity's by this way; the form is what the code belongs to.
	SendCode(ctx context.Context, browser extension.Browser, way extension.Factor, address, returnTo string) (extension.Form, extension.Reply, error)
	// ConfirmForm reads the form of a second step, or begins one when flow is empty. It sends nothing.
	ConfirmForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error)
	SubmitLogin(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Reply, error)
}

// Mobiles brings a mobile number into the one spelling that is stored (E.164). A number without + is read as one of the
// region (ISO 3166-1 alpha-2). What cannot be read is an InvalidError about the field mobile.
type Mobiles func(number, region string) (string, error)

// Aligner brings Kratos in line with our rows: state and published metadata.
type Aligner interface {
	Align(ctx context.Context, identity extension.IdentityID) error
}

// Inviter sends an invitation again. What cannot be sent now is an InvalidError.
type Inviter interface {
	Resend(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.BatchID, error)
}

// Post delivers a code, and news of an account, by e-mail.
type Post interface {
	Notify(ctx context.Context, notice extension.Notice) error
	// Tell mails news. extension.ErrRefused says that it was refused for good, any other error that the same call should be
	// made again later. None quotes what a provider says of the address.
	Tell(ctx context.Context, news extension.News) error
}

// Service is the verb.
type Service struct {
	store      Store
	identities Identities
	settings   Settings
	secondStep SecondStep
	mobiles    Mobiles
	aligner    Aligner
	inviter    Inviter
	post       Post
	links      extension.Links
	secret     []byte
	sealers    sealers
	direct     bool
	now        func() time.Time

	settingsURL string
}

// Options are what a Service is made of.
type Options struct {
	Store      Store
	Identities Identities
	Settings   Settings
	SecondStep SecondStep
	Mobiles    Mobiles
	Aligner    Aligner
	Inviter    Inviter
	Post       Post
	Links      extension.Links
	Secret     []byte // keys the hashes of codes and the tickets of second steps; the same on every replica
	Direct     bool   // second steps that are taken at Kratos itself count too
	Now        func() time.Time

	SettingsURL string // the page on which people look after their account
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, identities: o.Identities, settings: o.Settings, secondStep: o.SecondStep, mobiles: o.Mobiles,
		aligner: o.Aligner, inviter: o.Inviter, post: o.Post, links: o.Links, secret: o.Secret, sealers: newSealers(o.Secret), direct: o.Direct, now: o.Now,
		settingsURL: o.SettingsURL,
	}
}
