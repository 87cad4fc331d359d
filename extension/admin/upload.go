package admin

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/recognise"
	"paperplane/extension/web"
)

// withFile puts the text of a posted file into the place of the typed text. It tells what it has done, or why it could
// not. A text that was typed is never overwritten.
func withFile(c *fiber.Ctx, input typed) (with typed, told string, faults []extension.FieldError) {
	refuse := func(sentence string) (typed, string, []extension.FieldError) {
		return input, "", []extension.FieldError{{Field: "file", Message: sentence}}
	}
	header, err := c.FormFile("file")
	if err != nil || header.Filename == "" {
		if web.Posted(c, "press") == "upload" {
			return refuse("Choose a file first, then press Read the file.")
		}
		return input, "", nil
	}
	if strings.TrimSpace(input.text) != "" {
		return refuse("The file was not read, because the field holds text already. Empty the field, then choose the file again.")
	}
	content, err := contentOf(header)
	if err != nil {
		return refuse("The file could not be read. Choose it again.")
	}
	text, sentence := textOf(content)
	if sentence != "" {
		return refuse(sentence)
	}
	input.text = text
	return input, "The file was read into the field. Nothing is sent yet.", nil
}

func contentOf(header *multipart.FileHeader) ([]byte, error) {
	file, err := header.Open()
	if err != nil {
		return nil, fmt.Errorf("open posted file: %w", err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read posted file: %w", err)
	}
	return content, nil
}

// textOf turns a file into text for the field, or says why it cannot be used.
func textOf(content []byte) (text, fault string) {
	text, refused := recognise.Decode(content)
	if refused == "" {
		refused = recognise.CheckFile(text)
	}
	switch {
	case refused != "":
		return "", refused.Sentence()
	case strings.TrimSpace(text) == "":
		return "", "The file is empty."
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if len(text) > invite.MaxPaste {
		return "", invite.TooMuch()
	}
	return text, ""
}

// readFile answers the script of the invite page, which puts the text of a file into the field. The body is the file as
// it stands.
func (p *Pages) readFile(c *fiber.Ctx, _ visit) error {
	text, fault := textOf(c.Body())
	if fault != "" {
		c.Status(http.StatusUnprocessableEntity)
	}
	return c.JSON(fiber.Map{"text": text, "fault": fault})
}

// tableTemplate is an empty table with the columns that are read.
func (p *Pages) tableTemplate(c *fiber.Ctx, _ visit) error {
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="invite-users.csv"`)
	return c.SendString(byteOrderMark + "Email,Service area,Role\r\n")
}

// fixOf is the value of the button that takes an offered address: what stands in the text, and what is to stand there.
func fixOf(from, to string) string { return url.Values{"from": {from}, "to": {to}}.Encode() }

// fixAddress takes an offered address. Only the text of the form changes.
func (p *Pages) fixAddress(c *fiber.Ctx, view inviteView) error {
	fix, err := url.ParseQuery(web.Posted(c, "fix"))
	if err != nil {
		return p.showInvite(c, http.StatusOK, view)
	}
	text, found := recognise.Replace(view.typed.text, fix.Get("from"), fix.Get("to"))
	if !found {
		view.faults = []extension.FieldError{{
			Field: "addresses", Message: "“" + fix.Get("from") + "” was not found in the text as it stands, so nothing was changed. Change it by hand.",
		}}
		return p.showInvite(c, http.StatusUnprocessableEntity, view)
	}
	view.typed.text = text
	view.told = "“" + fix.Get("from") + "” is now “" + fix.Get("to") + "”. Nothing is sent yet."
	return p.showInvite(c, http.StatusOK, view)
}
