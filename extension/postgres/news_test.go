package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// told claims and ends all letters that are due, and gives what each tells: kind and factor of its changes.
func (b bundle) told(t *testing.T) []string {
	t.Helper()
	var letters []string
	for {
		news, there, err := b.db.ClaimNews(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !there {
			return letters
		}
		var changes []string
		for _, c := range news.Changes {
			changes = append(changes, strings.Join(strings.Fields(string(c.Kind)+" "+string(c.Factor)+" "+c.Address), " "))
		}
		letters = append(letters, news.Address+": "+strings.Join(changes, ", "))
		if err := b.db.EndNews(t.Context(), news.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// isTold fails unless exactly these letters are due.
func (b bundle) isTold(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.told(t)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

// member is bob, who is in.
func (b bundle) member(t *testing.T) extension.User {
	t.Helper()
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	return b.user(t, user.Address)
}

func TestNobodyIsToldOfWhatTheySetUpOnTheWayIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted, extension.FactRegistered)
	b.witness(t, witnessed(user, sessionID(), extension.FactorSMS, "+46701234567"))
	if err := b.db.SetFactors(t.Context(), user.Identity, kinds{extension.FactorTOTP}, noon()); err != nil {
		t.Fatal(err)
	}
	moved := extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{Email: user.Address, Mobile: "+46709999999"}}
	if err := b.db.RecordProfile(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	b.record(t, user, extension.FactActivated)
	b.isTold(t)
}

func TestAMemberIsToldOfEveryFactorThatComesAndGoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.member(t)
	b.pause(t, user)
	b.witness(t, witnessed(user, sessionID(), extension.FactorSMS, "+46701234567"))
	b.isTold(t, "bob@example.com: added sms +46701234567")
	for range 2 {
		if err := b.db.SetFactors(t.Context(), user.Identity, kinds{extension.FactorTOTP, extension.FactorWebAuthn}, noon()); err != nil {
			t.Fatal(err)
		}
	}
	b.isTold(t, "bob@example.com: added totp, added webauthn")
	moved := extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{Email: user.Address, Mobile: "+46709999999"}}
	if err := b.db.RecordProfile(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	b.isTold(t) // the factor stays, until a code to the new number takes its place
	other := witnessed(user, sessionID(), extension.FactorSMS, "+46709999999")
	other.Adds = true
	b.witness(t, other)
	b.isTold(t, "bob@example.com: added sms +46709999999")
	if err := b.db.SetFactors(t.Context(), user.Identity, kinds{extension.FactorTOTP}, noon()); err != nil {
		t.Fatal(err)
	}
	b.isTold(t, "bob@example.com: removed webauthn")
	for range 2 {
		if err := b.db.ForgetFactors(t.Context(), b.admin, user.ID, noon()); err != nil {
			t.Fatal(err)
		}
	}
	b.isTold(t, "bob@example.com: reset")
}

func TestWhatIsRolledBackIsNotTold(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	user := b.member(t)
	b.isTold(t)
	// The last statement of the change fails.
	if _, err := outsider(t, dsn).Exec(t.Context(), `ALTER TABLE proofs ADD CONSTRAINT none CHECK (kind <> 'sms')`); err != nil {
		t.Fatal(err)
	}
	if err := b.db.Witness(t.Context(), witnessed(user, sessionID(), extension.FactorSMS, "+46701234567")); err == nil {
		t.Fatal("the change was made")
	}
	b.isTold(t)
}

func TestOneOfSeveralOrganisationsIsEnoughToBeToldOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south, west := b.beside(t, "south"), b.beside(t, "west")
	south.exec(t, `UPDATE organisations SET language = 'sv', reply_to = 'help@south.example' WHERE slug = 'south'`)
	user := b.invited(t, "bob@example.com")
	there := south.member(t)
	south.share(t, there, user.Identity)
	stranger := west.invited(t, "bob@example.com")
	west.share(t, stranger, user.Identity)
	claim := func() extension.News {
		t.Helper()
		b.exec(t, `UPDATE news SET try_at = clock_timestamp()`)
		news, there, err := b.db.ClaimNews(t.Context())
		if err != nil || !there {
			t.Fatalf("%v, %v", there, err)
		}
		return news
	}
	b.witness(t, witnessed(user, sessionID(), extension.FactorTOTP, ""))
	news := claim()
	want := extension.News{
		ID: news.ID, Identity: user.Identity, Address: "bob@example.com", Language: "sv", Organisation: "Organisation south", Contact: "help@south.example",
		Changes: []extension.AccountChange{{Kind: extension.ChangeAdded, Factor: extension.FactorTOTP, At: noon()}},
	}
	if diff := cmp.Diff(want, news); diff != "" {
		t.Errorf("(-want +got): %s", diff)
	}
	b.record(t, user, extension.FactStarted)
	if news = claim(); news.ID != want.ID || news.Language != "" || news.Organisation != "" || news.Contact != "" {
		t.Errorf("of two organisations: %+v", news)
	}
	if _, more, err := b.db.ClaimNews(t.Context()); more || err != nil {
		t.Errorf("there is another letter: %v", err)
	}
}

func TestALetterTellsWhatHadHappenedWhenItWasFirstTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.member(t)
	add := func(proven ...extension.Factor) {
		t.Helper()
		if err := b.db.SetFactors(t.Context(), user.Identity, proven, noon()); err != nil {
			t.Fatal(err)
		}
	}
	add(extension.FactorTOTP)
	first, there, err := b.db.ClaimNews(t.Context())
	if err != nil || !there {
		t.Fatal(there, err)
	}
	add(extension.FactorTOTP, extension.FactorWebAuthn)
	if givenUp, err := b.db.PutOffNews(t.Context(), first.ID, time.Hour); err != nil || givenUp {
		t.Fatal(givenUp, err)
	}
	b.isTold(t, "bob@example.com: added webauthn")
	if soon := read[bool](t, b.db, `SELECT try_at < clock_timestamp() + interval '59 minutes' FROM news WHERE letter = ?`, first.ID); soon {
		t.Error("it does not wait as long as it was asked to")
	}
	b.exec(t, `UPDATE news SET try_at = clock_timestamp() WHERE letter = ?`, first.ID)
	again, there, err := b.db.ClaimNews(t.Context())
	if diff := cmp.Diff(first, again); err != nil || !there || diff != "" {
		t.Errorf("%v, %v (-first +again): %s", there, err, diff)
	}
	b.exec(t, `UPDATE news SET tried_at = tried_at - interval '49 hours', try_at = clock_timestamp() WHERE letter = ?`, first.ID)
	if givenUp, err := b.db.PutOffNews(t.Context(), first.ID, 0); err != nil || !givenUp {
		t.Errorf("after two days: %v, %v", givenUp, err)
	}
	b.isTold(t)
	b.exec(t, `UPDATE news SET done_at = done_at - interval '25 hours'`)
	if err := b.db.PurgeNews(t.Context()); err != nil || read[int](t, b.db, `SELECT count(*) FROM news`) != 0 {
		t.Errorf("old news is kept: %v", err)
	}
}

func TestAReportIsToldOnceAndNotOnTheWayIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.member(t)
	report := func(name string, after time.Duration) {
		t.Helper()
		change := extension.AccountChange{Kind: extension.ChangePassword, At: noon().Add(after)}
		if err := b.db.NoteReported(t.Context(), user.Identity, change, name); err != nil {
			t.Fatal(err)
		}
	}
	report("one", time.Minute) // chosen on the way in, and reported late
	b.isTold(t)
	report("two", time.Hour)
	b.isTold(t, "bob@example.com: password")
	report("two", 2*time.Hour)
	b.isTold(t)
}

func TestWhatIsAnnouncedWaitsUntilItIsDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	freed := extension.AccountChange{Kind: extension.ChangeMobileFreed, Address: "+46701234567", At: noon()}
	announce := func(user extension.User) string {
		t.Helper()
		name, err := b.db.Announce(t.Context(), user.Identity, freed)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	tellNow := func(name string) {
		t.Helper()
		if err := b.db.TellNow(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	tellNow(announce(b.invited(t, "eve@example.com"))) // has not begun, so the account may be anybody's
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted)
	name := announce(user)
	b.isTold(t)
	tellNow(name)
	b.isTold(t, "bob@example.com: mobile_freed +46701234567")
	announce(user)
	b.exec(t, `UPDATE news SET try_at = try_at - interval '3 minutes'`) // whoever announced it has died
	b.isTold(t, "bob@example.com: mobile_freed +46701234567")
}

func TestOneFreedNumberIsToldOnceHoweverOftenItIsTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.member(t)
	announce := func(number string) string {
		t.Helper()
		name, err := b.db.Announce(t.Context(), user.Identity, extension.AccountChange{Kind: extension.ChangeMobileFreed, Address: number, At: noon()})
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	announce("+46701234567") // and Kratos did not answer
	b.exec(t, `UPDATE news SET try_at = clock_timestamp()`)
	if _, there, err := b.db.ClaimNews(t.Context()); err != nil || !there { // nor now, so that the letter waits
		t.Fatal(there, err)
	}
	announce("+46701234567")
	announce("+46701234568")
	if err := b.db.TellNow(t.Context(), announce("+46701234567")); err != nil {
		t.Fatal(err)
	}
	b.isTold(t, "bob@example.com: mobile_freed +46701234567")
	b.exec(t, `UPDATE news SET try_at = clock_timestamp() WHERE done_at IS NULL`)
	b.isTold(t, "bob@example.com: mobile_freed +46701234568")
}

func TestALetterIsClaimedAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.member(t)
	if err := b.db.SetFactors(t.Context(), user.Identity, kinds{extension.FactorTOTP, extension.FactorWebAuthn}, noon()); err != nil {
		t.Fatal(err)
	}
	first, there, err := b.db.ClaimNews(t.Context())
	if err != nil || !there || len(first.Changes) != 2 {
		t.Fatal(first, there, err)
	}
	same := func(what string) {
		t.Helper()
		if n := read[int](t, b.db, `SELECT count(DISTINCT (try_at, tried_at, done_at)) FROM news WHERE letter = ?`, first.ID); n != 1 {
			t.Errorf("%s gives the changes of one letter %d different times", what, n)
		}
	}
	same("a claim")
	if _, err := b.db.PutOffNews(t.Context(), first.ID, time.Minute); err != nil {
		t.Fatal(err)
	}
	same("putting it off")
	b.exec(t, `UPDATE news SET try_at = clock_timestamp() WHERE letter = ? AND factor = 'webauthn'`, first.ID)
	again, there, err := b.db.ClaimNews(t.Context())
	if diff := cmp.Diff(first, again); err != nil || !there || diff != "" {
		t.Errorf("%v, %v (-first +again): %s", there, err, diff)
	}
	b.exec(t, `UPDATE news SET done_at = clock_timestamp() - interval '1 hour' WHERE letter = ? AND factor = 'totp'`, first.ID)
	if err := b.db.EndNews(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM news WHERE done_at < clock_timestamp() - interval '59 minutes'`); n != 1 {
		t.Error("what was done is done again")
	}
}

func TestTheUseOfARecoveryCodeIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.member(t)
	b.witness(t, witnessed(user, sessionID(), extension.FactorRecovery, ""))
	b.isTold(t) // it stands in for nothing
	b.witness(t, witnessed(user, sessionID(), extension.FactorTOTP, ""))
	b.isTold(t, "bob@example.com: added totp")
	b.witness(t, witnessed(user, sessionID(), extension.FactorTOTP, ""))
	b.isTold(t)
	b.witness(t, witnessed(user, sessionID(), extension.FactorRecovery, ""))
	b.isTold(t, "bob@example.com: recovered")
}
