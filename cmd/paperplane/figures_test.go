package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// figures are what one run of BenchmarkInvite has measured, and one of BenchmarkGate after it.
type figures struct {
	Machine     machine       `json:"machine"`
	N           int           `json:"n"`
	Tried       []setting     `json:"import_settings_tried"`
	Best        setting       `json:"import_setting"`
	Raw         spread        `json:"import_rows_per_second"`
	Whole       spread        `json:"whole_path_invitations_per_second"`
	Ratio       spread        `json:"ratio"`
	RawCPU      []cpu         `json:"import_cpu_seconds_per_10000"`
	WholeCPU    []cpu         `json:"whole_path_cpu_seconds_per_10000"`
	Memory      []memory      `json:"memory"`
	Recognition []recognition `json:"recognition"`
	Count       spread        `json:"count_of_10000_lines_milliseconds"`
	Start       spread        `json:"start_to_ready_milliseconds"`
	Gate        *gateFigures  `json:"gate,omitempty"`
}

// spread is how a figure came out in several runs.
type spread struct {
	Least  float64   `json:"least"`
	Median float64   `json:"median"`
	Most   float64   `json:"most"`
	Runs   []float64 `json:"runs"`
}

func spreadOf(runs []float64) spread {
	sorted := slices.Sorted(slices.Values(runs))
	if len(sorted) == 0 {
		return spread{}
	}
	middle := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	return spread{Least: sorted[0], Median: middle, Most: sorted[len(sorted)-1], Runs: runs}
}

// cpu is processor time in seconds, by part.
type cpu struct {
	Paperplane float64 `json:"paperplane"`
	PostgreSQL float64 `json:"postgresql"`
	Kratos     float64 `json:"kratos"`
	Mail       float64 `json:"mail_provider_stand_in"`
}

func (c cpu) minus(d cpu) cpu {
	return cpu{c.Paperplane - d.Paperplane, c.PostgreSQL - d.PostgreSQL, c.Kratos - d.Kratos, c.Mail - d.Mail}
}

func (c cpu) times(f float64) cpu {
	return cpu{c.Paperplane * f, c.PostgreSQL * f, c.Kratos * f, c.Mail * f}
}

// memory is the resident memory of a fresh process that has invited N, in MiB.
type memory struct {
	N         int     `json:"n"`
	Most      float64 `json:"most_mib"`
	After     float64 `json:"after_mib"`
	PerSecond float64 `json:"invitations_per_second"`
}

// recognition is how long so many addresses take.
type recognition struct {
	N            int    `json:"n"`
	Milliseconds spread `json:"milliseconds"`
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// publish prints the figures, and writes them into a folder unless that is empty.
func (f figures) publish(t testing.TB, folder string) {
	t.Helper()
	table := f.table()
	say("\n%s\n", table)
	if folder == "" {
		return
	}
	figures, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"benchmarks.md": []byte(table), "benchmarks.json": append(figures, '\n')} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// inviteReach is how fast the whole path is to be, of Kratos' own import.
const inviteReach = 0.9

// table is the page of the documentation.
func (f figures) table() string {
	var b strings.Builder
	write := func(format string, values ...any) { fmt.Fprintf(&b, format, values...) }
	write("# Benchmarks\n\nWritten by `make bench`, in one go; what is compared takes turns within one run. The figures as JSON: [benchmarks.json](benchmarks.json).\n\n")
	write("Machine: %s, %d cores, %s, %s. Versions: Go %s, PostgreSQL %s, Kratos %s.\n\n",
		f.Machine.CPU, f.Machine.Cores, f.Machine.Memory, f.Machine.OS, f.Machine.Go, f.Machine.PostgreSQL, f.Machine.Kratos)
	write("Everything runs on this one machine: `paperplane serve` (one process), Kratos, PostgreSQL (`fsync` and `full_page_writes` off, " +
		"for Paperplane's database and Kratos' alike) and the stand-in for the mail provider, each in a process of its own.\n\n")
	write("| what | median | least to most | reach |\n|---|---|---|---|\n")
	write("| Kratos' own batch import of %s rows, alone (%s) | %.0f rows/s | %s | |\n", thousands(f.N), f.Best, f.Raw.Median, f.Raw.span("%.0f"))
	write("| whole path of %s: press of Invite → last message accepted | %.0f/s | %s | |\n", thousands(f.N), f.Whole.Median, f.Whole.span("%.0f"))
	write("| ratio of the two, run by run (%d runs in turn) | %.2f | %s | ≥ %.1f: %s |\n", len(f.Ratio.Runs), f.Ratio.Median, f.Ratio.span("%.2f"),
		inviteReach, met(f.Ratio.Median >= inviteReach))
	for _, m := range f.Memory {
		write("| most resident memory of a fresh process that invites %s | %.0f MiB | after it %.0f | ≤ 150 MiB, flat |\n", thousands(m.N), m.Most, m.After)
	}
	for _, r := range f.Recognition {
		reach := ""
		if r.N == 100_000 {
			reach = "≤ 250 ms"
		}
		write("| recognise %s addresses | %.1f ms | %s | %s |\n", thousands(r.N), r.Milliseconds.Median, r.Milliseconds.span("%.1f"), reach)
	}
	write("| live count of 10,000 lines, over HTTP | %.0f ms | %s | ≤ 150 ms |\n", f.Count.Median, f.Count.span("%.0f"))
	write("| start of `serve` → ready | %.0f ms | %s | ≤ 500 ms |\n", f.Start.Median, f.Start.span("%.0f"))
	if f.Gate != nil {
		write("%s", f.Gate.rows())
	}
	write("\n")
	write("Speed of the whole path by size: %s.\n\n", f.speeds())
	write("Processor seconds for 10,000 people, medians (there are %d cores):\n\n", f.Machine.Cores)
	write("| | Paperplane | PostgreSQL | Kratos | stand-in |\n|---|---|---|---|---|\n")
	for _, line := range []struct {
		name string
		of   []cpu
	}{{"import alone", f.RawCPU}, {"whole path", f.WholeCPU}} {
		c := medianCPU(line.of)
		write("| %s | %.1f | %.1f | %.1f | %.1f |\n", line.name, c.Paperplane, c.PostgreSQL, c.Kratos, c.Mail)
	}
	write("\n## Method\n\nThe import sends the very bodies that Paperplane sends (address, our mark, inactive), by the best of these settings, tried on a quarter of the rows:\n\n")
	write("| rows a call | calls at once | rows/s |\n|---|---|---|\n")
	for _, s := range f.Tried {
		write("| %d | %d | %.0f |\n", s.Rows, s.Concurrent, s.PerSecond)
	}
	write("\nImport and whole path take turns on the same tables, the first of each pair in turn, always with people whom nobody knows. " +
		"The clock of the whole path starts before the form is posted by a signed-in administrator and stops when the stand-in has accepted the last message; " +
		"the organisation has no undo delay. Memory is `VmHWM` and `VmRSS` of a process that was started for it. Ready is the first good answer of `/readyz`.\n")
	if f.Gate != nil {
		write("\nThe gate and whoami are asked for the same session's cookie over kept connections, each with its next request as soon as it has the " +
			"answer, and take turns within every run. Kratos keeps its connections to PostgreSQL (`max_idle_conns=20`, as in docker-compose.yml). The gate's time includes Kratos' whoami, so the ratio is what Paperplane adds to it. " +
			"Processor milliseconds of one request:\n\n")
		write("| | Paperplane | PostgreSQL | Kratos |\n|---|---|---|---|\n%s", f.Gate.charges())
	}
	return b.String()
}

func (f figures) speeds() string {
	var all []string
	for _, m := range f.Memory {
		all = append(all, fmt.Sprintf("%s at %.0f/s", thousands(m.N), m.PerSecond))
	}
	return strings.Join(all, ", ")
}

func (s spread) span(verb string) string {
	return fmt.Sprintf(verb+" to "+verb, s.Least, s.Most)
}

// String is the setting in words.
func (s setting) String() string {
	return fmt.Sprintf("%d rows a call, %d calls at once", s.Rows, s.Concurrent)
}

func medianCPU(runs []cpu) cpu {
	of := func(part func(cpu) float64) float64 {
		var values []float64
		for _, run := range runs {
			values = append(values, part(run))
		}
		return spreadOf(values).Median
	}
	return cpu{
		Paperplane: of(func(c cpu) float64 { return c.Paperplane }), PostgreSQL: of(func(c cpu) float64 { return c.PostgreSQL }),
		Kratos: of(func(c cpu) float64 { return c.Kratos }), Mail: of(func(c cpu) float64 { return c.Mail }),
	}
}

// thousands writes a number as English does.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
