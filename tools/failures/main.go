// Command failures passes on what `go test` prints and, if a test failed, says at the end which ones and at which line: a
// failing test of a whole stack prints more than anybody reads from top to bottom.
//
//	go test ./... 2>&1 | go run ./tools/failures
//
// Tests that run with -v print their lines before their names, and are then listed without lines.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	if err := report(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "failures:", err)
		os.Exit(1)
	}
}

// report copies what is printed and adds what failed.
func report(printed io.Reader, out io.Writer) error {
	var found digest
	for lines := bufio.NewReader(printed); ; {
		line, err := lines.ReadString('\n')
		if _, failed := io.WriteString(out, line); failed != nil {
			return fmt.Errorf("pass on: %w", failed)
		}
		if line != "" {
			found.add(strings.TrimRight(line, "\r\n"))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
	if len(found.kept) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\nWhat failed:\n%s\n", strings.Join(found.kept, "\n"))
	return err
}

// The lines at which something begins.
var (
	failedTest = regexp.MustCompile(`^\s*--- FAIL: `)
	otherTest  = regexp.MustCompile(`^\s*--- |^=== `)
	assertion  = regexp.MustCompile(`^(\s+)[\w.-]+\.go:\d+: `)
	logged     = regexp.MustCompile(`\.go:\d+: time=\S+ level=`) // by slog
	loose      = regexp.MustCompile(`^(panic: |fatal error: |WARNING: DATA RACE|# \S)`)
	verdict    = regexp.MustCompile(`^FAIL\t`)
	ended      = regexp.MustCompile(`^(ok  |\?   |FAIL|PASS|=====)`)
)

// Whatever is longer is cut; all of it stands above.
const (
	longestLine  = 600 // bytes
	longestBlock = 25  // lines that follow the first of an assertion or of a panic
)

// digest keeps the lines that say what failed.
type digest struct {
	kept []string

	inTest bool // below the name of a failed test
	indent int  // of the assertion whose lines are kept
	left   int  // how many more lines of this block are kept
	open   bool // a panic, a data race or a package that does not compile goes on
}

func (d *digest) add(line string) {
	switch {
	case failedTest.MatchString(line):
		d.inTest, d.open, d.left = true, false, 0
		d.keep(line)
	case loose.MatchString(line):
		d.inTest, d.open, d.left = false, true, longestBlock
		d.keep(line)
	case ended.MatchString(line) || otherTest.MatchString(line):
		d.inTest, d.open, d.left = false, false, 0
		if verdict.MatchString(line) {
			d.keep(line)
		}
	case d.open:
		d.follow(line)
	case d.inTest:
		d.inside(line)
	}
}

// inside looks at a line below the name of a failed test: an assertion, one of its further lines, or a line of a log.
func (d *digest) inside(line string) {
	if at := assertion.FindStringSubmatch(line); at != nil {
		d.left = 0
		if !logged.MatchString(line) {
			d.indent, d.left = len(at[1]), longestBlock
			d.keep(line)
		}
		return
	}
	if len(line)-len(strings.TrimLeft(line, " \t")) > d.indent {
		d.follow(line)
	}
}

func (d *digest) follow(line string) {
	if d.left > 0 {
		d.left--
		d.keep(line)
	}
}

func (d *digest) keep(line string) {
	if len(line) > longestLine {
		line = strings.ToValidUTF8(line[:longestLine], "") + " …"
	}
	d.kept = append(d.kept, line)
}
