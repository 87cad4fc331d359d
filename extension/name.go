package extension

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how many characters a first or last name may have; the identity schema says the same.
const maxName = 100

// TidyName brings a typed name into the form that is kept: every kind of space is one plain space, none at the ends.
// Line ends and tabs are no spaces here; NameRefusal refuses them.
func TidyName(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.Is(unicode.Zs, r) }), " ")
}

// NameRefusal says in one sentence what is wrong with a first or last name; empty when nothing is. Names are shown to
// others and stand in letters, so they hold nothing invisible and nothing that a mail program would turn into a link.
// what names the field in the sentence.
func NameRefusal(name, what string) string {
	switch {
	case name == "":
		return "Enter your " + what + "."
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("Your %s can have at most %d characters.", what, maxName)
	case !utf8.ValidString(name), strings.ContainsFunc(name, unseen):
		return "Your " + what + " contains characters that cannot be shown. Type it again."
	case strings.ContainsAny(name, "<>"):
		return "Your " + what + " cannot contain < or >."
	case strings.Contains(name, "://"), strings.Contains(strings.ToLower(name), "www."), strings.Contains(name, "@"):
		return "Your " + what + " looks like an address or a link. Enter the name alone."
	}
	return ""
}

// unseen tells characters that a name cannot hold. The joiners are invisible too, but Persian and Indic names need them.
func unseen(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return !unicode.IsPrint(r) && r != nonJoiner && r != joiner
}
