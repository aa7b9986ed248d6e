package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/supervisor/xmlrpc"
)

// Client calls a supervisor, built-in or real. Its methods may be used
// concurrently; refused calls return a *Fault.
type Client struct{ http *http.Client }

// NewClient returns a client of the supervisor listening on a Unix socket.
// Nothing is connected yet.
func NewClient(socketPath string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socketPath)
	}
	// One connection a call: the real supervisord closes idle ones at odd
	// moments, and a call is never repeated by itself.
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// GetAllProcessInfo lists all processes, ordered by group and name.
func (c *Client) GetAllProcessInfo(ctx context.Context) ([]Info, error) {
	result, err := c.call(ctx, "getAllProcessInfo")
	if err != nil {
		return nil, err
	}
	list, ok := result.([]any)
	if !ok {
		return nil, fmt.Errorf("getAllProcessInfo: result is %T", result)
	}
	infos := make([]Info, len(list))
	for i, item := range list {
		if infos[i], err = infoFromWire(item); err != nil {
			return nil, fmt.Errorf("getAllProcessInfo: entry %d: %w", i, err)
		}
	}
	return infos, nil
}

// GetProcessInfo describes one process.
func (c *Client) GetProcessInfo(ctx context.Context, name string) (Info, error) {
	result, err := c.call(ctx, "getProcessInfo", name)
	if err != nil {
		return Info{}, err
	}
	info, err := infoFromWire(result)
	if err != nil {
		return Info{}, fmt.Errorf("getProcessInfo %s: %w", name, err)
	}
	return info, nil
}

// StartProcess starts a process. With wait it returns when the process is
// RUNNING or has failed to get there, without it once the process is launched.
func (c *Client) StartProcess(ctx context.Context, name string, wait bool) error {
	_, err := c.call(ctx, "startProcess", name, wait)
	return err
}

// StopProcess stops a process. With wait it returns when the process is gone.
func (c *Client) StopProcess(ctx context.Context, name string, wait bool) error {
	_, err := c.call(ctx, "stopProcess", name, wait)
	return err
}

// SignalProcess sends a signal to a process.
func (c *Client) SignalProcess(ctx context.Context, name string, sig syscall.Signal) error {
	_, err := c.call(ctx, "signalProcess", name, strconv.Itoa(int(sig)))
	return err
}

// Changes lists the process groups by which the configuration file differs from
// what the supervisor runs.
type Changes struct{ Added, Changed, Removed []string }

// ReloadConfig makes the supervisor read its configuration file again. Running
// groups keep their old configuration until removed and added again.
func (c *Client) ReloadConfig(ctx context.Context) (Changes, error) {
	result, err := c.call(ctx, "reloadConfig")
	if err != nil {
		return Changes{}, err
	}
	outer, _ := result.([]any)
	if len(outer) != 1 {
		return Changes{}, errors.New("reloadConfig: malformed result")
	}
	lists, _ := outer[0].([]any)
	if len(lists) != 3 {
		return Changes{}, errors.New("reloadConfig: malformed result")
	}
	return Changes{texts(lists[0]), texts(lists[1]), texts(lists[2])}, nil
}

// AddProcessGroup takes over a group of the configuration file last read, and
// starts its processes that are to start by themselves.
func (c *Client) AddProcessGroup(ctx context.Context, group string) error {
	_, err := c.call(ctx, "addProcessGroup", group)
	return err
}

// RemoveProcessGroup forgets a group whose processes are all stopped.
func (c *Client) RemoveProcessGroup(ctx context.Context, group string) error {
	_, err := c.call(ctx, "removeProcessGroup", group)
	return err
}

// Shutdown asks the supervisor to stop everything and to exit. It returns at once.
func (c *Client) Shutdown(ctx context.Context) error {
	_, err := c.call(ctx, "shutdown")
	return err
}

// GetState returns the supervisor's own state: 1 when running, below when it is
// restarting or shutting down; most supervisors then answer ShutdownState instead.
func (c *Client) GetState(ctx context.Context) (int, error) {
	result, err := c.call(ctx, "getState")
	if err != nil {
		return 0, err
	}
	members, _ := result.(map[string]any)
	code, ok := members["statecode"].(int)
	if !ok {
		return 0, errors.New("getState: malformed result")
	}
	return code, nil
}

// GetPID returns the supervisor's process id.
func (c *Client) GetPID(ctx context.Context) (int, error) {
	result, err := c.call(ctx, "getPID")
	if err != nil {
		return 0, err
	}
	pid, ok := result.(int)
	if !ok {
		return 0, errors.New("getPID: malformed result")
	}
	return pid, nil
}

func (c *Client) call(ctx context.Context, method string, params ...any) (any, error) {
	doc, err := xmlrpc.EncodeCall("supervisor."+method, params...)
	if err != nil {
		return nil, err
	}
	result, err := c.post(ctx, doc)
	var fault *xmlrpc.Fault
	if errors.As(err, &fault) {
		err = fromWire(fault)
	}
	if err != nil {
		return nil, fmt.Errorf("supervisor: %s %v: %w", method, params, err)
	}
	return result, nil
}

func (c *Client) post(ctx context.Context, doc []byte) (any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://supervisor/RPC2", bytes.NewReader(doc))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limits.SupervisorRPCBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > limits.SupervisorRPCBytes {
		return nil, fmt.Errorf("response longer than %d bytes", limits.SupervisorRPCBytes)
	}
	return xmlrpc.DecodeResponse(body)
}
