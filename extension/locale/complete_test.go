package locale_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"paperplane/extension"
	"paperplane/extension/locale"
)

// readers are the folders whose pages speak to invitees. Administrators' pages are in English.
func readers() []string {
	return []string{"flows", "extension/web", "extension/onboard", "extension/gate", "extension/mobile"}
}

// neighbours are the folders whose troubles an invitee can meet too.
func neighbours() []string { return []string{"extension/kratos", "extension/postgres"} }

// unread are sentences of the neighbours that only administrators meet, with what they do then.
func unread() map[string]string {
	const inviting, correcting = "invites", "corrects a batch"
	return map[string]string{
		"Ory Kratos did not keep the accounts that it said it had made.":                                            inviting,
		`Ory Kratos has no identity schema "member": use the configuration that "paperplane kratos config" prints.`: inviting,
		"This batch gives a role that you may not give. Ask an administrator to change it.":                         correcting,
		"This service area was archived. Choose another one.":                                                       correcting,
	}
}

// spoken are all sentences that an invitee can meet.
func spoken(t *testing.T) []sentence {
	t.Helper()
	all := names()
	for _, folder := range readers() {
		code := read(t, folder)
		all = append(all, code.said()...)
		all = append(all, code.troubles()...)
		all = append(all, code.plain()...)
	}
	for _, folder := range neighbours() {
		all = append(all, read(t, folder).troubles()...)
	}
	for _, said := range []string{extension.CodesMustWait, extension.CodeUsed, extension.CodeUsedBlur} {
		all = append(all, sentence{said, "extension/factor.go", -1})
	}
	all = append(all, sentence{extension.PasswordOfSpaces, "extension/password.go", -1})
	all = append(all, turnedAway(t)...)
	all = append(all, read(t, "extension/mail").said()...) // notices; letters have words of their own, which never change
	return slices.DeleteFunc(all, func(s sentence) bool { _, skip := unread()[s.text]; return skip })
}

// turnedAway is what administrators' pages say to those who are none.
func turnedAway(t *testing.T) []sentence {
	t.Helper()
	code := read(t, "extension/admin")
	for name := range code.files {
		if !strings.HasPrefix(filepath.Base(name), "noadministrator") {
			delete(code.files, name)
		}
	}
	return append(code.said(), code.plain()...)
}

// names are the sentences that are made for the two names: their parts are put together in one place, for both.
func names() []sentence {
	var all []sentence
	for _, what := range []string{"first name", "last name"} {
		for _, typed := range []string{"", strings.Repeat("a", 101), "a\x00", "<a", "www.a"} {
			all = append(all, sentence{extension.NameRefusal(typed, what), "extension/name.go", -1})
		}
	}
	return all
}

func TestEverySentenceOfAnInviteesPageIsTranslated(t *testing.T) {
	t.Parallel()
	sentences := spoken(t)
	if len(sentences) < 100 {
		t.Fatalf("only %d sentences were found", len(sentences))
	}
	for language, catalog := range catalogs(t) {
		missing := map[string]bool{}
		for _, s := range sentences {
			if _, ok := catalog[s.text]; !ok && !missing[s.text] {
				missing[s.text] = true
				t.Errorf("%s has no translation of %q (%s)", language, s.text, s.at)
			}
		}
	}
}

func TestNoTranslationIsLeftOver(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range spoken(t) {
		known[s.text] = true
	}
	for language, catalog := range catalogs(t) {
		for english := range catalog {
			if !known[english] {
				t.Errorf("%s translates %q, which is said nowhere", language, english)
			}
		}
	}
}

func TestEverySentenceIsSaidWithItsArguments(t *testing.T) {
	t.Parallel()
	for _, s := range spoken(t) {
		if s.args >= 0 && len(verbs(s.text)) != s.args {
			t.Errorf("%s: %q is said with %d arguments", s.at, s.text, s.args)
		}
	}
	for language, catalog := range catalogs(t) {
		for english, translated := range catalog {
			want, got := verbs(english), verbs(translated)
			if fmt.Sprint(want) != fmt.Sprint(got) {
				t.Errorf("%s: %q has the verbs %v, and its translation %q has %v", language, english, want, translated, got)
			}
		}
	}
}

// verbs are the format verbs of a sentence by the argument that each takes, counted from one.
func verbs(text string) map[int]string {
	found := map[int]string{}
	next := 1
	for _, match := range regexp.MustCompile(`%(?:\[(\d+)\])?([-+# .\d]*[a-zA-Z%])`).FindAllStringSubmatch(text, -1) {
		if match[2] == "%" {
			continue
		}
		if match[1] != "" {
			if _, err := fmt.Sscan(match[1], &next); err != nil {
				return nil
			}
		}
		found[next] = match[2]
		next++
	}
	return found
}

func TestNoSentenceIsGluedFromPieces(t *testing.T) {
	t.Parallel()
	for _, folder := range readers() {
		for _, at := range read(t, folder).glued() {
			t.Errorf("%s is joined with something else: a translation cannot follow", at)
		}
	}
}

func TestNoPageSpeaksPastTheCatalogs(t *testing.T) {
	t.Parallel()
	for _, folder := range readers() {
		code := read(t, folder)
		for name := range code.files {
			if !strings.HasSuffix(name, "_templ.go") {
				continue
			}
			for _, words := range code.markup(name) {
				t.Errorf("%s holds %q in its HTML", name, words)
			}
		}
	}
}

// markup are the words of a page that stand in its HTML itself, outside of code.
func (s source) markup(name string) []string {
	var page strings.Builder
	for _, piece := range s.written(name) {
		page.WriteString(piece)
	}
	var found []string
	depth := 0 // inside elements without words
	for tokens := html.NewTokenizer(strings.NewReader(page.String())); ; {
		switch tokens.Next() { //nolint:exhaustive // only text and what stands around it count
		case html.ErrorToken:
			if !errors.Is(tokens.Err(), io.EOF) {
				found = append(found, tokens.Err().Error())
			}
			return found
		case html.StartTagToken:
			if tag, _ := tokens.TagName(); wordless(string(tag)) {
				depth++
			}
		case html.EndTagToken:
			if tag, _ := tokens.TagName(); wordless(string(tag)) {
				depth--
			}
		case html.TextToken:
			words := strings.TrimSpace(string(tokens.Text()))
			if depth == 0 && words != "Paperplane" && regexp.MustCompile(`\pL{2}`).MatchString(words) {
				found = append(found, words)
			}
		}
	}
}

// wordless tells whether what stands in an element is the same in every language, or no text at all.
func wordless(tag string) bool { return tag == "code" || tag == "noscript" }

func TestNoPartIsNamedPastTheCatalogs(t *testing.T) {
	t.Parallel()
	for _, folder := range readers() {
		for _, named := range read(t, folder).unsaid() {
			t.Errorf("%s is not handed to Say", named)
		}
	}
}

// catalogs are the translations as they stand in the files; a sentence that stands there twice fails the test.
func catalogs(t *testing.T) map[locale.Language]map[string]string {
	t.Helper()
	all := map[locale.Language]map[string]string{}
	for _, language := range locale.Languages() {
		if language != locale.English {
			all[language] = map[string]string{}
		}
	}
	files, err := filepath.Glob("catalog/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		language := locale.Language(filepath.Base(filepath.Dir(file)))
		if all[language] == nil || filepath.Ext(file) != ".json" {
			t.Fatalf("%s is no catalog of a language that there is", file)
		}
		for _, pair := range pairs(t, os.DirFS("."), file) {
			if _, twice := all[language][pair[0]]; twice {
				t.Errorf("%s translates %q twice", language, pair[0])
			}
			all[language][pair[0]] = pair[1]
		}
	}
	return all
}

// pairs are the members of a JSON object in their order, also those that a map would merge.
func pairs(t *testing.T, files fs.FS, name string) [][2]string {
	t.Helper()
	file, err := files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var words []string
	for decoder := json.NewDecoder(file); ; {
		part, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if word, ok := part.(string); ok {
			words = append(words, word)
		}
	}
	if len(words)%2 != 0 {
		t.Fatalf("%s is no object of strings", name)
	}
	all := make([][2]string, 0, len(words)/2)
	for pair := range slices.Chunk(words, 2) {
		all = append(all, [2]string{pair[0], pair[1]})
	}
	return all
}
