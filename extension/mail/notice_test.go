package mail

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/tools/mailbox"
	"paperplane/tools/mailbox/submission"
)

const noticeSender = "Paperplane <invitations@onboarding.example.org>"

func sampleNotice() extension.Notice {
	return extension.Notice{
		Kind: extension.NoticeSecondFactor, Address: "bob@northwind.example", Code: "482913", Minutes: 15, Language: "en",
		Organisation: "Northwind Health", Key: "8c0b3f1f2a77",
	}
}

// post writes a notice as the provider gets it.
func post(t *testing.T, notice extension.Notice) Message {
	t.Helper()
	out := &recorder{}
	if err := NewPost(out).From(noticeSender).Notify(t.Context(), notice); err != nil {
		t.Fatalf("notify: %v", err)
	}
	return out.messages[0]
}

func TestANoticeShowsItsCodeInEveryLanguage(t *testing.T) {
	t.Parallel()
	subjects := map[string]bool{}
	for _, language := range locale.Languages() {
		for _, kind := range []extension.NoticeKind{extension.NoticeSecondFactor, extension.NoticeRecovery, extension.NoticeVerification} {
			notice := sampleNotice()
			notice.Kind, notice.Language = kind, string(language)
			message := post(t, notice)
			if !strings.Contains(message.HTML, ">482913</p>") || !slices.Contains(strings.Split(message.Text, "\n"), "482913") {
				t.Errorf("%s in %s: the code does not stand alone", kind, language)
			}
			for _, want := range []string{"15", "Northwind Health"} {
				if !strings.Contains(message.HTML, want) || !strings.Contains(message.Text, want) {
					t.Errorf("%s in %s does not say %q", kind, language, want)
				}
			}
			if !strings.Contains(message.HTML, `lang="`+string(language)+`"`) || strings.Contains(message.HTML+message.Text, "://") || strings.Contains(message.HTML, "<a ") {
				t.Errorf("%s in %s is not marked with its language, or has a link", kind, language)
			}
			if subjects[message.Subject] || strings.Contains(message.Subject, "482913") {
				t.Errorf("%s in %s: the subject is %q", kind, language, message.Subject)
			}
			subjects[message.Subject] = true
		}
	}
}

func TestANoticeSuitsAReaderOfNoOneOrganisation(t *testing.T) {
	t.Parallel()
	notice := sampleNotice()
	notice.Language, notice.Organisation, notice.Minutes = "", "", 0
	message := post(t, notice)
	if message.Subject != "Your code to sign in" || !strings.Contains(message.Text, "Sent by Paperplane\n") || strings.Contains(message.Text, "0 min") {
		t.Errorf("the notice is %q:\n%s", message.Subject, message.Text)
	}
}

func TestANoticeIsAddressedToOnePersonAndNobodyAnswersIt(t *testing.T) {
	t.Parallel()
	message := post(t, sampleNotice())
	if message.To != "bob@northwind.example" || message.From != noticeSender || message.ReplyTo != "" || len(message.Tags) != 0 ||
		message.Headers["Auto-Submitted"] != "auto-generated" {
		t.Errorf("the message is %+v", message)
	}
	other := sampleNotice()
	other.Key = "another"
	if id := post(t, other).Invitation; id == message.Invitation || id == "" {
		t.Errorf("two notices have the id %q", id)
	}
}

func TestANoticeCanNotBeMisused(t *testing.T) {
	t.Parallel()
	for kind, payload := range payloads() {
		notice := sampleNotice()
		notice.Organisation = payload
		message := post(t, notice)
		if found := linkable.FindString(message.Subject + message.Text + message.HTML); found != "" || strings.ContainsAny(message.Subject, "\r\n") ||
			strings.Contains(message.HTML, "<script") {
			t.Errorf("%s: the notice is %q %q", kind, message.Subject, found)
		}
	}
	for name, change := range map[string]func(*extension.Notice){
		"no code":              func(n *extension.Notice) { n.Code = "" },
		"a code of many lines": func(n *extension.Notice) { n.Code = "482913\nhello" },
		"no key":               func(n *extension.Notice) { n.Key = "" },
		"an unknown kind":      func(n *extension.Notice) { n.Kind = "advertisement" },
		"two addresses":        func(n *extension.Notice) { n.Address = "a@example.org, b@example.org" },
	} {
		notice, out := sampleNotice(), &recorder{}
		change(&notice)
		err := NewPost(out).From(noticeSender).Notify(t.Context(), notice)
		if err == nil || len(out.messages) > 0 || errors.Is(err, extension.ErrUnavailable) || strings.Contains(err.Error(), "482913") {
			t.Errorf("%s: sent %d messages, error %v", name, len(out.messages), err)
		}
	}
	if err := NewPost(&recorder{}).Notify(t.Context(), sampleNotice()); err == nil {
		t.Error("a post that does not know its sender sends notices")
	}
}

func TestARepeatedNoticeIsMailedOnceByResend(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	sender := NewPost(p.sender).From(noticeSender)
	for range 3 {
		if err := sender.Notify(t.Context(), sampleNotice()); err != nil {
			t.Fatal(err)
		}
	}
	if caught := p.box.Messages("bob@northwind.example"); len(caught) != 1 || !strings.Contains(caught[0].HTML, "482913") {
		t.Errorf("%d messages were caught", len(caught))
	}
}

func TestANoticeGoesOutBySMTP(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	if err := NewPost(s.sender).From(noticeSender).Notify(t.Context(), sampleNotice()); err != nil {
		t.Fatal(err)
	}
	caught := s.box.Messages("bob@northwind.example")
	if len(caught) != 1 || caught[0].Subject != "Northwind Health: Your code to sign in" {
		t.Errorf("caught is %+v", caught)
	}
}

func TestTroubleWithANoticeIsToldApartFromARefusal(t *testing.T) {
	t.Parallel()
	down := NewResend(ResendOptions{APIKey: apiKey, Timeout: time.Second, BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
	}))})
	s := startMailServer(t, submission.Options{})
	s.Answer("later@example.org", 450, "4.2.0 Greylisted")
	s.Answer("never@example.org", 550, "5.1.1 No such user here")
	for name, test := range map[string]struct {
		sender  Sender
		address string
		trouble bool
	}{
		"a provider that is down":   {down, "bob@northwind.example", true},
		"a server that greylists":   {s.sender, "later@example.org", true},
		"a person who is not there": {s.sender, "never@example.org", false},
	} {
		notice := sampleNotice()
		notice.Address = test.address
		err := NewPost(test.sender).From(noticeSender).Notify(t.Context(), notice)
		var trouble *extension.TroubleError
		if err == nil || errors.As(err, &trouble) != test.trouble || strings.Contains(err.Error(), notice.Code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
