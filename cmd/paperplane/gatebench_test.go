package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkGate measures how long the gate takes to answer beside Kratos' own whoami, which it asks each time: over as many
// connections, in turns within one run, everything in processes of its own. It says whether the median ratio is within
// gateReach and does not fail on it, because on a busy machine it would. With BENCH_DOCS it adds what it has measured to
// benchmarks.md and benchmarks.json in that folder.
func BenchmarkGate(b *testing.B) {
	for b.Loop() {
		f := newFleet(b, func(o *stackOptions) {
			o.kratosEnv = nil // Kratos hashes and logs as it comes
			o.settings = append(o.settings, "PAPERPLANE_LOG_LEVEL=warn")
			o.log = slog.New(slog.DiscardHandler)
		})
		f.catchMail(b)
		f.serve(b, 1, nil)
		cookie := "ory_kratos_session=" + f.administrator(b).cookie(b, "/", "ory_kratos_session")
		gate := question{name: "gate", address: f.page("/gate/" + demoSlug), cookie: cookie}
		whoami := question{name: "whoami", address: f.kratos.PublicURL() + "/sessions/whoami", cookie: cookie}

		measured := gateFigures{Requests: number(b, "BENCH_GATE_N", 2000)}
		rounds := number(b, "BENCH_ROUNDS", 5)
		for _, connections := range []int{1, 8, 32} {
			measured.Loads = append(measured.Loads, compareGate(b, f, gate, whoami, load{connections: connections, requests: measured.Requests, rounds: rounds}))
		}
		b.ReportMetric(measured.worst(), "ratio")
		published := publishedFigures(b, os.Getenv("BENCH_DOCS"))
		published.Gate = &measured
		if published.Machine.CPU == "" {
			published.Machine = thisMachine(b, f.testStack)
		}
		published.publish(b, os.Getenv("BENCH_DOCS"))
	}
}

// question is what is asked again and again.
type question struct {
	name, address, cookie string
	wire                  *http.Transport
}

// load is how it is asked.
type load struct{ connections, requests, rounds int }

// gateFigures are what one run of BenchmarkGate has measured.
type gateFigures struct {
	Requests int        `json:"requests_per_round"`
	Loads    []gateLoad `json:"loads"`
}

// gateLoad is one number of connections. Times are in milliseconds.
type gateLoad struct {
	Connections int    `json:"connections"`
	Gate        spread `json:"gate_p99_milliseconds"`
	Whoami      spread `json:"whoami_p99_milliseconds"`
	GateHalf    spread `json:"gate_p50_milliseconds"`
	WhoamiHalf  spread `json:"whoami_p50_milliseconds"`
	Ratio       spread `json:"p99_ratio"`
	GateCPU     cpu    `json:"gate_cpu_milliseconds_per_request"`
	WhoamiCPU   cpu    `json:"whoami_cpu_milliseconds_per_request"`
}

// worst is the highest median ratio.
func (f gateFigures) worst() float64 {
	return slices.MaxFunc(f.Loads, func(a, b gateLoad) int { return cmp.Compare(a.Ratio.Median, b.Ratio.Median) }).Ratio.Median
}

// gateReach is how many times as long as whoami the gate may take.
const gateReach = 1.3

// met says what became of an aim.
func met(reached bool) string {
	if reached {
		return "met"
	}
	return "missed"
}

// rows are the lines of the table of benchmarks.
func (f gateFigures) rows() string {
	var b strings.Builder
	for _, l := range f.Loads {
		reach := fmt.Sprintf("≤ %.1f: %s", gateReach, met(l.Ratio.Median <= gateReach))
		fmt.Fprintf(&b, "| Kratos' own whoami, p99 of %s requests over %d connections | %.1f ms | %s | |\n", thousands(f.Requests), l.Connections, l.Whoami.Median, l.Whoami.span("%.1f"))
		fmt.Fprintf(&b, "| the gate, which asks it each time, p99 likewise | %.1f ms | %s | |\n", l.Gate.Median, l.Gate.span("%.1f"))
		fmt.Fprintf(&b, "| ratio of the two, run by run (%d runs in turn) | %.2f | %s | %s |\n", len(l.Ratio.Runs), l.Ratio.Median, l.Ratio.span("%.2f"), reach)
	}
	return b.String()
}

// gateBlocks is in how many turns a round asks, so that whatever else the machine does at a time falls on both questions.
const gateBlocks = 20

// charges are the lines of the table of processor time.
func (f gateFigures) charges() string {
	var b strings.Builder
	for _, l := range f.Loads {
		for _, line := range []struct {
			name string
			of   cpu
		}{{"whoami", l.WhoamiCPU}, {"gate", l.GateCPU}} {
			fmt.Fprintf(&b, "| %s, %d connections | %.2f | %.2f | %.2f |\n", line.name, l.Connections, line.of.Paperplane, line.of.PostgreSQL, line.of.Kratos)
		}
	}
	return b.String()
}

// compareGate lets the two questions take turns, the first of each pair in turn.
func compareGate(b *testing.B, f *fleet, gate, whoami question, by load) gateLoad {
	b.Helper()
	gate.wire, whoami.wire = by.wire(), by.wire()
	defer gate.wire.CloseIdleConnections()
	defer whoami.wire.CloseIdleConnections()
	result := gateLoad{Connections: by.connections}
	var ofGate, ofWhoami, halfGate, halfWhoami, ratios []float64
	block := load{connections: by.connections, requests: max(by.requests/gateBlocks, by.connections)}
	for range gateBlocks / 4 { // warms up
		_, _ = whoami.asked(b, block), gate.asked(b, block)
	}
	for round := range by.rounds {
		var g, w []time.Duration
		for turn := range gateBlocks {
			asksWhoami := func() { w = append(w, f.charging(b, &result.WhoamiCPU, whoami, block)...) }
			if turn%2 == 0 {
				asksWhoami()
			}
			g = append(g, f.charging(b, &result.GateCPU, gate, block)...)
			if turn%2 == 1 {
				asksWhoami()
			}
		}
		slices.Sort(g)
		slices.Sort(w)
		ofGate, ofWhoami = append(ofGate, milliseconds(percentile(g, 99))), append(ofWhoami, milliseconds(percentile(w, 99)))
		halfGate, halfWhoami = append(halfGate, milliseconds(percentile(g, 50))), append(halfWhoami, milliseconds(percentile(w, 50)))
		ratios = append(ratios, ofGate[round]/ofWhoami[round])
		say("%d connections, round %d: p99 of whoami %.2f ms, of the gate %.2f ms, ratio %.3f; p50 %.2f and %.2f ms\n",
			by.connections, round+1, ofWhoami[round], ofGate[round], ratios[round], halfWhoami[round], halfGate[round])
	}
	perRequest := 1000 / float64(by.rounds*gateBlocks*block.requests) // milliseconds
	result.GateCPU, result.WhoamiCPU = result.GateCPU.times(perRequest), result.WhoamiCPU.times(perRequest)
	result.Gate, result.Whoami, result.Ratio = spreadOf(ofGate), spreadOf(ofWhoami), spreadOf(ratios)
	result.GateHalf, result.WhoamiHalf = spreadOf(halfGate), spreadOf(halfWhoami)
	return result
}

// charging asks, and adds the processor time that each part spends on it.
func (f *fleet) charging(b *testing.B, on *cpu, q question, by load) []time.Duration {
	b.Helper()
	read := func() cpu {
		return cpu{
			Paperplane: cpuOf(b, f.replicas[0].now().PID()).Seconds(), PostgreSQL: cpuOf(b, f.postgres.PID()).Seconds(),
			Kratos: cpuOf(b, f.kratos.PID()).Seconds(),
		}
	}
	before := read()
	took := q.asked(b, by)
	spent := read().minus(before)
	*on = cpu{on.Paperplane + spent.Paperplane, on.PostgreSQL + spent.PostgreSQL, on.Kratos + spent.Kratos, 0}
	return took
}

// wire makes the connections.
func (l load) wire() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: l.connections, MaxConnsPerHost: l.connections}
}

// asked asks so many times over so many connections, each with its next request as soon as it has the answer, and gives how
// long each took.
func (q question) asked(b *testing.B, by load) []time.Duration {
	b.Helper()
	took := make([]time.Duration, by.requests)
	var next atomic.Int64
	var hands sync.WaitGroup
	for range by.connections {
		hands.Go(func() {
			for i := int(next.Add(1)) - 1; i < by.requests; i = int(next.Add(1)) - 1 {
				begun := time.Now()
				if err := q.once(b.Context()); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(begun)
			}
		})
	}
	hands.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return took
}

func (q question) once(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.address, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Cookie", q.cookie)
	response, err := q.wire.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is answered with %d", q.name, response.StatusCode)
	}
	return nil
}

// percentile is the time that so many of a hundred are not above (nearest rank).
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// publishedFigures reads what was published in a folder before.
func publishedFigures(t testing.TB, folder string) figures {
	t.Helper()
	var before figures
	if folder == "" {
		return before
	}
	content, err := os.ReadFile(filepath.Join(folder, "benchmarks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return before
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &before); err != nil {
		t.Fatal(err)
	}
	return before
}
