package control

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/config"
)

// stub is a worker that fails whatever has to do with "bad".
type stub struct {
	updated Version
	forgot  bool
}

func (*stub) Status() Status                                    { return Status{Worker: 1, PID: 9, Version: 2} }
func (*stub) Metrics() map[string]any                           { return map[string]any{"answer": map[string]any{"total": 1}} }
func (*stub) TestPolicy(q PolicyQuery) (json.RawMessage, error) { return json.Marshal(q) }
func (*stub) Explain(_ context.Context, name, rrtype string) (json.RawMessage, error) {
	if name == "bad" {
		return nil, &BadRequest{errors.New("bad name")}
	}
	return json.Marshal(name + "/" + rrtype)
}
func (*stub) ClearCache(_ context.Context, what CacheClear) (CacheCleared, error) {
	return CacheCleared{Count: what.ChunkSize}, nil
}
func (s *stub) Forget()                      { s.forgot = true }
func (s *stub) Update(v Version) error       { s.updated = v; return nil }
func (*stub) Alive(context.Context) error    { return errors.New("stuck") }
func (*stub) SelfTest(context.Context) error { return errors.New("no answer") }

func TestWorkerOverHTTP(t *testing.T) {
	path := filepath.Join(shortDir(t), "w.sock")
	l, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	w := &stub{}
	server := NewServer(WorkerHandler(w), slog.New(slog.DiscardHandler))
	go server.Serve(l)
	defer server.Close()
	c, ctx := NewClient(path), context.Background()

	if s, err := c.Status(ctx); err != nil || s != w.Status() {
		t.Errorf("status %+v, %v", s, err)
	}
	if m, err := c.Metrics(ctx); err != nil || m.PID != 9 || string(m.Metrics) != `{"answer":{"total":1}}` {
		t.Errorf("metrics %+v, %v", m, err)
	}
	asked := PolicyQuery{"a b&c", "AAAA", "::1", "dot"}
	if p, err := c.TestPolicy(ctx, asked); err != nil || string(p) != `{"Name":"a b\u0026c","Type":"AAAA","Client":"::1","Protocol":"dot"}` {
		t.Errorf("policy test %s, %v", p, err)
	}
	if e, err := c.Explain(ctx, "a b&c", "AAAA"); err != nil || string(e) != `"a b\u0026c/AAAA"` {
		t.Errorf("explain %s, %v", e, err)
	}
	var remote *RemoteError
	if _, err := c.Explain(ctx, "bad", ""); !errors.As(err, &remote) || remote.Status != 400 || remote.Text != "bad name" {
		t.Errorf("bad name: %v", err)
	}
	if r, err := c.ClearCache(ctx, CacheClear{ChunkSize: 4}); err != nil || string(r) != `{"count":4}` {
		t.Errorf("clear %s, %v", r, err)
	}
	if err := c.Forget(ctx); err != nil || !w.forgot {
		t.Errorf("forget: %v", err)
	}
	if err := c.SelfTest(ctx); !errors.As(err, &remote) || remote.Status != 500 || !strings.Contains(remote.Text, "no answer") {
		t.Errorf("self-test: %v", err)
	}
	v := version()
	if err := c.Update(ctx, v); err != nil || !reflect.DeepEqual(w.updated, v) {
		t.Errorf("update: %v\n%+v\n%+v", err, w.updated, v)
	}
}

// version has something in most kinds of fields, to see it survive the way.
func version() Version {
	return Version{Number: 7, Raw: json.RawMessage(`{"workers":2}`), Rules: 3, Config: config.Config{
		Rundir: "/run/x", Workers: 2,
		Network: config.Network{
			OutV4:  netip.MustParseAddr("192.0.2.1"),
			Listen: []config.Listen{{Addr: netip.MustParseAddr("fe80::1%eth0"), Port: 53, Kind: config.KindDNS}},
		},
		Cache:     config.Cache{TTLMin: 5 * time.Second, SizeMax: 1 << 40},
		LocalData: config.LocalData{Addresses: []config.LocalAddress{{Name: "a.", Addrs: []netip.Addr{netip.MustParseAddr("::1")}}}},
	}}
}
