package config

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
	yamlv3 "go.yaml.in/yaml/v3"
)

const (
	fileFlag     = "config"
	fileVariable = prefix + "CONFIG"
)

// AddFlags adds --config and one flag for every setting that is no secret.
func AddFlags(flags *pflag.FlagSet) {
	flags.String(fileFlag, "", "YAML `file` with the configuration (or "+fileVariable+")")
	for _, k := range keys(&Config{}) {
		meaning := strings.ReplaceAll(k.meaning, "`", "") // pflag would take what they quote for the value's type
		switch {
		case k.secret:
		case k.fallback == "false":
			flags.Bool(k.flag(), false, meaning)
		default:
			flags.String(k.flag(), k.fallback, meaning)
		}
	}
}

// addFile reads the YAML file that --config or PAPERPLANE_CONFIG names.
func (v *values) addFile(from Sources) {
	name, source := fileName(from)
	if name == "" {
		return
	}
	// Parts are joined with a character that no key can hold, so that a key written with dots stays what it is: unknown.
	const joint = "\x00"
	content := koanf.New(joint)
	if err := content.Load(file.Provider(name), yaml.Parser()); err != nil {
		v.refuse(source, unreadable(name, err), source)
		return
	}
	found := content.All()
	for _, joined := range slices.Sorted(maps.Keys(found)) {
		v.addFromFile(strings.Split(joined, joint), found[joined], name)
	}
}

func fileName(from Sources) (name, source string) {
	if from.Flags != nil {
		if flag := from.Flags.Lookup(fileFlag); flag != nil && flag.Changed {
			return flag.Value.String(), "--" + fileFlag
		}
	}
	for _, line := range from.Environ {
		if value, ok := strings.CutPrefix(line, fileVariable+"="); ok {
			name = value
		}
	}
	return name, fileVariable
}

func (v *values) addFromFile(parts []string, value any, source string) {
	name := strings.Join(parts, dot)
	section := false
	for _, k := range v.known {
		if k.name == name && len(parts) == strings.Count(k.name, dot)+1 {
			v.set(name, value, source)
			return
		}
		section = section || strings.HasPrefix(k.name, name+dot)
	}
	empty, isMap := value.(map[string]any)
	switch {
	case section && (value == nil || isMap && len(empty) == 0): // all of its lines are commented out
	case section && len(parts) == strings.Count(name, dot)+1:
		v.refuse(name, "is a section and has no value of its own; put its settings below it", source)
	default:
		v.refuse(name, "is no setting; check its spelling and its indentation", source)
	}
}

// unreadable explains why a file was not read, without repeating any of its values.
func unreadable(name string, err error) string {
	var shape *yamlv3.TypeError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return name + " does not exist"
	case errors.Is(err, fs.ErrPermission):
		return name + " may not be read by this user"
	case errors.As(err, &shape):
		for _, text := range shape.Errors {
			if strings.Contains(text, "already defined") { // names the key and both lines
				return name + ", " + text + "; remove one"
			}
		}
		return name + " does not consist of keys with values"
	case strings.HasPrefix(err.Error(), "yaml: "): // names the line and what was expected
		return name + " is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")
	default:
		return name + " cannot be read; it should be a YAML file"
	}
}

// addEnvironment takes every PAPERPLANE_* variable. An empty one counts as not set, because compose files and shells
// cannot leave a variable out.
func (v *values) addEnvironment(environ []string) {
	names := map[string]string{fileVariable: ""}
	for _, k := range v.known {
		names[k.variable()] = k.name
	}
	var unknown []string
	given := koanf.New(dot)
	take := func(variable, value string) (string, any) {
		name, known := names[variable]
		if !known && !serviceLink(variable, value) {
			unknown = append(unknown, variable)
		}
		if name == "" || value == "" {
			return "", nil
		}
		return name, value
	}
	environment := env.Provider(dot, env.Opt{Prefix: prefix, TransformFunc: take, EnvironFunc: func() []string { return environ }})
	if err := given.Load(environment, nil); err != nil {
		v.refuse(prefix+"*", "cannot be read from the environment", "")
	}
	for _, variable := range slices.Compact(slices.Sorted(slices.Values(unknown))) {
		v.refuse(variable, "is no variable of Paperplane; check its spelling or unset it", variable)
	}
	for _, k := range v.known {
		if given.Exists(k.name) {
			v.set(k.name, given.Get(k.name), k.variable())
		}
	}
}

// serviceLink knows the variables that Kubernetes and Docker set in every container for a service named paperplane or
// paperplane-…; they are nobody's mistake (Kubernetes documentation, "Discovering services").
func serviceLink(variable, value string) bool {
	for _, scheme := range []string{"tcp://", "udp://", "sctp://"} {
		if strings.HasPrefix(value, scheme) {
			return strings.HasSuffix(variable, "_PORT") || strings.Contains(variable, "_PORT_")
		}
	}
	for _, protocol := range []string{"_TCP_", "_UDP_", "_SCTP_"} {
		if strings.Contains(variable, "_PORT_") && strings.Contains(variable, protocol) {
			return true
		}
	}
	return strings.HasSuffix(variable, "_SERVICE_HOST") || strings.HasSuffix(variable, "_SERVICE_PORT") ||
		strings.Contains(variable, "_SERVICE_PORT_")
}

// addFlags takes the flags that were given; the others hold only defaults.
func (v *values) addFlags(flags *pflag.FlagSet) {
	if flags == nil {
		return
	}
	names := make(map[string]string)
	for _, k := range v.known {
		if !k.secret {
			names[k.flag()] = k.name
		}
	}
	given := koanf.New(dot)
	take := func(flag *pflag.Flag) (string, any) {
		if !flag.Changed {
			return "", nil
		}
		return names[flag.Name], flag.Value.String()
	}
	if err := given.Load(posflag.ProviderWithFlag(flags, dot, given, take), nil); err != nil {
		v.refuse("flags", "cannot be read", "")
	}
	for _, k := range v.known {
		if given.Exists(k.name) {
			v.set(k.name, given.Get(k.name), "--"+k.flag())
		}
	}
}
