package kratos

import "testing"

func TestADeviceIsShownWithoutThePortOfItsConnection(t *testing.T) {
	t.Parallel()
	for noted, want := range map[string]string{
		"127.0.0.1:45512": "127.0.0.1", "203.0.113.7": "203.0.113.7", "[2001:db8::7]:443": "2001:db8::7", "[2001:db8::7]": "2001:db8::7",
		"2001:db8::7": "2001:db8::7", "": "", "unknown": "unknown",
	} {
		if got := withoutPort(noted); got != want {
			t.Errorf("%q is shown as %q, want %q", noted, got, want)
		}
	}
}
