package kratos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ory "github.com/ory/client-go"
)

// templateSecondFactor begins the types of Kratos' messages that hold a code of the second step.
const templateSecondFactor = "login_code"

// CodeLifetime is how long a code of Kratos' works in the generated configuration.
const CodeLifetime = 15 * time.Minute

// CodeSent tells whether Kratos has made a code of the second step for an e-mail address or a mobile in E.164 that can
// still work: one within CodeLifetime, by the clocks of machines and none that a caller hands in. It tells where a code can
// have come from that was typed correctly after a wrong one: by then Kratos' flow shows whatever address the browser
// claimed.
func (c *Client) CodeSent(ctx context.Context, address string) (bool, error) {
	since := time.Now().Add(-CodeLifetime)
	messages, err := answered(c.admin.CourierAPI.ListCourierMessages(ctx).Recipient(identifier(address)).PageSize(listSize).Execute())
	if err != nil {
		return false, fmt.Errorf("list codes sent: %w", err)
	}
	return slices.ContainsFunc(messages, func(message ory.Message) bool {
		return strings.HasPrefix(message.TemplateType, templateSecondFactor) && !message.CreatedAt.Before(since)
	}), nil
}
