package kresctl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// The places looked at when nothing else is said.
const (
	defaultConfig = "/etc/knot-resolver/config.yaml"
	defaultSocket = "/run/knot-resolver/kres-api.sock"
)

// patience is how long the manager may take for an answer: a change with a
// large policy takes minutes.
const patience = 5 * time.Minute

// statusError is an answer other than success.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("status: %d\nbody:\n%s", e.status, strings.TrimSpace(e.body))
}

// call makes a request to the manager and returns the body of the answer. The
// request's body is v as JSON when it is not nil.
func (t *Tool) call(ctx context.Context, method, path string, v any) ([]byte, error) {
	e, err := t.endpoint()
	if err != nil {
		return nil, err
	}
	var body []byte
	if v != nil {
		if body, err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, e.base()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if v != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if e.token != "" {
		req.Header.Set("Authorization", "Bearer "+e.token)
	}
	client, err := e.client()
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, unreachable(e, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, unreachable(e, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{resp.StatusCode, string(answer)}
	}
	return answer, nil
}

// unreachable explains why the manager did not answer.
func unreachable(e endpoint, err error) error {
	reason := err.Error()
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "connection refused"
	case errors.Is(err, os.ErrNotExist):
		reason = "no such file"
	case errors.Is(err, os.ErrPermission):
		reason = "permission denied"
	case errors.As(err, &timeout) && timeout.Timeout():
		reason = fmt.Sprintf("no answer for %v", patience)
	}
	return fmt.Errorf("cannot talk to the manager: %s\n"+
		"  URL: %s\n  address: %s\n  from: %s\n"+
		"Is the resolver running? Does -s or -c name the right socket, and may this user open it?",
		reason, e.url(), e.addr, e.source)
}
