package submission

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"

	"paperplane/tools/mailbox"
)

// parse reads a message (RFC 5322) with a plain text, an HTML document or both (RFC 2046 §5.1.4).
func parse(r io.Reader) (mailbox.Message, error) {
	read, err := netmail.ReadMessage(r)
	if err != nil {
		return mailbox.Message{}, fmt.Errorf("read header: %w", err)
	}
	message := mailbox.Message{Channel: mailbox.Email, Headers: map[string]string{}}
	for name, values := range read.Header {
		value, err := new(mime.WordDecoder).DecodeHeader(values[0])
		if err != nil || len(values) > 1 {
			return mailbox.Message{}, fmt.Errorf("header %s is there %d times or cannot be decoded", name, len(values))
		}
		message.Headers[name] = value
	}
	message.ID = strings.Trim(message.Headers["Message-Id"], "<>")
	message.From, message.Subject = message.Headers["From"], message.Headers["Subject"]
	if reply := message.Headers["Reply-To"]; reply != "" {
		message.ReplyTo = []string{reply}
	}
	err = parsePart(&message, read.Header.Get("Content-Type"), read.Header.Get("Content-Transfer-Encoding"), read.Body)
	return message, err
}

func parsePart(message *mailbox.Message, contentType, encoding string, body io.Reader) error {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("read content type: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		return parseParts(message, multipart.NewReader(body, parameters["boundary"]))
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read %s: %w", kind, err)
	}
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	if kind == "text/html" {
		message.HTML = text
	} else {
		message.Text = text
	}
	return nil
}

func parseParts(message *mailbox.Message, parts *multipart.Reader) error {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read part: %w", err)
		}
		if err := parsePart(message, part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part); err != nil {
			return err
		}
	}
}
