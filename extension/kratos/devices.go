package kratos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// Devices lists the live sessions of the browser's identity, its own first and the others as Kratos orders them: the
// newest first, and no more than the 500 newest, while EndOtherDevices ends all. ErrNoSession says that the browser has none.
func (c *Client) Devices(ctx context.Context, browser extension.Browser) ([]extension.Device, error) {
	if !c.carriesSession(browser) {
		return nil, fmt.Errorf("list sessions: %w", extension.ErrNoSession)
	}
	current, err := answered(c.public.FrontendAPI.ToSession(as(ctx, browser)).Execute())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", c.doubt(ctx, err))
	}
	others, err := answered(c.public.FrontendAPI.ListMySessions(as(ctx, browser)).PerPage(listSize).Execute())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", c.doubt(ctx, err))
	}
	own := deviceOf(*current)
	own.Current = true
	devices := []extension.Device{own}
	for _, other := range others {
		devices = append(devices, deviceOf(other))
	}
	return devices, nil
}

// EndSessionsBut ends all sessions of an identity except these. Having none, or no such identity, is success.
func (c *Client) EndSessionsBut(ctx context.Context, id extension.IdentityID, keep []extension.SessionID) error {
	for {
		// Kratos keeps sessions that have ended, and a list is one page: whoever signs in often enough must hide none behind it.
		sessions, err := answered(c.admin.IdentityAPI.ListIdentitySessions(ctx, string(id)).Active(true).PageSize(listSize).Execute())
		if err != nil && !errors.Is(err, extension.ErrNotFound) {
			return fmt.Errorf("list sessions of identity %s: %w", id, err)
		}
		others := slices.DeleteFunc(sessions, func(s ory.Session) bool { return slices.Contains(keep, extension.SessionID(s.Id)) })
		if len(others) == 0 {
			return nil
		}
		for _, session := range others {
			response, err := c.admin.IdentityAPI.DisableSession(ctx, session.Id).Execute()
			if err := translate(err, response); err != nil && !errors.Is(err, extension.ErrNotFound) {
				return fmt.Errorf("end a session of identity %s: %w", id, err)
			}
		}
	}
}

// deviceOf tells where a session was last confirmed from: Kratos notes the device of every step.
func deviceOf(session ory.Session) extension.Device {
	device := extension.Device{
		Session: extension.SessionID(session.Id), SignedIn: session.GetAuthenticatedAt(), Expires: session.GetExpiresAt(),
	}
	if last := len(session.Devices) - 1; last >= 0 {
		device.UserAgent, device.IP = session.Devices[last].GetUserAgent(), withoutPort(session.Devices[last].GetIpAddress())
	}
	return device
}

// withoutPort is the address alone: v26 notes the connection's port with it.
func withoutPort(address string) string {
	if withPort, err := netip.ParseAddrPort(address); err == nil {
		return withPort.Addr().String()
	}
	return strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
}

// EndDevice ends one of the other sessions of the browser's identity. One that has ended already is fine, and so is one of
// somebody else's, which stays. ErrConflict says that it is the browser's own, which Logout ends, ErrNoSession that the
// browser has none.
func (c *Client) EndDevice(ctx context.Context, browser extension.Browser, id extension.SessionID) error {
	if !c.carriesSession(browser) {
		return fmt.Errorf("end session: %w", extension.ErrNoSession)
	}
	if _, err := extension.ParseID[extension.SessionID](string(id)); err != nil {
		return fmt.Errorf("end session: %w", extension.ErrNotFound)
	}
	response, err := c.public.FrontendAPI.DisableMySession(as(ctx, browser), string(id)).Execute()
	if err != nil && response != nil && response.StatusCode == http.StatusBadRequest {
		return fmt.Errorf("end session: it is the browser's own: %w", extension.ErrConflict)
	}
	if err := translate(err, response); err != nil && !errors.Is(err, extension.ErrNotFound) {
		return fmt.Errorf("end session: %w", c.doubt(ctx, err))
	}
	return nil
}

// EndOtherDevices ends every session of the browser's identity but its own. ErrNoSession says that it has none.
func (c *Client) EndOtherDevices(ctx context.Context, browser extension.Browser) error {
	if !c.carriesSession(browser) {
		return fmt.Errorf("end other sessions: %w", extension.ErrNoSession)
	}
	if _, err := answered(c.public.FrontendAPI.DisableMyOtherSessions(as(ctx, browser)).Execute()); err != nil {
		return fmt.Errorf("end other sessions: %w", c.doubt(ctx, err))
	}
	return nil
}
