package flows

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestRefusalsTakeOneTimeWhateverKratosTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for took, want := range map[time.Duration]time.Duration{
			9 * time.Millisecond: RefusalTime, 34 * time.Millisecond: RefusalTime, 200 * time.Millisecond: RefusalTime, 900 * time.Millisecond: RefusalTime,
			RefusalTime + 1: 2 * RefusalTime, 2*RefusalTime - 1: 2 * RefusalTime,
		} {
			start := time.Now()
			kratos := time.NewTimer(took)
			<-kratos.C
			evenly(t.Context(), start, RefusalTime)
			if got := time.Since(start); got != want {
				t.Errorf("after %s of Kratos' it takes %s, want %s", took, got, want)
			}
		}
		ending, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		evenly(ending, start, RefusalTime)
		if got := time.Since(start); got != time.Second {
			t.Errorf("a request that has ended holds its goroutine for %s", got)
		}
	})
}
