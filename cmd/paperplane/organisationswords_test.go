package main

import (
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/locale"
)

// TestWordsAndOrganisations looks at what pages say to people who are not quite where they are expected: strangers, members
// of several organisations, readers of other languages.
func TestWordsAndOrganisations(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		w := &words{testStack: s, seen: &gallery{stack: s, t: t}, ada: s.administrator(t)}
		w.mill = s.second(t, "mill", nil)
		w.strict = s.second(t, "lighthouse", func(c *extension.Charter) {
			c.Organisation.TwoFactor, c.Organisation.Ways = extension.TwoFactorRequired, []extension.Factor{extension.FactorSMS}
		})
		var stories []story
		for _, language := range locale.Languages() {
			stories = append(stories, story{"nothing is left in English for a reader of " + string(language), func(t *testing.T) { w.speaksTo(t, language) }})
		}
		inTurn(t, append(stories,
			story{"the welcome of an organisation offers what it has", w.welcomes},
			story{"who is half-way is led to no administration", w.hidesAdministration},
			story{"the account is open while another organisation waits", w.opensAccount},
			story{"recovery codes from before, and new ones", w.keepsOldCodes},
			story{"the account offers the ways that lead in somewhere", w.offersWaysThatCount},
			story{"that only the operator can reset a factor is said beforehand", w.saysWhoResets},
			story{"the language of somebody else's invitation goes with it", w.forgetsForeignLanguage},
			story{"a code is asked for where there is a field", w.asksWhereThereIsAField},
			story{"what cannot be saved is said to be", w.refusesInWords},
			story{"whose ways are all shut is told who may be there", w.warnsOfThieves},
			story{"and all of it can be looked at", w.isLookedAt},
		)...)
	})
}

// words is a stack with three organisations and what was seen in it.
type words struct {
	*testStack
	seen         *gallery
	ada          *visitor
	mill, strict extension.Actor
}

// isLookedAt shows the pages to a browser, and to people where pictures are asked for.
func (w *words) isLookedAt(t *testing.T) {
	w.seen.t = t
	w.seen.check(t, startChromium(t))
}

// arrivesBy goes from the link to being in, in the reader's language.
func (r languageReader) arrivesBy(t *testing.T, link string) page {
	t.Helper()
	form := r.press(t, r.open(t, link), r.say("Start"))
	terms := r.press(t, form, r.say("Register"), details(r.stack.mobile())...)
	return r.press(t, terms, r.say("I accept the terms and conditions"))
}

func (w *words) speaksTo(t *testing.T, language locale.Language) {
	t.Helper()
	w.seen.t = t
	w.speaks(t, string(language))
	r := w.reader(t, language, language)
	address := string(language) + ".words@example.com"
	r.arrivesBy(t, w.invitedLink(t, address))
	r.sees(t, "no member of another organisation", r.open(t, "/enter/lighthouse")).says(t, http.StatusForbidden, r.say("Ask for an invitation"))
	w.seen.hang("no member "+string(language), r.say("Ask for an invitation"), r.open(t, "/enter/lighthouse"))
	r.sees(t, "no such organisation", r.open(t, "/enter/nowhere")).says(t, http.StatusForbidden, r.say("Ask for an invitation"))
	refused := r.sees(t, "no administrator", r.open(t, "/o/harbour/users"))
	refused.says(t, http.StatusForbidden, r.say("You have no administration pages"))
	w.seen.hang("no administrator "+string(language), r.say("You have no administration pages"), refused)
	for _, path := range []string{"/o/lighthouse/users", "/o/nowhere/users", "/o/harbour/nothing", "/nothing"} {
		r.sees(t, "no such page", r.open(t, path)).says(t, http.StatusNotFound, r.say("There is no such page"))
	}
	w.seen.hang("no such page "+string(language), r.say("There is no such page"), r.open(t, "/o/lighthouse/users"))

	long := r.request(t, http.MethodGet, "/welcome", http.NoBody)
	long.Header.Set("Cookie", "filler="+strings.Repeat("x", 20<<10))
	unread := r.do(t, long)
	unread.says(t, http.StatusRequestHeaderFieldsTooLarge, r.say("Your browser sends too many cookies"), r.say("Delete the cookies of this site and sign in again."))
	w.seen.hang("too many cookies "+string(language), "Your browser sends too many cookies", unread)
	w.operatorInvites(t, r, string(language)+".operator@example.com")
}

// operatorInvites invites from the command line, as whose administrators know nobody yet.
func (w *words) operatorInvites(t *testing.T, r languageReader, address string) {
	t.Helper()
	w.rows(t, `UPDATE organisations SET language = $1 WHERE slug = 'mill'`, string(r.language))
	operator := extension.System(w.mill.Organisation, extension.OperatorName)
	link := w.invitedTo(t, operator, address)
	r.writes(t, w.letters(t, address, 1)[0])
	guest := w.reader(t, r.language, r.language)
	landing := guest.sees(t, "invited by the operator", guest.open(t, link))
	if landing.says(t, http.StatusOK, "Organisation mill"); strings.Contains(landing.text(), extension.OperatorName) != (r.language == locale.English) {
		t.Errorf("the operator is called in English: %s", landing.text())
	}
	w.seen.hang("invited by the operator "+string(r.language), "", landing)
	if _, err := w.server.roster.Pause(t.Context(), operator, w.userOf(t, operator, address).ID); err != nil {
		t.Fatal(err)
	}
	guest.sees(t, "paused by the operator", guest.open(t, link)).says(t, http.StatusForbidden, "mill")
}

// invitedAs invites an address to an organisation in another role than a carer's.
func (w *words) invitedAs(t *testing.T, operator extension.Actor, role, address string) string {
	t.Helper()
	before := len(w.invitationsTo(address))
	choices, err := w.server.invite.Choices(t.Context(), operator)
	if err != nil {
		t.Fatal(err)
	}
	order := invite.Order{Batch: extension.NewID[extension.BatchID](), Text: address, Area: choices.Areas[0].ID}
	for _, known := range choices.Roles {
		if known.Name == role {
			order.Role = known.ID
		}
	}
	if _, err := w.server.invite.Send(t.Context(), operator, order); err != nil {
		t.Fatal(err)
	}
	found := link(t, w.letters(t, address, before+1)[before])
	w.log.mustNotHold(tokenOf(found))
	return found
}

// buttons counts what can be pressed by a name.
func (p page) buttons(name string) int {
	n := 0
	for node := range p.elements("button", "a") {
		if textOf(node) == name {
			n++
		}
	}
	return n
}

func (w *words) welcomes(t *testing.T) {
	w.seen.t = t
	w.speaks(t, "en")
	w.rows(t, `UPDATE organisations SET language = 'en'`)
	const address = "welcome@example.com"
	v := w.member(t, w.ada, address)
	alone := v.open(t, "/welcome")
	w.seen.hang("welcome, one organisation", "You’re in", alone)
	v.press(t, alone, "Your account").says(t, 200, "Your account", "Your details")
	if n := alone.buttons("Sign out"); n != 1 {
		t.Errorf("Sign out stands %d times on the welcome of one organisation", n)
	}

	invitation := w.invitedAs(t, w.mill, "Administrator", address)
	v.open(t, "/welcome").lacks(t, "Switch organisation")
	v.press(t, v.press(t, v.open(t, invitation), "Accept"), "I accept the terms and conditions").
		says(t, 200, "Your account with Organisation mill is ready.", "Users of Organisation mill", "Switch organisation")
	v.press(t, v.open(t, "/welcome"), "Users of Organisation mill").says(t, 200, "Users", "Switch organisation", address)
	w.seen.hang("users, several organisations", "Users", v.open(t, "/o/mill/users"))
	w.seen.pictures[len(w.seen.pictures)-1].open = true
	w.invitedTo(t, w.mill, demoAdministrator) // not accepted: nowhere to switch to
	w.ada.open(t, "/o/harbour/users").lacks(t, "Switch organisation")

	v.press(t, v.press(t, v.open(t, "/o/mill/users"), "Switch organisation"), "Go to Harbour Care").says(t, 200, "Your account with Harbour Care is ready.")
	plain := w.seen.hang("welcome, several organisations", "You’re in", v.open(t, "/welcome"))
	plain.says(t, 200, "There is nothing more to do here", "Switch organisation")
	plain.lacks(t, "mill", "Access management")
	if n := plain.buttons("Sign out"); n != 1 {
		t.Errorf("Sign out stands %d times on the welcome of several", n)
	}
}

func (w *words) hidesAdministration(t *testing.T) {
	const address = "halfway@example.com"
	v := w.visitor(t)
	terms := v.press(t, v.press(t, v.open(t, w.invitedAs(t, w.system(t), "Administrator", address)), "Start"), "Register", details(w.mobile())...)
	terms.says(t, 200, "Terms and conditions (EULA)")
	for _, path := range []string{"/organisations", "/settings", "/o/harbour/users", "/terms/harbour", "/welcome"} {
		shown := v.open(t, path)
		shown.lacks(t, "Access management")
		for link := range shown.elements("a") {
			if to, _ := attribute(link, "href"); strings.HasPrefix(to, "/o/") {
				t.Errorf("%s leads to %s", path, to)
			}
		}
	}
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in", "Access management")
}

func (w *words) opensAccount(t *testing.T) {
	const address = "account@example.com"
	v := w.member(t, w.ada, address)
	w.invitedTo(t, w.mill, address)
	waiting := v.press(t, v.open(t, "/organisations"), "Go to Organisation mill")
	waiting.says(t, 403, "Open the link in your email")
	settings := v.open(t, "/settings")
	settings.says(t, 200, "Your account", "Harbour Care")
	v.press(t, settings, "Save your details", "traits.name.first", "Robina").says(t, 200, "Your details are saved.")

	// With a factor, too, which is shown for the account and nothing else.
	mobile := w.user(t, address).Mobile
	typing := v.press(t, v.open(t, "/settings"), "Add codes by text message")
	v.press(t, typing, "Confirm the code", "code", w.newestCode(t, mobile, 1)).says(t, 200, "Codes can go there from now on.")
	w.rests(t, extension.CodePause)
	again := &holder{visitor: w.visitor(t)}
	again.signIn(t, address, goodPassword)
	again.takeCookie(t, "/", "pp_organisation", "mill")
	again.open(t, "/next").says(t, 403, "Open the link in your email")
	ways := again.open(t, "/settings")
	if ways.path() != "/confirm" {
		t.Fatalf("the account leads to %s (%d): %s", ways.path(), ways.status, ways.text())
	}
	typing, code := again.asks(t, ways, byText, mobile)
	again.press(t, typing, "Confirm", "code", code).says(t, 200, "Your account", "Text message")
}
