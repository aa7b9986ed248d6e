package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"knot-resolver/internal/limits"
)

// RemoteError is an answer that is not a success.
type RemoteError struct {
	Status int    // HTTP status
	Text   string // body of the answer
}

// Error returns what the other side said.
func (e *RemoteError) Error() string { return e.Text }

// Client asks one worker. It keeps no connection open, so that a replaced
// worker is reached at once.
type Client struct {
	http http.Client
}

// NewClient returns a client of the worker's control socket at path.
func NewClient(path string) *Client {
	return &Client{http.Client{
		Timeout: limits.ControlRequest,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", path)
			},
		},
	}}
}

// Status asks the worker what it runs.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.do(ctx, http.MethodGet, "/status", nil, &s)
}

// Alive fails when a socket of the worker is not served, or the worker does not answer.
func (c *Client) Alive(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/alive", nil, nil)
}

// Metrics asks for the worker's counters.
func (c *Client) Metrics(ctx context.Context) (m Counted, err error) {
	return m, c.do(ctx, http.MethodGet, "/metrics", nil, &m)
}

// Explain asks the worker to resolve a name and to tell how.
func (c *Client) Explain(ctx context.Context, name, rrtype string) (trace json.RawMessage, err error) {
	q := url.Values{"name": {name}, "type": {rrtype}}
	return trace, c.do(ctx, http.MethodGet, "/explain?"+q.Encode(), nil, &trace)
}

// TestPolicy asks the worker what its rules would do to a query.
func (c *Client) TestPolicy(ctx context.Context, p PolicyQuery) (report json.RawMessage, err error) {
	q := url.Values{"name": {p.Name}, "type": {p.Type}, "client": {p.Client}, "proto": {p.Protocol}}
	return report, c.do(ctx, http.MethodGet, "/policy/test?"+q.Encode(), nil, &report)
}

// ClearCache asks the worker to remove records from the cache.
func (c *Client) ClearCache(ctx context.Context, what CacheClear) (r json.RawMessage, err error) {
	return r, c.do(ctx, http.MethodPost, "/cache/clear", what, &r)
}

// Forget makes the worker drop what it keeps in memory of the shared cache.
func (c *Client) Forget(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/cache/forget", nil, nil)
}

// Update switches the worker to another version.
func (c *Client) Update(ctx context.Context, v Version) error {
	return c.do(ctx, http.MethodPost, "/version", v, nil)
}

// SelfTest makes the worker answer a question of its own.
func (c *Client) SelfTest(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/selftest", nil, nil)
}

// do makes one request; body and result may be nil.
func (c *Client) do(ctx context.Context, method, path string, body, result any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("control: %s: %w", path, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://worker"+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("control: %s: %w", path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(io.LimitReader(resp.Body, limits.ControlFrame))
	if err != nil {
		return fmt.Errorf("control: %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return &RemoteError{resp.StatusCode, strings.TrimSpace(string(text))}
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(text, result); err != nil {
		return fmt.Errorf("control: %s: %w", path, err)
	}
	return nil
}
