package extension_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestSettingsOfSendingAreRefusedWithAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	const week, hour = 7 * 24 * time.Hour, time.Hour
	stop := extension.StopLoss{Percent: 3, After: 50}
	for name, test := range map[string]struct {
		sending  extension.Sending
		lifetime time.Duration
		want     []string
	}{
		"the defaults":           {extension.Sending{StopLoss: stop}, week, nil},
		"everything":             {extension.Sending{UndoDelay: hour, Reminders: []int{1, 6}, StopLoss: extension.StopLoss{Percent: 100, After: 100_000}}, week, nil},
		"too long a delay":       {extension.Sending{UndoDelay: hour + time.Second, StopLoss: stop}, week, []string{"undo"}},
		"a negative delay":       {extension.Sending{UndoDelay: -1, StopLoss: stop}, week, []string{"undo"}},
		"part of a second":       {extension.Sending{UndoDelay: time.Millisecond, StopLoss: stop}, week, []string{"undo"}},
		"day none":               {extension.Sending{Reminders: []int{0}, StopLoss: stop}, week, []string{"reminders"}},
		"the last day":           {extension.Sending{Reminders: []int{7}, StopLoss: stop}, week, []string{"reminders"}},
		"falling days":           {extension.Sending{Reminders: []int{6, 3}, StopLoss: stop}, week, []string{"reminders"}},
		"the same day":           {extension.Sending{Reminders: []int{3, 3}, StopLoss: stop}, week, []string{"reminders"}},
		"three":                  {extension.Sending{Reminders: []int{1, 2, 3}, StopLoss: stop}, week, []string{"reminders"}},
		"a link of a day":        {extension.Sending{Reminders: []int{1}, StopLoss: stop}, 24 * hour, []string{"reminders"}},
		"a link of a day and so": {extension.Sending{Reminders: []int{1}, StopLoss: stop}, 36 * hour, nil},
		"never pause":            {extension.Sending{StopLoss: extension.StopLoss{After: 1}}, week, nil},
		"all of it":              {extension.Sending{UndoDelay: -1, Reminders: []int{9}, StopLoss: extension.StopLoss{Percent: 101}}, week, []string{"undo", "reminders", "percent", "after"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var fields []string
			if refused, ok := errors.AsType[*extension.InvalidError](test.sending.Check(test.lifetime)); ok {
				for _, fault := range refused.Fields {
					fields = append(fields, fault.Field)
				}
			}
			if diff := cmp.Diff(test.want, fields); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsOfSendingAreToldInOneLine(t *testing.T) {
	t.Parallel()
	for want, sending := range map[string]extension.Sending{
		"no undo delay, no reminders, stop-loss above 3 % of 50": {StopLoss: extension.StopLoss{Percent: 3, After: 50}},
		"undo delay 1m0s, reminders on day 3, no stop-loss":      {UndoDelay: time.Minute, Reminders: []int{3}, StopLoss: extension.StopLoss{After: 9}},
	} {
		if got := sending.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		other := sending
		other.Reminders = append([]int{1}, sending.Reminders...)
		same := sending
		if !sending.Equal(same) || sending.Equal(other) {
			t.Errorf("%q is not told from %q", sending, other)
		}
	}
}
