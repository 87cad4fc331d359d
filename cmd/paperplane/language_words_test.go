package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"paperplane/extension/locale"
)

// english finds English on what is meant to be in another language.
type english struct {
	language  locale.Language
	sentences []*regexp.Regexp
}

// englishFor reads the English sentences that have another wording in a language.
func englishFor(t *testing.T, language locale.Language) english {
	t.Helper()
	files, err := filepath.Glob("../../extension/locale/catalog/" + string(language) + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalog of %s: %v", language, err)
	}
	e := english{language: language}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var translations map[string]string
		if err := json.Unmarshal(content, &translations); err != nil {
			t.Fatal(err)
		}
		for sentence, translated := range translations {
			if like := likeSentence(sentence); like != nil && translated != sentence {
				e.sentences = append(e.sentences, like)
			}
		}
	}
	return e
}

// likeSentence matches a sentence with anything in the place of its format verbs; nil for what is hardly more than those. A
// long one is found inside of a text too.
func likeSentence(sentence string) *regexp.Regexp {
	pieces := regexp.MustCompile(`%(?:\[\d+\])?[sdq]`).Split(sentence, -1)
	words := len(regexp.MustCompile(`\pL{2,}`).FindAllString(strings.Join(pieces, " "), -1))
	if len(pieces) > 1 && words < 2 {
		return nil
	}
	for i, piece := range pieces {
		pieces[i] = regexp.QuoteMeta(piece)
	}
	like := strings.Join(pieces, ".+")
	if words < 4 || strings.HasPrefix(like, ".+") || strings.HasSuffix(like, ".+") {
		like = "^(?:" + like + ")$"
	}
	return regexp.MustCompile(like)
}

// tell are words that no sentence of another language here has, for English that stands in no catalog.
func tell() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(the|and|your|you|with|this|that|please|are|has|have|been|must|code is)\b`)
}

// in lists the English texts among some.
func (e english) in(texts []string) []string {
	var found []string
	for _, text := range texts {
		if tell().MatchString(text) || slices.ContainsFunc(e.sentences, func(like *regexp.Regexp) bool { return like.MatchString(text) }) {
			found = append(found, text)
		}
	}
	return found
}

// readable are the texts of a page in its own language, one for each piece, with those of its attributes that are read out
// or shown. Names, codes and what is marked as being of another language are left out.
func readable(root *html.Node) []string {
	var texts []string
	for node := range root.Descendants() {
		switch {
		case node.Type == html.TextNode && !marked(node):
			if text := strings.Join(strings.Fields(node.Data), " "); text != "" {
				texts = append(texts, text)
			}
		case node.Type == html.ElementNode && !marked(node):
			for _, name := range []string{
				"alt", "aria-label", "title", "placeholder", "content", "data-over", "data-show", "data-hide", "data-show-field", "data-hide-field",
				"data-copied", "data-selected",
			} {
				if text, ok := attribute(node, name); ok && text != "" && node.Data != "meta" {
					texts = append(texts, text)
				}
			}
		}
	}
	return texts
}

// marked tells whether a node is in no language, or marked as being of one.
func marked(node *html.Node) bool {
	for ; node != nil; node = node.Parent {
		if node.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]string{"bdi", "code", "script", "style", "noscript"}, node.Data) {
			return true
		}
		if _, ok := attribute(node, "lang"); ok && node.Data != "html" {
			return true
		}
	}
	return false
}

// speaks fails the test unless a page is in the language, and in no other.
func (e english) speaks(t *testing.T, what string, p page) {
	t.Helper()
	for node := range p.elements("html") {
		if got, _ := attribute(node, "lang"); got != string(e.language) {
			t.Errorf("%s: %s (%d) says that it is in %q, want %q", what, p.path(), p.status, got, e.language)
		}
	}
	if e.language == locale.English {
		return
	}
	for _, text := range e.in(readable(p.root)) {
		t.Errorf("%s: %s (%d) says in English %q", what, p.path(), p.status, text)
	}
}

func TestEnglishIsFoundOnAPageOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	german := englishFor(t, locale.German)
	for text, want := range map[string]bool{
		"Abmelden": false, "Schritt 2 von 3": false, "Registrieren": false, "Code": false,
		"Sign out": true, "Step 2 of 3": true, "Press Start to register. It takes about two minutes: your name, your mobile number, a password and the terms and conditions.": true,
		"Fehler: Check the address, or go on from the start page.": true, "The provided credentials are invalid.": true,
	} {
		if got := len(german.in([]string{text})) > 0; got != want {
			t.Errorf("%q is English: %v, want %v", text, got, want)
		}
	}
}
