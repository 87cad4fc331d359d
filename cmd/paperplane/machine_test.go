package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// machine is what a measurement was made on, without anything that names it.
type machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	Memory     string `json:"memory"`
	OS         string `json:"os"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql"`
	Kratos     string `json:"kratos"`
}

func thisMachine(t testing.TB, s *testStack) machine {
	t.Helper()
	kibibytes, err := strconv.Atoi(inFile(t, "/proc/meminfo", `MemTotal:\s+(\d+) kB`))
	if err != nil {
		t.Fatal(err)
	}
	return machine{
		CPU:    inFile(t, "/proc/cpuinfo", `model name\s*: (.*)`),
		Cores:  runtime.NumCPU(),
		Memory: fmt.Sprintf("%.0f GiB", float64(kibibytes)/(1<<20)),
		OS: inFile(t, "/etc/os-release", `PRETTY_NAME="(.*)"`) + ", Linux " +
			inFile(t, "/proc/sys/kernel/osrelease", `^(\d+\.\d+)`) + ", " + runtime.GOARCH,
		Go:         strings.TrimPrefix(runtime.Version(), "go"),
		PostgreSQL: strings.Fields(row[string](t, s, `SHOW server_version`))[0],
		Kratos:     inFile(t, "../../tools/kratos/go.mod", `github.com/ory/kratos (v\S+)`),
	}
}

// inFile finds the first group of a pattern in a file.
func inFile(t testing.TB, path, pattern string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)` + pattern).FindSubmatch(content)
	if found == nil {
		t.Fatalf("%s has no %s", path, pattern)
	}
	return strings.TrimSpace(string(found[1]))
}

// memoryOf is a process' resident memory now, and the most that it ever was, in bytes.
func memoryOf(t testing.TB, pid int) (now, most int64) {
	t.Helper()
	read := func(name string) int64 {
		kibibytes, err := strconv.ParseInt(inFile(t, fmt.Sprintf("/proc/%d/status", pid), name+`:\s+(\d+) kB`), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return kibibytes << 10
	}
	return read("VmRSS"), read("VmHWM")
}

// tick is the unit of times in /proc/PID/stat: Linux shows hundredths of a second on every architecture.
const tick = 10 * time.Millisecond

// cpuOf is the processor time that a process and its children have used, those that have ended included.
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	ticks, _ := statOf(pid)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if of, parent := statOf(child); parent == pid {
			ticks += of
		}
	}
	return time.Duration(ticks) * tick
}

// statOf reads a process' ticks and its parent (proc_pid_stat(5)); zeros when it has gone.
func statOf(pid int) (ticks, parent int) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:])) // the name may have blanks
	const state, ppid, utime, cstime = 3, 4, 14, 17                                           // as the manual counts
	for i := utime; i <= cstime; i++ {
		n, _ := strconv.Atoi(fields[i-state])
		ticks += n
	}
	parent, _ = strconv.Atoi(fields[ppid-state])
	return ticks, parent
}
