package mail

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxReason is how much of the provider's words is kept, in characters.
const maxReason = 200

// reason makes the provider's words about one message fit for administrators; it is never empty.
func reason(words string) string {
	if words = clean(words); words != "" {
		return words
	}
	return "The mail provider refused the message and gave no reason."
}

// clean makes the provider's words fit for errors and pages: one line without invisible characters, and without the
// paths of links, because the provider may quote a letter back and a link's path is the invitee's secret.
func clean(words string) string {
	return shorten(withoutPaths(oneLine(words)), maxReason)
}

// oneLine drops what cannot be seen (control and format characters, among them line breaks, zero-width characters and
// bidirectional overrides, Unicode TR36 §3) and sets every run of white space to one space, so that text from
// elsewhere can neither start a header or a line of its own nor look like something that it is not.
func oneLine(text string) string {
	var line strings.Builder
	gap := false
	for _, r := range strings.ToValidUTF8(text, "") {
		switch {
		case unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
			gap = true
		case unicode.In(r, unicode.Cf, unicode.Co) || !unicode.IsGraphic(r):
		default:
			if gap && line.Len() > 0 {
				line.WriteByte(' ')
			}
			gap = false
			line.WriteRune(r)
		}
	}
	return line.String()
}

// withoutPaths reduces every address in a text to its scheme and host.
func withoutPaths(line string) string {
	words := strings.Split(line, " ")
	for i, word := range words {
		start := strings.Index(word, "http")
		if start < 0 || !strings.Contains(word[start:], "://") {
			continue
		}
		words[i] = word[:start] + "…"
		if u, err := url.Parse(word[start:]); err == nil && u.Host != "" {
			words[i] = word[:start] + u.Scheme + "://" + u.Host + "/…"
		}
	}
	return strings.Join(words, " ")
}

// shorten cuts a text to a number of characters, the last of them an ellipsis where something was cut.
func shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:limit-1]), " ") + "…"
}
