package kratos_test

import (
	"slices"
	"testing"

	"paperplane/extension"
)

func TestRecoveryCodesAreTakenAwayAndFactorsStay(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			p.enrol(t)
			form, codes, reply, err := s.client.NewRecoveryCodes(ctx, p.browser(), p.settings(t))
			if err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			if _, _, err := s.client.ConfirmRecoveryCodes(ctx, p.browser(), form); err != nil {
				t.Fatal(err)
			}
			if before, err := s.client.Identity(ctx, p.identity); err != nil || !before.Recovery {
				t.Fatalf("before: %+v, %v", before, err)
			}

			for range 2 { // the second time there is nothing left to do
				if err := s.client.RemoveRecoveryCodes(ctx, p.identity); err != nil {
					t.Fatal(err)
				}
			}
			after, err := s.client.Identity(ctx, p.identity)
			if err != nil || after.Recovery || !after.Registered || !slices.Equal(after.Factors, []extension.Factor{extension.FactorTOTP}) {
				t.Errorf("after: %+v, %v", after, err)
			}
			again := p.anotherBrowser()
			if err := again.login(t, p.address, password); err != nil {
				t.Fatal(err)
			}
			second, reply, err := s.client.ConfirmForm(ctx, again.browser(), "")
			if err != nil {
				t.Fatal(err)
			}
			again.take(reply)
			if err := again.confirm(t, second, map[string]string{"method": "lookup_secret", "lookup_secret": codes[0]}); err == nil {
				t.Error("a code that was taken away is right")
			}
			if err := s.client.RemoveRecoveryCodes(ctx, extension.NewID[extension.IdentityID]()); err != nil {
				t.Errorf("of nobody: %v", err)
			}
		})
	}
}
