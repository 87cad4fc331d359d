package kratos_test

import (
	"errors"
	"testing"

	"paperplane/extension"
)

func TestSomebodySeesAndEndsTheirOtherSessions(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			browsers := []*person{p}
			for range 3 {
				another := p.anotherBrowser()
				if err := another.login(t, p.address, password); err != nil {
					t.Fatal(err)
				}
				browsers = append(browsers, another)
			}
			mine, err := s.client.Session(ctx, p.browser())
			if err != nil {
				t.Fatal(err)
			}
			devices, err := s.client.Devices(ctx, p.browser())
			if err != nil || len(devices) != len(browsers) {
				t.Fatalf("%+v, %v", devices, err)
			}
			for i, device := range devices {
				if device.Current != (i == 0) || device.UserAgent != "Paperplane test browser" || device.IP != "203.0.113.7" || !device.Expires.After(device.SignedIn) || device.SignedIn.IsZero() {
					t.Errorf("device %d: %+v", i, device)
				}
			}
			if devices[0].Session != mine.ID {
				t.Errorf("the first is %s, want %s", devices[0].Session, mine.ID)
			}
			for range 2 { // ended already is fine
				if err := s.client.EndDevice(ctx, p.browser(), devices[1].Session); err != nil {
					t.Errorf("ending one: %v", err)
				}
			}
			stranger := s.registered(t)
			if err := s.client.EndDevice(ctx, stranger.browser(), devices[2].Session); err != nil {
				t.Errorf("ending somebody else's: %v", err)
			}
			if left, err := s.client.Devices(ctx, p.browser()); err != nil || len(left) != len(browsers)-1 {
				t.Errorf("left: %+v, %v", left, err)
			}
			if err := s.client.EndDevice(ctx, p.browser(), mine.ID); !errors.Is(err, extension.ErrConflict) {
				t.Errorf("ending one's own: %v", err)
			}
			if err := s.client.EndDevice(ctx, p.browser(), "../../admin"); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("no id: %v", err)
			}
			if err := s.client.EndOtherDevices(ctx, p.browser()); err != nil {
				t.Error(err)
			}
			if left, err := s.client.Devices(ctx, p.browser()); err != nil || len(left) != 1 {
				t.Errorf("left in the end: %+v, %v", left, err)
			}
			for _, browser := range []extension.Browser{{}, browsers[3].browser()} {
				_, listed := s.client.Devices(ctx, browser)
				for what, err := range map[string]error{
					"list": listed, "end": s.client.EndDevice(ctx, browser, mine.ID), "end others": s.client.EndOtherDevices(ctx, browser),
				} {
					if !errors.Is(err, extension.ErrNoSession) {
						t.Errorf("%s without a session: %v", what, err)
					}
				}
			}
		})
	}
}
