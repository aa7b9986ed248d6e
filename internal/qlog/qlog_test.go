package qlog

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	"google.golang.org/protobuf/proto"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
)

// receive accepts one sender on the socket and passes its messages on until it leaves.
func receive(t *testing.T, path string) <-chan *dnstap.Dnstap {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	frames := make(chan *dnstap.Dnstap, 100)
	go func() {
		defer close(frames)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r, err := framestream.NewReader(conn, &framestream.ReaderOptions{ContentTypes: [][]byte{dnstap.FSContentType}, Bidirectional: true})
		if err != nil {
			t.Error(err)
			return
		}
		for b := make([]byte, 70000); ; {
			n, err := r.ReadFrame(b)
			if err != nil {
				return
			}
			d := new(dnstap.Dnstap)
			if err := proto.Unmarshal(b[:n], d); err != nil {
				t.Error(err)
			}
			frames <- d
		}
	}()
	return frames
}

// answering says "answer" at once, or only when it may block.
type answering struct{ blocks bool }

func (a answering) Inline(dst []byte, _ *server.Request) ([]byte, bool) {
	return append(dst, "answer"...), !a.blocks
}

func (a answering) Resolve(_ context.Context, dst []byte, _ *server.Request) []byte {
	return append(dst, "late answer"...)
}

func request(transport server.Transport, client, local string) *server.Request {
	return &server.Request{
		Raw: []byte("query"), Client: netip.MustParseAddrPort(client), Local: netip.MustParseAddrPort(local), Transport: transport,
		RTT: func() (time.Duration, bool) { return 1500 * time.Microsecond, transport != server.UDP },
	}
}

func TestTap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tap")
	tap := New(Options{Socket: path, Queries: true, Responses: true, TCPRTT: true, Version: "1", Log: slog.New(slog.DiscardHandler)})
	udp := request(server.UDP, "192.0.2.1:4000", "192.0.2.53:53")
	tcp := request(server.TCP, "[2001:db8::1]:4000", "[2001:db8::53]:53")
	before := time.Now()
	tap.Handler(answering{}).Inline(nil, udp) // nobody is there yet
	tap.Handler(answering{blocks: true}).Inline(nil, tcp)
	tap.Handler(answering{blocks: true}).Resolve(t.Context(), nil, tcp)
	frames := receive(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { tap.Run(ctx); close(ended) }()
	for i, want := range []string{
		"CLIENT_QUERY INET UDP 192.0.2.1:4000 192.0.2.53:53 query  ",
		"CLIENT_RESPONSE INET UDP 192.0.2.1:4000 192.0.2.53:53  answer ",
		"CLIENT_QUERY INET6 TCP 2001:db8::1:4000 2001:db8::53:53 query  rtt=1500\n",
		"CLIENT_RESPONSE INET6 TCP 2001:db8::1:4000 2001:db8::53:53  late answer ",
	} {
		d := <-frames
		m := d.GetMessage()
		got := fmt.Sprintf("%v %v %v %v:%d %v:%d %s %s %s", m.GetType(), m.GetSocketFamily(), m.GetSocketProtocol(),
			net.IP(m.GetQueryAddress()), m.GetQueryPort(), net.IP(m.GetResponseAddress()), m.GetResponsePort(), m.GetQueryMessage(), m.GetResponseMessage(), d.GetExtra())
		if got != want || string(d.GetVersion()) != "knot-resolver 1" {
			t.Errorf("message %d: %q (version %s), expected %q", i, got, d.GetVersion(), want)
		}
		asked := time.Unix(int64(m.GetQueryTimeSec()), int64(m.GetQueryTimeNsec()))
		answered := time.Unix(int64(m.GetResponseTimeSec()), int64(m.GetResponseTimeNsec()))
		if asked.Before(before.Add(-time.Second)) || (i%2 == 1) != answered.After(before.Add(-time.Second)) {
			t.Errorf("message %d: asked at %v, answered at %v", i, asked, answered)
		}
	}
	tap.Handler(answering{}).Inline(nil, udp)
	cancel()
	<-ended
	if n := len(frames); n < 2 {
		for range frames {
			n++
		}
	}
	if m := tap.Metrics(); m["sent"] != uint64(6) || m["dropped"] != uint64(0) {
		t.Errorf("%v", m)
	}
}

// Without being told to, it says who asked, but not what.
func TestTapWithoutMessages(t *testing.T) {
	tap := New(Options{Version: "1"})
	tap.Handler(answering{}).Inline(nil, request(server.TCP, "192.0.2.1:4000", "192.0.2.53:53"))
	for range 2 {
		frame, err := (<-tap.events).encode("1")
		if err != nil {
			t.Fatal(err)
		}
		d := new(dnstap.Dnstap)
		if err := proto.Unmarshal(frame, d); err != nil {
			t.Fatal(err)
		}
		if m := d.GetMessage(); m.GetQueryMessage() != nil || m.GetResponseMessage() != nil || d.GetExtra() != nil || m.GetQueryPort() != 4000 {
			t.Errorf("%v", d)
		}
	}
}

// A receiver that does not take anything costs messages, and neither time nor memory; the end does not wait for it.
func TestStalledReceiver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tap")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tap := New(Options{Socket: path, Responses: true, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { tap.Run(ctx); close(ended) }()
	h := tap.Handler(answering{})
	req := request(server.UDP, "192.0.2.1:4000", "192.0.2.53:53")
	for range limits.TapBacklog {
		h.Inline(nil, req)
	}
	if tap.dropped.Load() == 0 {
		t.Error("nothing was dropped")
	}
	cancel()
	<-ended
	os.Remove(path)
}

// long says the longest answer there is.
type long struct{ answering }

func (long) Inline(dst []byte, _ *server.Request) ([]byte, bool) {
	return append(dst, make([]byte, 65535)...), true
}

// MG-17: long answers that wait for a receiver take no more memory than short ones, and make room for others when they are sent.
func TestMG17LongAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tap")
	tap := New(Options{Socket: path, Queries: true, Responses: true, Log: slog.New(slog.DiscardHandler)})
	h := tap.Handler(long{})
	req := request(server.TCP, "192.0.2.1:4000", "192.0.2.53:53")
	for range limits.TapBacklog / 4 {
		h.Inline(nil, req)
	}
	held, dropped := tap.waiting.Load(), tap.dropped.Load()
	if held > limits.TapBytes || held < limits.TapBytes/2 || dropped == 0 {
		t.Errorf("%d bytes wait, %d events were dropped", held, dropped)
	}
	frames := receive(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { tap.Run(ctx); close(ended) }()
	for range limits.TapBacklog/2 - dropped {
		<-frames
	}
	cancel()
	<-ended
	if held := tap.waiting.Load(); held != 0 {
		t.Errorf("%d bytes wait when all is sent", held)
	}
}
