package extension

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ReminderMargin is how much of a link's lifetime a reminder leaves: nobody is reminded of a link that ends before they
// can be expected to read it.
const ReminderMargin = 12 * time.Hour

// MaxStopLossAfter is the most messages that a stop-loss may wait for: one press of Invite.
const MaxStopLossAfter = 100_000

// Equal tells whether two settings say the same.
func (s Sending) Equal(other Sending) bool {
	return s.UndoDelay == other.UndoDelay && s.StopLoss == other.StopLoss && slices.Equal(s.Reminders, other.Reminders)
}

// String tells the settings in one line, for the audit.
func (s Sending) String() string {
	days := make([]string, len(s.Reminders))
	for i, day := range s.Reminders {
		days[i] = strconv.Itoa(day)
	}
	reminders := "no reminders"
	if len(days) > 0 {
		reminders = "reminders on day " + strings.Join(days, " and ")
	}
	stop := "no stop-loss"
	if s.StopLoss.Percent > 0 {
		stop = fmt.Sprintf("stop-loss above %d %% of %d", s.StopLoss.Percent, s.StopLoss.After)
	}
	undo := "no undo delay"
	if s.UndoDelay > 0 {
		undo = "undo delay " + s.UndoDelay.String()
	}
	return undo + ", " + reminders + ", " + stop
}

// LastReminder is the last day on which a link of this lifetime may be repeated; zero when it is too short for any.
func LastReminder(lifetime time.Duration) int {
	return max(0, int((lifetime-ReminderMargin)/(24*time.Hour)))
}

// Check refuses settings that an organisation whose links work for this long cannot have, all faults at once: the fields
// are undo, reminders, percent and after. What passes breaks no rule of the schema.
func (s Sending) Check(lifetime time.Duration) error {
	var refused InvalidError
	refuse := func(wrong bool, field, sentence string) {
		if wrong {
			refused.Fields = append(refused.Fields, FieldError{Field: field, Message: sentence})
		}
	}
	refuse(s.UndoDelay < 0 || s.UndoDelay > MaxUndoDelay || s.UndoDelay%time.Second != 0, "undo",
		"The undo delay can be anything from none to one hour.")
	s.checkReminders(LastReminder(lifetime), refuse)
	refuse(s.StopLoss.Percent < 0 || s.StopLoss.Percent > 100, "percent", "The share of bounces is a whole number from 0 (never pause) to 100.")
	refuse(s.StopLoss.After < 1 || s.StopLoss.After > MaxStopLossAfter, "after",
		"The number of messages before the share is judged is a whole number from 1 to 100,000.")
	if len(refused.Fields) > 0 {
		return &refused
	}
	return nil
}

func (s Sending) checkReminders(last int, refuse func(wrong bool, field, sentence string)) {
	if len(s.Reminders) == 0 {
		return
	}
	if last == 0 {
		refuse(true, "reminders", "The links of this organisation are too short-lived for reminders. Leave both days empty.")
		return
	}
	refuse(len(s.Reminders) > MaxReminders, "reminders", "There can be at most two reminders.")
	for i, day := range s.Reminders {
		if day < 1 || day > last {
			refuse(true, "reminders", fmt.Sprintf("A reminder goes out on day 1 to %d after the invitation, while its link still works.", last))
			return
		}
		if i > 0 && day <= s.Reminders[i-1] {
			refuse(true, "reminders", "The second reminder must be on a later day than the first.")
			return
		}
	}
}
