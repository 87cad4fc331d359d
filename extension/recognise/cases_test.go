package recognise

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// addressCase is one entry of testdata/addresses.json, the worked cases that the
// rules were agreed on.
type addressCase struct {
	Name       string      `json:"name"`
	Text       string      `json:"text"`
	Recognised []string    `json:"recognised"`
	Rejected   [][2]string `json:"rejected"`
	Duplicates int         `json:"duplicates"`
	Warn       []string    `json:"warn"`
	Note       string      `json:"note"`
}

// readCases reads the worked cases.
func readCases(tb testing.TB) []addressCase {
	tb.Helper()
	data, err := os.ReadFile("testdata/addresses.json")
	if err != nil {
		tb.Fatal(err)
	}
	var cases []addressCase
	if err := json.Unmarshal(data, &cases); err != nil {
		tb.Fatal(err)
	}
	return cases
}

func TestEveryWorkedCaseGivesItsAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range readCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			got := Recognise(c.Text)
			want := outcome{recognised: c.Recognised, duplicates: c.Duplicates}
			for _, r := range c.Rejected {
				want.rejected = append(want.rejected, r[0]+": "+r[1])
			}
			if diff := cmp.Diff(want.normal(), outcomeOf(got), cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("Recognise(%q) differs (-want +got):\n%s", c.Text, diff)
			}
			slices.Sort(c.Warn)
			if diff := cmp.Diff(append([]string{}, c.Warn...), kindsOf(got)); diff != "" {
				t.Errorf("warnings of %q differ (-want +got):\n%s", c.Text, diff)
			}
		})
	}
}

// outcome is a result without its warnings and ignored words, ready to compare.
type outcome struct {
	recognised []string
	rejected   []string
	duplicates int
}

// normal returns o with empty lists in place of missing ones.
func (o outcome) normal() outcome {
	o.recognised = append([]string{}, o.recognised...)
	o.rejected = append([]string{}, o.rejected...)
	return o
}

// outcomeOf returns the outcome of a result.
func outcomeOf(r Result) outcome {
	o := outcome{duplicates: r.Duplicates}
	for _, a := range r.Recognised {
		o.recognised = append(o.recognised, a.Key)
	}
	for _, x := range r.Rejected {
		o.rejected = append(o.rejected, x.Text+": "+string(x.Reason))
	}
	return o.normal()
}

// kindsOf returns the kinds of a result's warnings, sorted, each once.
func kindsOf(r Result) []string {
	kinds := []string{}
	for _, w := range r.Warnings {
		kinds = append(kinds, string(w.Kind))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
