package extension_test

import (
	"testing"
	"time"

	"paperplane/extension"
)

func TestTheStationIsTheFurthestFact(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	sent := extension.LetterFacts{Sent: now}
	with := func(change func(*extension.LetterFacts)) extension.LetterFacts {
		letter := sent
		change(&letter)
		return letter
	}
	for name, c := range map[string]struct {
		user   extension.User
		policy extension.TwoFactor
		want   extension.Station
	}{
		"waiting":          {extension.User{}, extension.TwoFactorOff, extension.StationUnsent},
		"refused":          {extension.User{NotMailed: extension.RefusedByProvider}, extension.TwoFactorOff, extension.StationUnsent},
		"no reminder":      {extension.User{NotMailed: extension.RefusedNeedless, Facts: extension.Facts{Sent: now}}, extension.TwoFactorOff, extension.StationSent},
		"sent":             {extension.User{Letter: sent}, extension.TwoFactorOff, extension.StationSent},
		"delayed":          {extension.User{Letter: with(func(l *extension.LetterFacts) { l.Delayed = now })}, extension.TwoFactorOff, extension.StationSent},
		"delivered":        {extension.User{Letter: with(func(l *extension.LetterFacts) { l.Delivered = now })}, extension.TwoFactorOff, extension.StationDelivered},
		"bounced":          {extension.User{Letter: with(func(l *extension.LetterFacts) { l.Bounced = now })}, extension.TwoFactorOff, extension.StationLost},
		"complained":       {extension.User{Letter: with(func(l *extension.LetterFacts) { l.Complained = now })}, extension.TwoFactorOff, extension.StationLost},
		"opened":           {extension.User{Letter: sent, Facts: extension.Facts{Opened: now}}, extension.TwoFactorOff, extension.StationOpened},
		"started":          {extension.User{Facts: extension.Facts{Opened: now, Started: now}}, extension.TwoFactorOff, extension.StationStarted},
		"registered":       {extension.User{Facts: extension.Facts{Started: now, Registered: now}}, extension.TwoFactorOff, extension.StationSecured},
		"factor missing":   {extension.User{Facts: extension.Facts{Started: now, Registered: now}}, extension.TwoFactorRequired, extension.StationRegistered},
		"factor there":     {extension.User{Facts: extension.Facts{Registered: now, Secured: now}}, extension.TwoFactorRequired, extension.StationSecured},
		"expired, started": {extension.User{Facts: extension.Facts{Started: now, Expires: now}}, extension.TwoFactorOff, extension.StationStarted},
		"active":           {extension.User{Facts: extension.Facts{Activated: now}}, extension.TwoFactorOff, ""},
		"inactive":         {extension.User{Facts: extension.Facts{Paused: now}}, extension.TwoFactorOff, ""},
	} {
		if got := c.user.Station(c.policy, now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAMistakeCountsUntilSomebodyGetsFurther(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Minute), now.Add(time.Minute)
	at := func(step extension.Step) extension.Stumble {
		return extension.Stumble{At: now, Step: step, Sentence: "Choose another password."}
	}
	for name, c := range map[string]struct {
		facts   extension.Facts
		stumble extension.Stumble
		counts  bool
	}{
		"at registration":                 {extension.Facts{Started: before}, at(extension.StepRegister), true},
		"at the same moment":              {extension.Facts{Started: now}, at(extension.StepRegister), true},
		"registered since":                {extension.Facts{Started: before, Registered: after}, at(extension.StepRegister), false},
		"at the terms":                    {extension.Facts{Started: before, Registered: before}, at(extension.StepAgree), true},
		"accepted since":                  {extension.Facts{Started: before, Registered: before, Accepted: after}, at(extension.StepAgree), false},
		"started again since":             {extension.Facts{Started: after}, at(extension.StepRegister), false},
		"the newest link was not started": {extension.Facts{}, at(extension.StepRegister), false},
		"at Start":                        {extension.Facts{}, at(extension.StepStart), true},
		"expired meanwhile":               {extension.Facts{Started: before, Expires: now}, at(extension.StepRegister), true},
		"active":                          {extension.Facts{Activated: before}, at(extension.StepRegister), false},
		"none":                            {extension.Facts{}, extension.Stumble{}, false},
	} {
		user := extension.User{Facts: c.facts, Stumble: c.stumble}
		if got := user.Stumbled(now); (got == c.stumble && !got.At.IsZero()) != c.counts {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
