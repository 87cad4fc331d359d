package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// Post writes the letters of a chunk, notices and news, and hands them to a Sender. It is safe for concurrent use.
type Post struct {
	sender   Sender
	editions map[int]edition
	notices  wording
	news     wording
	from     string // the mailbox that notices and news come from
}

// NewPost makes a post that knows every wording there has been. It sends notices and news once From has told it who they are from.
func NewPost(sender Sender) *Post {
	return &Post{sender: sender, editions: editions(), notices: parse("notice.html", "notice.txt"), news: parse("news.html", "news.txt")}
}

// Memory is how long the provider remembers the key of a chunk, with an hour to spare. A chunk that may have been obeyed
// longer ago must not be called again.
func (p *Post) Memory() time.Duration { return p.sender.Memory() }

// Deliver makes the one call of a chunk and returns a receipt for each of its recipients, in their order. Its errors
// are those of Sender.Send, and one for a letter that cannot be written: an unknown version, a sender that is no
// mailbox, a link that leads elsewhere. The same chunk always gives the same bytes. Whether a chunk may still be
// called again after hours without an answer (Stale) is for the caller to decide. Somebody to whom an earlier attempt
// began to hand a message over (Handed) gets no second one: the receipt says Unknown. mark is used by senders whose
// provider remembers no keys.
func (p *Post) Deliver(ctx context.Context, chunk extension.Chunk, mark extension.Mark) ([]extension.Receipt, error) {
	words, ok := p.editions[chunk.Letter.Version]
	if !ok {
		return nil, fmt.Errorf("deliver chunk %s: letter version %d is unknown here", chunk.ID, chunk.Letter.Version)
	}
	drafts, err := newDrafts(words.in(chunk.Letter.Language), chunk.Letter)
	if err != nil {
		return nil, fmt.Errorf("deliver chunk %s: %w", chunk.ID, err)
	}
	receipts := make([]extension.Receipt, len(chunk.Recipients))
	messages := make([]Message, 0, len(chunk.Recipients))
	places := make([]int, 0, len(chunk.Recipients)) // of each message, its recipient
	for i, recipient := range chunk.Recipients {
		receipts[i].Invitation = recipient.Invitation
		if recipient.Handed {
			receipts[i].Unknown = true
			continue
		}
		message, err := drafts.message(recipient)
		if errors.Is(err, errAddress) {
			receipts[i].Refused = "This is not an address that mail can be sent to."
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("deliver chunk %s: %w", chunk.ID, err)
		}
		messages = append(messages, message)
		places = append(places, i)
	}
	results, err := p.send(ctx, chunk.ID, messages, mark)
	if err != nil {
		return nil, fmt.Errorf("deliver: %w", err)
	}
	for i, result := range results {
		receipt := &receipts[places[i]]
		receipt.MessageID, receipt.Refused = result.MessageID, result.Refused
		receipt.Unknown, receipt.Untried, receipt.PutOff = result.Unknown, result.Untried, result.PutOff
	}
	return receipts, nil
}

func (p *Post) send(ctx context.Context, key extension.ChunkID, messages []Message, mark extension.Mark) ([]Result, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	results, err := p.sender.Send(ctx, key, messages, mark)
	if err != nil {
		return nil, err
	}
	if len(results) != len(messages) {
		return nil, fmt.Errorf("send chunk %s: %d results for %d messages", key, len(results), len(messages))
	}
	return results, nil
}
