package upstream

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"knot-resolver/internal/limits"
)

// Options of a Client.
type Options struct {
	// Pipeline is the most unanswered queries on one connection; 0 means limits.StreamPipeline.
	Pipeline int
	// Streams is the most connections, to all servers; 0 means limits.UpstreamStreams.
	Streams int
}

// Client asks servers. It is safe for concurrent use.
type Client struct {
	network  Network
	streams  *pool
	scratch  sync.Pool // of *exchange
	counters counters
}

// New returns a Client that goes out through network. Close it to end its connections.
func New(network Network, o Options) *Client {
	if o.Pipeline <= 0 {
		o.Pipeline = limits.StreamPipeline
	}
	if o.Streams <= 0 {
		o.Streams = limits.UpstreamStreams
	}
	return &Client{
		network: network,
		streams: newPool(network, o),
		scratch: sync.Pool{New: func() any { return new(exchange) }},
	}
}

// Go runs f, which asks in the background: for longer than any caller waits. Its context ends when the client is closed.
func (c *Client) Go(f func(context.Context)) {
	c.streams.mu.Lock()
	defer c.streams.mu.Unlock()
	if ctx := c.streams.ctx; ctx.Err() == nil {
		c.streams.running.Go(func() { f(ctx) })
	}
}

// Close closes all connections; exchanges on them end with ErrShutdown. It returns when
// their goroutines and those in the background are gone.
func (c *Client) Close() error {
	c.streams.close()
	return nil
}

// Ask does one exchange with a server: q over UDP, then at most once over TCP when the UDP
// answer is truncated, has the wrong case, or packets that did not match suggest a forger;
// or over TCP or TLS alone, when q says so.
//
// It charges b for every message and connection before it is made, and for the bytes of
// what it accepts. The error is an *Error, or a *limits.Exceeded from b.
func (c *Client) Ask(ctx context.Context, server netip.AddrPort, q Query, b *limits.Budget) (*Reply, error) {
	reply, err := c.ask(ctx, server, q, b)
	c.counters.count(reply, err)
	return reply, err
}

func (c *Client) ask(ctx context.Context, server netip.AddrPort, q Query, b *limits.Budget) (*Reply, error) {
	server = unmap(server)
	if !Usable(server, AddressOptions{QueryLoopback: true}) {
		return nil, &Error{Server: server, Transport: q.transport(), Kind: ErrForbidden}
	}
	if q.transport() != UDP {
		return c.askStreams(ctx, server, &q, b)
	}
	outcome := c.askUDP(ctx, server, &q, b)
	if outcome.next == NotDegraded {
		return outcome.reply, outcome.err
	}
	reply, err := c.askStreams(ctx, server, &q, b)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.After, e.NearMisses = outcome.next, outcome.nearMisses
		}
		return nil, err
	}
	reply.Degraded, reply.NearMisses = outcome.next, outcome.nearMisses
	return reply, nil
}
