package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	Key    string // the key, or the name of a variable or file that stands for none
	Text   string // what is wrong and what to do; never holds a secret
	Source string // the file, variable or flag that it came from; empty when it was set nowhere
}

// String gives the problem as one line.
func (p Problem) String() string {
	if p.Source == "" || p.Source == p.Key {
		return p.Key + ": " + p.Text
	}
	return fmt.Sprintf("%s: %s (set by %s)", p.Key, p.Text, p.Source)
}

// Error holds everything that is wrong with a configuration: unknown names first, then the keys in their order.
type Error struct {
	Problems []Problem
}

// Error gives one line a problem.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("the configuration is refused; put these right:")
	for _, problem := range e.Problems {
		text.WriteString("\n  " + problem.String())
	}
	return text.String()
}
