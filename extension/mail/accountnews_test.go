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

func sampleNews() extension.News {
	at := time.Date(2026, time.November, 23, 15, 5, 42, 0, time.FixedZone("CET", 3600))
	return extension.News{
		ID: "5c0b7c62-0e27-4f0f-9a41-0a3f3d0f8a11", Identity: "the-identity", Address: "bob@northwind.example", Language: "en",
		Organisation: "Northwind Health", Contact: "Northwind Help Desk <help@northwind.example>", Settings: "https://onboarding.example.org/settings",
		Changes: []extension.AccountChange{
			{Kind: extension.ChangeRemoved, Factor: extension.FactorSMS, Address: "••• 567", At: at},
			{Kind: extension.ChangeAdded, Factor: extension.FactorTOTP, At: at.Add(time.Minute)},
		},
	}
}

// everyChange is one of every kind that there is.
func everyChange() []extension.AccountChange {
	at := sampleNews().Changes[0].At
	changes := []extension.AccountChange{
		{Kind: extension.ChangeReset, At: at},
		{Kind: extension.ChangeMobileFreed, Address: "••• 567", At: at},
		{Kind: extension.ChangePassword, At: at},
		{Kind: extension.ChangeSignIns, At: at},
		{Kind: extension.ChangeRecovered, At: at},
	}
	for _, factor := range append(extension.Ways(), extension.FactorWebAuthn, extension.FactorRecovery) {
		for _, kind := range []extension.ChangeKind{extension.ChangeAdded, extension.ChangeRemoved} {
			change := extension.AccountChange{Kind: kind, Factor: factor, At: at}
			if factor == extension.FactorSMS {
				change.Address = "••• 567"
			}
			changes = append(changes, change)
		}
	}
	return changes
}

// tell writes news as the provider gets it.
func tell(t *testing.T, news extension.News) Message {
	t.Helper()
	out := &recorder{}
	if err := NewPost(out).From(noticeSender).Tell(t.Context(), news); err != nil {
		t.Fatalf("tell: %v", err)
	}
	return out.messages[0]
}

func TestNewsReadsAsItShould(t *testing.T) {
	t.Parallel()
	for _, language := range locale.Languages() {
		for name, change := range map[string]func(*extension.News){
			"two": func(*extension.News) {},
			"all": func(n *extension.News) { n.Changes = everyChange() },
			"plain": func(n *extension.News) {
				n.Organisation, n.Contact, n.Changes = "", "", n.Changes[1:]
			},
		} {
			t.Run(string(language)+" "+name, func(t *testing.T) {
				t.Parallel()
				news := sampleNews()
				news.Language = string(language)
				change(&news)
				message := tell(t, news)
				golden(t, "news-"+string(language)+"-"+name+".html", message.HTML)
				golden(t, "news-"+string(language)+"-"+name+".txt", "Subject: "+message.Subject+"\n\n"+message.Text)
			})
		}
	}
}

func TestNewsSaysWhatHappenedAndWhatToDo(t *testing.T) {
	t.Parallel()
	message := tell(t, sampleNews())
	for _, want := range []string{
		"••• 567", "authenticator app was added", "Monday, 23 November 2026, 14:05 UTC", "Monday, 23 November 2026, 14:06 UTC", "nothing to do",
		"tell your administrator", "help@northwind.example", "https://onboarding.example.org/settings", "Sent by Paperplane for Northwind Health",
	} {
		if !strings.Contains(message.Text, want) || !strings.Contains(message.HTML, want) {
			t.Errorf("it does not say %q in both forms", want)
		}
	}
	if message.Subject != "Northwind Health: Your account was changed" || message.To != "bob@northwind.example" || message.From != noticeSender ||
		message.ReplyTo != sampleNews().Contact || len(message.Tags) != 0 || message.Headers["Auto-Submitted"] != "auto-generated" {
		t.Errorf("the message is %+v", message)
	}
	if links := strings.Count(message.HTML, "href="); links != 2 || strings.Count(message.HTML, `href="https://onboarding.example.org/settings"`) != 2 {
		t.Errorf("it has %d links", links)
	}
}

func TestEveryChangeHasItsOwnWordsInEveryLanguage(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, language := range locale.Languages() {
		for _, change := range everyChange() {
			words := changeWords(language, change)
			if words == "" || said[words] {
				t.Errorf("%s %s in %s is %q", change.Kind, change.Factor, language, words)
			}
			said[words] = true
		}
	}
}

func TestNewsSuitsAReaderOfSeveralOrganisations(t *testing.T) {
	t.Parallel()
	news := sampleNews()
	news.Language, news.Organisation, news.Contact = "", "", ""
	message := tell(t, news)
	if message.Subject != "Your account was changed" || message.ReplyTo != "" || !strings.Contains(message.Text, "Sent by Paperplane\n") ||
		strings.Contains(message.Text, "reply") {
		t.Errorf("the letter is %q:\n%s", message.Subject, message.Text)
	}
}

func TestNewsCanNotBeMisused(t *testing.T) {
	t.Parallel()
	for kind, payload := range payloads() {
		news := sampleNews()
		news.Organisation = payload
		message := tell(t, news)
		seen := strings.ReplaceAll(message.Subject+message.Text+message.HTML, news.Settings, "")
		seen = strings.ReplaceAll(seen, "help@northwind.example", "")
		if found := linkable.FindString(seen); found != "" || strings.ContainsAny(message.Subject, "\r\n") || strings.Contains(message.HTML, "<script") {
			t.Errorf("%s: the letter is %q %q", kind, message.Subject, found)
		}
	}
	for name, change := range map[string]func(*extension.News){
		"nothing to tell":   func(n *extension.News) { n.Changes = nil },
		"an unknown change": func(n *extension.News) { n.Changes[0].Kind = "advertisement" },
		"two addresses":     func(n *extension.News) { n.Address = "a@example.org, b@example.org" },
		"no page to go to":  func(n *extension.News) { n.Settings = "" },
	} {
		news, out := sampleNews(), &recorder{}
		news.Changes = slices.Clone(news.Changes)
		change(&news)
		err := NewPost(out).From(noticeSender).Tell(t.Context(), news)
		if err == nil || len(out.messages) > 0 || errors.Is(err, extension.ErrUnavailable) {
			t.Errorf("%s: sent %d messages, error %v", name, len(out.messages), err)
		}
		if ours := name != "two addresses"; errors.Is(err, extension.ErrRefused) == ours {
			t.Errorf("%s: whose fault it is is not told apart: %v", name, err)
		}
	}
	if err := NewPost(&recorder{}).Tell(t.Context(), sampleNews()); err == nil || errors.Is(err, extension.ErrRefused) {
		t.Errorf("a post that does not know its sender: %v", err)
	}
}

func TestRepeatedNewsIsMailedOnceByResend(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	sender := NewPost(p.sender).From(noticeSender)
	for range 3 {
		if err := sender.Tell(t.Context(), sampleNews()); err != nil {
			t.Fatal(err)
		}
	}
	if caught := p.box.Messages("bob@northwind.example"); len(caught) != 1 {
		t.Errorf("%d messages were caught", len(caught))
	}
	moved := sampleNews()
	moved.Address = "bob@corrected.example"
	if err := sender.Tell(t.Context(), moved); err != nil || len(p.box.Messages(moved.Address)) != 1 {
		t.Errorf("to a corrected address: %v", err)
	}
}

func TestNewsGoesOutBySMTPAndTroubleIsToldApart(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	s.Answer("later@example.org", 450, "4.2.0 Greylisted")
	s.Answer("never@example.org", 550, "5.1.1 No such user here")
	down := NewResend(ResendOptions{APIKey: apiKey, Timeout: time.Second, BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
	}))})
	for name, test := range map[string]struct {
		sender        Sender
		address       string
		sent, trouble bool
	}{
		"somebody":                  {s.sender, "bob@northwind.example", true, false},
		"a server that greylists":   {s.sender, "later@example.org", false, true},
		"a person who is not there": {s.sender, "never@example.org", false, false},
		"a provider that is down":   {down, "bob@northwind.example", false, true},
		"an address that is none":   {s.sender, "nobody", false, false},
	} {
		news := sampleNews()
		news.Address = test.address
		err := NewPost(test.sender).From(noticeSender).Tell(t.Context(), news)
		if (err == nil) != test.sent || errors.Is(err, extension.ErrUnavailable) != test.trouble ||
			errors.Is(err, extension.ErrRefused) == (test.sent || test.trouble) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "Greylisted") || strings.Contains(err.Error(), "such user") || strings.Contains(err.Error(), test.address)) {
			t.Errorf("%s: the error quotes the server: %v", name, err)
		}
	}
	if caught := s.box.Messages("bob@northwind.example"); len(caught) != 1 || caught[0].Subject != "Northwind Health: Your account was changed" {
		t.Errorf("caught is %+v", caught)
	}
}
