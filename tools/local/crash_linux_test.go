package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A process that is killed cannot clean up; the kernel has to.
func TestNothingOutlivesAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	kratosBinaries(t) // built before, so that the child starts in a moment
	stateDir := openStateDir(t)

	for round := range 2 { // the second finds what the first left behind
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childVariable+"="+stateDir)
		child.Stderr = os.Stderr
		stdin, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if line := firstLine(t, stdout); line != "started" {
			t.Fatalf("round %d: child says %q", round, line)
		}
		started := descendants(t, child.Process.Pid)
		if names := fmt.Sprint(started); !strings.Contains(names, "postgres") || !strings.Contains(names, "kratos") {
			t.Fatalf("round %d: child started only %s", round, names)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // "signal: killed" is what we want
		_ = stdin.Close()
		eventually(t, "every descendant has ended", func() bool {
			for pid, name := range started {
				if commandOf(pid) == name {
					return false
				}
			}
			return true
		})
	}
}

// descendants returns the processes below pid with their names.
func descendants(t *testing.T, pid int) map[int]string {
	t.Helper()
	parents := map[int]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		if child, parent, _, _ := readStat(path); parent != 0 {
			parents[child] = parent
		}
	}
	found := map[int]string{}
	for child := range parents {
		for ancestor := parents[child]; ancestor != 0; ancestor = parents[ancestor] {
			if ancestor == pid {
				found[child] = commandOf(child)
			}
		}
	}
	return found
}

// commandOf names a process that runs; one that has ended and waits for its
// parent to notice does not.
func commandOf(pid int) string {
	_, _, name, state := readStat(fmt.Sprintf("/proc/%d/stat", pid))
	if state == "Z" || state == "X" {
		return ""
	}
	return name
}

// readStat reads proc(5)'s stat: "pid (name) state ppid …". A process that is gone yields zeros.
func readStat(path string) (pid, parent int, name, state string) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err != nil {
		return 0, 0, "", ""
	}
	before, after, _ := strings.Cut(string(content), " (")
	name, rest, _ := strings.Cut(after, ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0, 0, "", ""
	}
	pid, _ = strconv.Atoi(before)
	parent, _ = strconv.Atoi(fields[1])
	return pid, parent, name, fields[0]
}
