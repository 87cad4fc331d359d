package web

import (
	"strings"

	"github.com/a-h/templ"

	"paperplane/extension"
	"paperplane/extension/locale"
)

// Page is what the layout shows around a page's own content.
type Page struct {
	Title string // the h1 and the window's title
	Lead  string // the first line: what the page is for
	// Language is the one that the page is written in and in which the layout and the parts speak; its reader is offered
	// the others. Empty: an administrators' page, which is in English.
	Language     locale.Language
	Crumbs       []Crumb
	Organisation *extension.Organisation
	User         *extension.User // whose menu stands at the top right
	Menu         bool            // show the initials menu; it needs User, Organisation and CSRF
	Switch       bool            // the menu leads to the reader's other organisations
	Administers  bool            // the menu leads to the administration pages
	Narrow       bool            // a form or a few sentences, and not a table
	CSRF         string          // the session's form token, for Sign out
	Flash        *Flash
	Undo         templ.Component // in the Flash: takes back what it tells of; may be nil
	Actions      templ.Component // beside the h1; may be nil
	Scripts      []string        // static files beside page.js
	Styles       []string        // style sheets beside those of every page
	InlineImages bool            // pictures may stand in the page itself, as data: addresses
	Reload       string          // seconds after which a browser without JavaScript loads the page again; empty: never
}

// Crumb is one step of the way to a page. Without Href it is a mere heading.
type Crumb struct {
	Text string
	Href string
}

// windowTitle is what tabs and screen readers announce first.
func (p Page) windowTitle() string {
	parts := []string{p.Title}
	if p.Organisation != nil {
		parts = append(parts, p.Organisation.Name)
	}
	return strings.Join(append(parts, "Paperplane"), " · ")
}

// home is where the name of the organisation leads: to its first page, which for others than administrators is their own.
func (p Page) home() string {
	if p.Administers {
		return "/o/" + p.Organisation.Slug
	}
	return "/next"
}

// IconName names one of our own drawings.
type IconName string

// The icons.
const (
	IconPaperPlane IconName = "paper-plane"
	IconPause      IconName = "pause"
	IconPlay       IconName = "play"
	IconPlus       IconName = "plus"
	IconSearch     IconName = "search"
	IconCheck      IconName = "check"
	IconInfo       IconName = "info"
	IconWarning    IconName = "warning"
	IconBack       IconName = "back"
	IconForward    IconName = "forward"
	IconCopy       IconName = "copy"
	IconSave       IconName = "save"
	IconPrint      IconName = "print"
	IconSwitch     IconName = "switch"
	IconPerson     IconName = "person"
)

// path is the drawing: strokes on a field of 24 by 24.
func (n IconName) path() string {
	switch n {
	case IconPaperPlane:
		return "M21 3 3 10.2l7 3.3M21 3l-6.6 18-4.4-7.5M21 3 10 13.5"
	case IconPause:
		return "M8.5 5.5v13M15.5 5.5v13"
	case IconPlay:
		return "M8 5.2v13.6L18.6 12z"
	case IconPlus:
		return "M12 5v14M5 12h14"
	case IconSearch:
		return "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M15 15l5 5"
	case IconCheck:
		return "M5 12.5l4.5 4.5L19 7.5"
	case IconInfo:
		return "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 11v5.5M12 7.6v.1"
	case IconWarning:
		return "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.1"
	case IconBack:
		return "M14.5 5.5 8 12l6.5 6.5"
	case IconForward:
		return "M9.5 5.5 16 12l-6.5 6.5"
	case IconCopy:
		return "M9 9h11v11H9zM15 9V4H4v11h5"
	case IconSave:
		return "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M4.5 20h15"
	case IconPrint:
		return "M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7z"
	case IconSwitch:
		return "M4 8.5h15M15.5 5 19 8.5 15.5 12M20 15.5H5M8.5 12 5 15.5 8.5 19"
	case IconPerson:
		return "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5"
	}
	return ""
}

// NoticeKind is the tone of a notice.
type NoticeKind string

// The kinds of notice.
const (
	NoticeInfo    NoticeKind = "info"
	NoticeSuccess NoticeKind = "success"
	NoticeWarning NoticeKind = "warning"
	NoticeError   NoticeKind = "error"
)

func (k NoticeKind) icon() IconName {
	switch k {
	case NoticeSuccess:
		return IconCheck
	case NoticeWarning, NoticeError:
		return IconWarning
	case NoticeInfo:
	}
	return IconInfo
}

// word says the tone to those who do not see the colour.
func (k NoticeKind) word(language locale.Language) string {
	switch k {
	case NoticeSuccess:
		return language.Say("Done:")
	case NoticeWarning:
		return language.Say("Note:")
	case NoticeError:
		return language.Say("Problem:")
	case NoticeInfo:
	}
	return ""
}

// role makes screen readers interrupt for problems only (WAI-ARIA 1.2).
func (k NoticeKind) role() string {
	if k == NoticeError {
		return "alert"
	}
	return "status"
}

// ButtonKind is a button's weight: at most one primary button a page.
type ButtonKind string

// The kinds of button.
const (
	ButtonPrimary   ButtonKind = "primary"
	ButtonSecondary ButtonKind = "secondary"
	ButtonQuiet     ButtonKind = "quiet" // looks like a link
	ButtonIcon      ButtonKind = "icon"  // an icon alone; on a phone the label stands beside it
)

// Press is a submit button, or with Href a link that looks like one.
type Press struct {
	Kind  ButtonKind
	Label string   // what it says
	About string   // of whom or what, for screen readers only
	Icon  IconName // may be empty
	Href  string
	Name  string // of the form value that the button adds
	Value string
}

// Input is a one-line field. Its id is "field-" and its name.
type Input struct {
	Name, Label, Hint, Error string
	Type                     string // text when empty
	Value                    string
	Autocomplete             string // HTML autocomplete token (WCAG 2.2 1.3.5)
	InputMode                string // which keyboard a phone shows; empty: by type
	Required, ReadOnly       bool
}

// kind is the type attribute.
func (i Input) kind() string {
	if i.Type == "" {
		return "text"
	}
	return i.Type
}

// input is what an input's kind asks of browsers and of page.js beside what every field has.
func (i Input) input(language locale.Language) templ.Attributes {
	state := fieldState(i.Name, i.Hint, i.Error)
	switch {
	case i.kind() == "password":
		state["data-show"], state["data-show-field"] = language.Say("Show"), language.Say("Show %s", i.Label)
		state["data-hide"], state["data-hide-field"] = language.Say("Hide"), language.Say("Hide %s", i.Label)
	case i.kind() == "email", i.Autocomplete == oneTimeCode:
	default:
		return state
	}
	state["spellcheck"], state["autocapitalize"] = "false", "none"
	return state
}

// oneTimeCode is the autocomplete token by which phones offer the code of a message that has just come.
const oneTimeCode = "one-time-code"

// asCode makes a field of digits that were sent or are shown by an app. It has no maximal length, because a pasted code
// may come with spaces.
func (i Input) asCode() Input {
	i.Type, i.InputMode, i.Autocomplete = "text", "numeric", oneTimeCode
	return i
}

// Area is a field of many lines.
type Area struct {
	Name, Label, Hint, Error string
	Value                    string
	Rows                     string
}

// Selection is a choice of one out of several. Without Value the placeholder stands there and must be replaced.
type Selection struct {
	Name, Label, Hint, Error string
	Value                    string
	Placeholder              string
	Options                  []Option
	Optional                 bool // nothing need be chosen
}

// Option is one choice of a Selection.
type Option struct {
	Value, Label string
}

// FieldID is the id of a field's element on the page.
func FieldID(name string) string { return "field-" + name }

// describedBy joins a field with its hint and its error.
func describedBy(name, hint, fault string) string {
	var ids []string
	if hint != "" {
		ids = append(ids, FieldID(name)+"-hint")
	}
	if fault != "" {
		ids = append(ids, FieldID(name)+"-error")
	}
	return strings.Join(ids, " ")
}

// ErrorAt gives the sentences about one field.
func ErrorAt(fields []extension.FieldError, name string) string {
	var sentences []string
	for _, field := range fields {
		if field.Field == name {
			sentences = append(sentences, field.Message)
		}
	}
	return strings.Join(sentences, " ")
}

// statusClass is the colour of a status; its word stands in the label.
func statusClass(status extension.Status) string {
	return "status status-" + strings.ToLower(string(status))
}

// fieldState is what assistive technology is told about a field beside its label.
func fieldState(name, hint, fault string) templ.Attributes {
	state := templ.Attributes{}
	if ids := describedBy(name, hint, fault); ids != "" {
		state["aria-describedby"] = ids
	}
	if fault != "" {
		state["aria-invalid"] = "true"
	}
	return state
}

// tip shows a label that the eye does not see.
func (p Press) tip() templ.Attributes {
	if p.Kind != ButtonIcon {
		return nil
	}
	return templ.Attributes{"title": p.Label}
}
