package config

import (
	"os"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Sources says where the configuration is read from beside the defaults.
type Sources struct {
	// Flags are the parsed flags of a command that AddFlags was called for; nil when there are none.
	Flags *pflag.FlagSet
	// Environ are NAME=value lines in the form of os.Environ; nil means the environment of the process.
	Environ []string
}

// Load reads and checks the configuration. Everything that is wrong is in one *Error. The Config returned beside an
// error holds what could be read: good for showing it, not for starting with it.
func Load(from Sources) (Config, error) {
	if from.Environ == nil {
		from.Environ = os.Environ()
	}
	var c Config
	known := keys(&c)
	merged := newValues(known)
	merged.addDefaults()
	merged.addFile(from)
	merged.addEnvironment(from.Environ)
	merged.addFlags(from.Flags)

	problems := merged.problems
	refused := make(map[string]bool)
	for _, k := range known {
		if text := merged.apply(k); text != "" {
			refused[k.name] = true
			problems = append(problems, Problem{Key: k.name, Text: text, Source: merged.sources[k.name]})
		}
	}
	for _, p := range contradictions(c, refused) {
		p.Source = merged.sources[p.Key]
		problems = append(problems, p)
	}
	if len(problems) > 0 {
		return c, &Error{Problems: problems}
	}
	return c, nil
}

// values are the settings of all sources, merged, with where each came from.
type values struct {
	known    []key
	merged   *koanf.Koanf
	sources  map[string]string // by key; defaults have none
	problems []Problem         // of names that are no keys
}

// dot separates the parts of a key.
const dot = "."

func newValues(known []key) *values {
	return &values{known: known, merged: koanf.New(dot), sources: make(map[string]string)}
}

// set overrules a key.
func (v *values) set(name string, value any, source string) {
	v.sources[name] = source
	if err := v.merged.Load(confmap.Provider(map[string]any{name: value}, dot), nil); err != nil {
		v.refuse(name, "cannot be merged with the other settings; check its spelling", source)
	}
}

func (v *values) refuse(name, text, source string) {
	v.problems = append(v.problems, Problem{Key: name, Text: text, Source: source})
}

func (v *values) addDefaults() {
	for _, k := range v.known {
		if k.fallback != "" {
			v.set(k.name, k.fallback, "")
		}
	}
}

// apply hands the merged value of a key to its place and says what is wrong with it, or nothing.
func (v *values) apply(k key) string {
	value := v.merged.Get(k.name)
	_, given := v.sources[k.name]
	switch {
	case !given && k.required:
		return "is missing; set it in the file or as " + k.variable()
	case !given:
		return ""
	case value == nil || value == "":
		return "has no value; give it one or remove the line"
	}
	if err := k.store(value); err != nil {
		return err.Error()
	}
	return ""
}
