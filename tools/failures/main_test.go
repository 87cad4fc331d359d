package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatFailedStandsAtTheEnd(t *testing.T) {
	t.Parallel()
	const printed = `ok  	paperplane/config	0.1s
--- FAIL: TestPages (0.00s)
    --- FAIL: TestPages/kratos_v1.3.1 (57.18s)
        testlog_test.go:31: time=2026-11-23T16:03:05.715Z level=WARN msg="batch is held up"
            more of that
        --- FAIL: TestPages/kratos_v1.3.1/old_sessions (8.34s)
            pages_test.go:73: /welcome does not say "Add an app":
                You’re in
            testlog_test.go:31: time=2026-11-23T16:03:05.715Z level=ERROR msg="no answer"
    --- PASS: TestPages/other (0.01s)
        pages_test.go:80: nothing of note
pgdriver: 2026/11/23 16:02:32 driver.go:185: connection reset by peer
FAIL
FAIL	paperplane/cmd/paperplane	768.667s
==================
WARNING: DATA RACE
Write at 0x00c0001 by goroutine 7:
==================
panic: test timed out after 14m0s
	running tests:
		TestSlow (13m59s)
FAIL	paperplane/flows	840.1s
# paperplane/webhooks
webhooks/webhooks.go:3:2: undefined: x
FAIL	paperplane/webhooks [build failed]
ok  	paperplane/tools/local	3s
FAIL
`
	const want = `
What failed:
--- FAIL: TestPages (0.00s)
    --- FAIL: TestPages/kratos_v1.3.1 (57.18s)
        --- FAIL: TestPages/kratos_v1.3.1/old_sessions (8.34s)
            pages_test.go:73: /welcome does not say "Add an app":
                You’re in
FAIL	paperplane/cmd/paperplane	768.667s
WARNING: DATA RACE
Write at 0x00c0001 by goroutine 7:
panic: test timed out after 14m0s
	running tests:
		TestSlow (13m59s)
FAIL	paperplane/flows	840.1s
# paperplane/webhooks
webhooks/webhooks.go:3:2: undefined: x
FAIL	paperplane/webhooks [build failed]
`
	var out strings.Builder
	if err := report(strings.NewReader(printed), &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(printed+want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNothingIsAddedWhenNothingFailed(t *testing.T) {
	t.Parallel()
	const printed = "ok  \tpaperplane/config\t0.1s\n?   \tpaperplane/extension\t[no test files]"
	var out strings.Builder
	if err := report(strings.NewReader(printed), &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(printed, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	printed := "--- FAIL: TestLong (0.00s)\n    a_test.go:1: " + strings.Repeat("ö", 1000) + "\n" + strings.Repeat("        and so on\n", 100)
	var out strings.Builder
	if err := report(strings.NewReader(printed), &out); err != nil {
		t.Fatal(err)
	}
	_, added, _ := strings.Cut(out.String(), "What failed:\n")
	lines := strings.Split(strings.TrimRight(added, "\n"), "\n")
	if len(lines) != 2+longestBlock || len(lines[1]) > longestLine+len(" …") || !strings.HasSuffix(lines[1], "ö …") {
		t.Errorf("%d lines: %s", len(lines), added)
	}
}
