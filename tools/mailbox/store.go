package mailbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// call is one accepted call and everything that was promised by accepting it: its messages, and the answer that its
// idempotency key gives from now on. Both are one file, so that no crash can keep one and lose the other.
type call struct {
	At          time.Time       `json:"at"`
	Key         string          `json:"key,omitempty"`
	Fingerprint string          `json:"fingerprint,omitempty"`
	Answer      json.RawMessage `json:"answer,omitempty"`
	Messages    []Message       `json:"messages"`

	forgotten bool // accepted and not kept
}

// store holds the caught messages in memory and, when it has a folder, on disk.
type store struct {
	folder string
	lean   bool // keep nothing but numbers

	mu      sync.Mutex
	total   int
	last    time.Time      // when the last of them was accepted
	number  map[string]int // of messages by addressKey
	caught  []Message
	to      map[string][]int // places in caught by addressKey
	ids     map[string]int
	changed chan struct{} // closed and replaced whenever a message comes in
}

// openStore reads the folder's calls in the order in which they were accepted.
func openStore(folder string) (*store, []call, error) {
	s := &store{folder: folder, number: map[string]int{}, to: map[string][]int{}, ids: map[string]int{}, changed: make(chan struct{})}
	if folder == "" {
		return s, nil, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make mailbox folder: %w", err)
	}
	files, err := os.ReadDir(folder) // sorted by name, and names begin with the time
	if err != nil {
		return nil, nil, fmt.Errorf("read mailbox folder: %w", err)
	}
	calls := make([]call, 0, len(files))
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".json") {
			continue // a temporary file that a killed process left behind was never promised to anybody
		}
		c, err := s.read(file)
		if err != nil {
			return nil, nil, fmt.Errorf("read mailbox file %s: %w", file.Name(), err)
		}
		calls = append(calls, c)
		s.show(c.Messages)
	}
	return s, calls, nil
}

func (s *store) read(file fs.DirEntry) (call, error) {
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		return call{}, err
	}
	defer func() { _ = root.Close() }() // a folder, opened for reading its names
	content, err := root.ReadFile(file.Name())
	if err != nil {
		return call{}, err
	}
	var c call
	if err := json.Unmarshal(content, &c); err != nil {
		return call{}, err
	}
	return c, nil
}

// add accepts a call: on disk first, then in memory, so that what readers have seen is never lost.
func (s *store) add(c call) error {
	if s.folder != "" {
		if err := s.write(c); err != nil {
			return fmt.Errorf("keep messages: %w", err)
		}
	}
	s.show(c.Messages)
	return nil
}

// show makes messages visible and wakes whoever waits for them.
func (s *store) show(messages []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now().UTC()
	for _, m := range messages {
		s.total++
		for _, to := range m.To {
			s.number[addressKey(to)]++
		}
		if s.lean {
			continue
		}
		place := len(s.caught)
		s.caught = append(s.caught, m)
		s.ids[m.ID] = place
		for _, to := range m.To {
			key := addressKey(to)
			if places := s.to[key]; !slices.Contains(places, place) {
				s.to[key] = append(places, place)
			}
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// write makes the file appear whole or not at all.
func (s *store) write(c call) error {
	content, err := json.Marshal(c)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // a folder, opened for reading its names
	name := fmt.Sprintf("%s-%s", c.At.UTC().Format("20060102T150405.000000000"), newID())
	if err := root.WriteFile(name+".tmp", content, 0o600); err != nil {
		return err
	}
	return root.Rename(name+".tmp", name+".json")
}

func (s *store) messages(to string) []Message {
	found, _ := s.look(to)
	return found
}

// look returns the messages to an address, and what is closed when there are more.
func (s *store) look(to string) ([]Message, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to == "" {
		return append([]Message{}, s.caught...), s.changed
	}
	places := s.to[addressKey(to)]
	found := make([]Message, len(places))
	for i, place := range places {
		found[i] = s.caught[place]
	}
	return found, s.changed
}

func (s *store) wait(ctx context.Context, to string, n int) ([]Message, error) {
	for {
		found, changed := s.look(to)
		if len(found) >= n {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, fmt.Errorf("wait for %d messages to %q, %d came: %w", n, to, len(found), ctx.Err())
		}
	}
}

// Count is how many messages were accepted. Its JSON form is what GET /api/count answers.
type Count struct {
	Messages  int       `json:"messages"`
	Addresses int       `json:"addresses"` // different ones
	Last      time.Time `json:"last"`      // when the last message was accepted, by the system's clock; zero before the first
	// Again are addresses that got more than one message, with how many; at most a thousand of them.
	Again map[string]int `json:"again,omitempty"`
}

// mostAgain bounds Count.Again.
const mostAgain = 1000

func (s *store) count() Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Count{Messages: s.total, Addresses: len(s.number), Last: s.last}
	for address, n := range s.number {
		if n < 2 {
			continue
		}
		if c.Again == nil {
			c.Again = map[string]int{}
		}
		if c.Again[address] = n; len(c.Again) == mostAgain {
			break
		}
	}
	return c
}

func (s *store) message(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	place, found := s.ids[id]
	if !found {
		return Message{}, false
	}
	return s.caught[place], true
}
