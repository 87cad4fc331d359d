package flows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// checked is one page as it is looked at.
type checked struct {
	ids      []string
	labels   []string // the ids that labels are for
	refers   []string // the ids that attributes name
	inputs   []map[string]string
	headings []string
	primary  int
	faults   []string
}

// visit looks at one element and all inside it; labelled tells whether a label stands around it.
func (c *checked) visit(node *html.Node, labelled bool) {
	attributes := map[string]string{}
	for _, a := range node.Attr {
		attributes[a.Key] = a.Val
	}
	if node.Type == html.ElementNode {
		c.look(node, attributes, labelled)
	}
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		c.visit(child, labelled || node.Data == "label")
	}
}

func (c *checked) look(node *html.Node, attributes map[string]string, labelled bool) {
	if id, ok := attributes["id"]; ok {
		if slices.Contains(c.ids, id) {
			c.faults = append(c.faults, "the id "+id+" stands twice")
		}
		c.ids = append(c.ids, id)
	}
	for _, name := range []string{"aria-describedby", "aria-labelledby", "data-copy"} {
		c.refers = append(c.refers, strings.Fields(attributes[name])...)
	}
	if _, ok := attributes["style"]; ok {
		c.faults = append(c.faults, "an element has a style of its own, which the content policy stops")
	}
	if strings.Contains(attributes["class"], "button-primary") {
		c.primary++
	}
	switch node.Data {
	case "label":
		c.labels = append(c.labels, attributes["for"])
	case "h1", "h2", "h3":
		c.headings = append(c.headings, node.Data)
	case "img":
		if attributes["alt"] == "" {
			c.faults = append(c.faults, "a picture has no text")
		}
	case "script":
		if attributes["src"] == "" {
			c.faults = append(c.faults, "a script stands in the page, which the content policy stops")
		}
	case "form":
		if attributes["method"] == "post" && attributes["action"] != "/language" && !holdsToken(node) {
			c.faults = append(c.faults, "the form to "+attributes["action"]+" has no token")
		}
	case "input":
		c.lookAtInput(attributes, labelled)
	}
}

func (c *checked) lookAtInput(attributes map[string]string, labelled bool) {
	switch attributes["type"] {
	case "hidden":
		return
	case "checkbox":
		if !labelled {
			c.faults = append(c.faults, "the box "+attributes["name"]+" has no label")
		}
		return
	}
	c.inputs = append(c.inputs, attributes)
	if attributes["autocomplete"] == "" {
		c.faults = append(c.faults, "the field "+attributes["name"]+" has no autocomplete (WCAG 2.2, 1.3.5)")
	}
	if attributes["maxlength"] != "" || attributes["onpaste"] != "" {
		c.faults = append(c.faults, "the field "+attributes["name"]+" hinders pasting (WCAG 2.2, 3.3.8)")
	}
}

func holdsToken(node *html.Node) bool {
	for _, a := range node.Attr {
		if a.Key == "name" && a.Val == "csrf" {
			return true
		}
	}
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		if holdsToken(child) {
			return true
		}
	}
	return false
}

// wellFormed checks what every page owes to whoever cannot see it, or uses a keyboard or a password manager.
func wellFormed(t *testing.T, name string, page answer) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page.body))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var c checked
	c.visit(root, false)
	for _, input := range c.inputs {
		if !slices.Contains(c.labels, input["id"]) {
			c.faults = append(c.faults, "the field "+input["name"]+" has no label")
		}
	}
	for _, id := range c.refers {
		if !slices.Contains(c.ids, id) {
			c.faults = append(c.faults, "the id "+id+" is named and stands nowhere")
		}
	}
	if len(c.headings) == 0 || c.headings[0] != "h1" || slices.Contains(c.headings[1:], "h1") {
		c.faults = append(c.faults, "the headings are "+strings.Join(c.headings, " "))
	}
	if c.primary > 1 {
		c.faults = append(c.faults, "there are several primary buttons")
	}
	for _, fault := range c.faults {
		t.Errorf("%s: %s", name, fault)
	}
}

func TestEveryPageOfTheWayInIsWellFormed(t *testing.T) {
	t.Parallel()
	pages := map[string]func(t *testing.T, s *site) answer{}
	get := func(step extension.Step, path string) {
		pages[string(step)+" "+path] = func(t *testing.T, s *site) answer {
			t.Helper()
			s.onboarding.standing(step)
			return s.get(t, path, signedIn(asInvitee), joinCookie(), sentTo(extension.FactorSMS), sentTo(extension.FactorEmail))
		}
	}
	post := func(step extension.Step, path string, fields ...string) {
		pages[string(step)+" POST "+path+" "+strings.Join(fields, " ")] = func(t *testing.T, s *site) answer {
			t.Helper()
			s.onboarding.standing(step)
			invalid := &extension.InvalidError{Fields: []extension.FieldError{{Field: "code", Message: "Wrong."}, {Field: "mobile", Message: "Wrong."}, {Message: "Wrong."}}}
			s.onboarding.saveErr, s.onboarding.codeErr, s.onboarding.sendErr = invalid, invalid, &extension.CooldownError{Until: now().Add(time.Minute)}
			s.onboarding.startErr = &onboard.LinkError{Reason: onboard.LinkAccount}
			return s.post(t, path, s.signed(asInvitee, fields...), signedIn(asInvitee), joinCookie(), sentTo(extension.FactorSMS))
		}
	}
	get(extension.StepStart, landingPath)
	get(extension.StepRegister, "/register")
	get(extension.StepSecure, "/secure")
	get(extension.StepSecure, "/secure/totp")
	get(extension.StepSecure, "/secure/code?way=email")
	get(extension.StepAgree, "/secure/codes")
	get(extension.StepConfirm, "/confirm")
	get(extension.StepConfirm, "/confirm/code?way=sms")
	get(extension.StepConfirm, "/confirm/code?way=lookup_secret")
	get(extension.StepAgree, "/agree")
	get(extension.StepAgree, "/agree/declined")
	get(extension.StepIn, "/welcome")
	get(extension.StepIn, "/organisations")
	get(extension.StepIn, "/terms/northwind")
	for _, step := range []extension.Step{extension.StepPaused, extension.StepExpired, extension.StepStart} {
		get(step, "/next")
	}
	post(extension.StepRegister, "/register")
	post(extension.StepSecure, "/secure/send", "way", "sms")
	post(extension.StepSecure, "/secure/totp", "flow", "totp-flow", "code", "1")
	post(extension.StepConfirm, "/confirm/code", "way", "sms", "code", "1")
	post(extension.StepAgree, "/secure/codes", "flow", "codes-flow")
	post(extension.StepAgree, "/agree", "terms", string(termsID))
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := social(t)
			place := &s.onboarding.place
			place.Proofs = []extension.Factor{extension.FactorTOTP}
			place.Organisation.TwoFactor = extension.TwoFactorRequired
			place.Standings = append(place.Standings, onboard.Standing{Organisation: extension.Organisation{ID: "b", Slug: "b", Name: "B"}, Status: extension.Active})
			s.onboarding.ways = append(s.onboarding.ways, onboard.Way{Kind: extension.FactorRecovery})
			s.onboarding.languages = []string{"en", "de"}
			wellFormed(t, name, page(t, s))
		})
	}
}
