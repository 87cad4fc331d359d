package local

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
)

// tailLines is how much of a program's output an error text repeats.
const tailLines = 15

// output passes on what a program prints and remembers its last lines: they
// usually hold the reason when it dies.
type output struct {
	mu      sync.Mutex
	next    io.Writer
	lines   []string
	partial []byte
	total   int
}

// newOutput passes on to next, which may be nil.
func newOutput(next io.Writer) *output {
	return &output{next: orDiscard(next)}
}

// Write implements io.Writer. A destination that fails does not fail the
// program: the last lines are remembered all the same.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.next.Write(p)
	o.partial = append(o.partial, p...)
	for {
		line, rest, found := bytes.Cut(o.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		o.remember(string(line))
		o.partial = rest
	}
}

func (o *output) remember(line string) {
	o.total++
	o.lines = append(o.lines, line)
	if len(o.lines) > tailLines {
		o.lines = o.lines[1:]
	}
}

// tail returns the last lines, indented, each on its own line after a line
// break; nothing if nothing was printed.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines
	if len(o.partial) > 0 {
		lines = append(slices.Clip(lines), string(o.partial))
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n  " + strings.Join(lines, "\n  ")
}

// last returns the last whole line that was printed; nothing if there is none.
func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lines) == 0 {
		return ""
	}
	return o.lines[len(o.lines)-1]
}

// count returns how many whole lines were printed.
func (o *output) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}
