package admin

import (
	"slices"
	"strings"

	"paperplane/extension/locale"
	"paperplane/extension/web"
)

// languageName is a language in English, as these pages are; one that Paperplane has no words in is its tag.
func languageName(tag string) string {
	switch locale.Language(tag) {
	case locale.English:
		return "English"
	case locale.German:
		return "German"
	case locale.French:
		return "French"
	case locale.Swedish:
		return "Swedish"
	}
	return tag
}

// languageNames lists languages in a sentence.
func languageNames(tags []string) string {
	names := make([]string, 0, len(tags))
	for _, tag := range tags {
		names = append(names, languageName(tag))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// languageOptions are the languages of Paperplane, and others that are in use here already.
func languageOptions(inUse ...string) []web.Option {
	var options []web.Option
	for _, language := range locale.Languages() {
		options = append(options, web.Option{Value: string(language), Label: languageName(string(language))})
	}
	for _, tag := range inUse {
		offered := func(o web.Option) bool { return o.Value == tag }
		if tag != "" && !slices.ContainsFunc(options, offered) {
			options = append(options, web.Option{Value: tag, Label: languageName(tag)})
		}
	}
	return options
}
