package config

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Print writes the effective configuration as YAML that Load reads again, save the secrets, which are ***. A text that
// may be missing and is gets no line.
func Print(w io.Writer, c Config) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range keys(&c) {
		value := new(yaml.Node)
		if err := value.Encode(k.show()); err != nil {
			return fmt.Errorf("print %s: %w", k.name, err)
		}
		if !k.required && value.Kind == yaml.ScalarNode && value.Value == "" {
			continue
		}
		parts := strings.Split(k.name, dot)
		section := root
		for _, part := range parts[:len(parts)-1] {
			section = subsection(section, part)
		}
		appendPair(section, parts[len(parts)-1], value)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return nil
}

// subsection finds or appends a mapping in a mapping.
func subsection(parent *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(parent.Content); i += 2 {
		if parent.Content[i].Value == name {
			return parent.Content[i+1]
		}
	}
	section := &yaml.Node{Kind: yaml.MappingNode}
	appendPair(parent, name, section)
	return section
}

func appendPair(parent *yaml.Node, name string, value *yaml.Node) {
	parent.Content = append(parent.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
}

// Table writes the configuration's reference as a Markdown table, for the documentation. It is made from the same list
// that Load follows, so it cannot differ from what is accepted.
func Table() string {
	var table strings.Builder
	table.WriteString("| Key | Environment variable | Default | Meaning |\n|---|---|---|---|\n")
	for _, k := range keys(&Config{}) {
		fallback := "–"
		switch {
		case k.required:
			fallback = "**required**"
		case k.fallback != "":
			fallback = "`" + k.fallback + "`"
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | %s | %s |\n", k.name, k.variable(), fallback, k.meaning)
	}
	return table.String()
}

// Variables lists the environment variables that Load knows, in the order of the keys, after the one that names the file.
func Variables() []string {
	names := []string{fileVariable}
	for _, k := range keys(&Config{}) {
		names = append(names, k.variable())
	}
	return names
}
