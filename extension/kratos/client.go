package kratos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// DefaultSessionCookie is the name that Kratos gives its session cookie unless it is configured otherwise.
const DefaultSessionCookie = "ory_kratos_session"

// defaultTimeout bounds one call. A settings submit may wait three seconds for a guard hook that is down and fifteen for
// a breached-password service that does not answer, so the bound lies above their sum.
const defaultTimeout = 20 * time.Second

// idleConnections is how many connections to each API are kept open: one for every request that is relayed at once on a
// busy day, so that a page does not pay for a new connection.
const idleConnections = 64

// Options say where Kratos is.
type Options struct {
	PublicURL     string            // base URL of the public API, as Paperplane reaches it
	AdminURL      string            // base URL of the administration API, without /admin
	SessionCookie string            // name of Kratos' session cookie; empty means DefaultSessionCookie
	HTTPTimeout   time.Duration     // of one call; zero means 20 seconds
	Transport     http.RoundTripper // for tests; nil means a connection pool of its own
}

// Client talks to one Kratos. It is safe for use by many goroutines and holds nothing of any person.
type Client struct {
	admin         *ory.APIClient
	public        *ory.APIClient
	http          *http.Client // for what the Ory client has no method for
	publicURL     string
	sessionCookie string
}

// New makes a client. It does not call Kratos; Ready does. The error tells every option that is wrong.
func New(options Options) (*Client, error) {
	if err := errors.Join(checkURL("PublicURL", options.PublicURL), checkURL("AdminURL", options.AdminURL)); err != nil {
		return nil, fmt.Errorf("make Kratos client: %w", err)
	}
	if options.SessionCookie == "" {
		options.SessionCookie = DefaultSessionCookie
	}
	if options.HTTPTimeout == 0 {
		options.HTTPTimeout = defaultTimeout
	}
	if options.Transport == nil {
		// No proxy from the environment: requests carry people's cookies, and Kratos stands beside us.
		options.Transport = &http.Transport{
			MaxIdleConns:        2 * idleConnections,
			MaxIdleConnsPerHost: idleConnections,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
		}
	}
	client := &http.Client{
		Transport: relay{next: options.Transport},
		Timeout:   options.HTTPTimeout,
		// Kratos' redirects are meant for browsers, and following one would lose its cookies.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{
		admin:         apiClient(client, strings.TrimSuffix(options.AdminURL, "/")),
		public:        apiClient(client, strings.TrimSuffix(options.PublicURL, "/")),
		http:          client,
		publicURL:     strings.TrimSuffix(options.PublicURL, "/"),
		sessionCookie: options.SessionCookie,
	}, nil
}

func apiClient(client *http.Client, base string) *ory.APIClient {
	configuration := ory.NewConfiguration()
	configuration.Servers = ory.ServerConfigurations{{URL: base}}
	configuration.HTTPClient = client
	configuration.UserAgent = "paperplane"
	return ory.NewAPIClient(configuration)
}

func checkURL(option, text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("%s must be an http or https URL without credentials and query", option)
	}
	return nil
}

// Ready tells whether Kratos can do our work: the administration API reads from its database, and the public API knows
// the identity schema SchemaID. The error is an *extension.TroubleError unless ctx was cancelled.
func (c *Client) Ready(ctx context.Context) error {
	if err := c.checkDatabase(ctx); err != nil {
		return fmt.Errorf("ask Kratos whether it is ready: %w", err)
	}
	return c.checkSchema(ctx)
}

// checkDatabase makes sure that Kratos reads from its database.
func (c *Client) checkDatabase(ctx context.Context) error {
	_, err := answered(c.admin.IdentityAPI.ListIdentities(ctx).PageSize(1).Execute())
	return err
}

// checkSchema makes sure that Kratos knows our schema. Without it Kratos refuses every single address, as if the
// addresses were at fault.
func (c *Client) checkSchema(ctx context.Context) error {
	_, err := answered(c.public.IdentityAPI.GetIdentitySchema(ctx, SchemaID).Execute())
	if errors.Is(err, extension.ErrNotFound) {
		return &extension.TroubleError{Sentence: `Ory Kratos has no identity schema "` + SchemaID + `": use the configuration that "paperplane kratos config" prints.`}
	}
	if err != nil {
		return fmt.Errorf("ask Kratos for the identity schema: %w", err)
	}
	return nil
}
