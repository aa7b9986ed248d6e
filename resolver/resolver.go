// Package resolver is a recursive, DNSSEC-validating DNS resolver as a library. It
// starts at the root servers, needs no other resolver, no cgo and no configuration:
//
//	r, err := resolver.New(resolver.Options{})
//	result, err := r.Resolve(ctx, "www.example.com", "AAAA")
//
// It is the engine of the Knot Resolver daemon.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/upstream"
)

// Network opens connections to DNS servers; see [Options]. DialUDP must return a
// connected socket with an unpredictable source port.
type Network interface {
	DialUDP(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
	DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
}

// Options of a Resolver. The zero value resolves the names of the Internet.
type Options struct {
	Network      Network      // nil: the sockets of this machine
	RootHints    string       // NS and address records of root servers as zone-file text; empty: the Internet's
	TrustAnchors string       // DS or DNSKEY records as zone-file text; empty: the Internet's root keys
	CacheBytes   int64        // size of the cache in memory; 0: 64 MiB
	NoIPv4       bool         // do not use IPv4 to reach servers
	NoIPv6       bool         // do not use IPv6 to reach servers
	Loopback     bool         // servers on loopback addresses may be asked
	Port         uint16       // of servers; 0: 53
	Log          *slog.Logger // nil: no log
}

// Resolver resolves names. It is safe for concurrent use.
type Resolver struct {
	engine *iterate.Engine
	client *upstream.Client
	store  cache.Store
}

// Result is the outcome of a resolution that came to an end, be it a denial.
type Result struct {
	RCode   string   // NOERROR, NXDOMAIN, SERVFAIL …
	Secure  bool     // validated by DNSSEC
	Records []string // the answer in zone-file format: aliases first
	EDE     int      // Extended DNS Error code (RFC 8914), -1 for none
	Reason  string   // why it failed or is not secure, in words
}

// ErrName is the error of malformed names and unknown types.
var ErrName = errors.New("resolver: bad name or type")

// New makes a Resolver.
func New(o Options) (*Resolver, error) {
	hints := iterate.BuiltinHints()
	if o.RootHints != "" {
		var err error
		if hints, err = iterate.ParseHints(o.RootHints, "RootHints"); err != nil {
			return nil, fmt.Errorf("resolver: %w", err)
		}
	}
	anchors := []dnssec.Anchor{dnssec.RootAnchor()}
	if o.TrustAnchors != "" {
		var err error
		if anchors, err = dnssec.ParseAnchors(o.TrustAnchors); err != nil {
			return nil, fmt.Errorf("resolver: %w", err)
		}
	}
	if o.Network == nil {
		o.Network = new(upstream.Sockets)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	r := &Resolver{client: upstream.New(o.Network, upstream.Options{})}
	r.store = mem.New(mem.Options{Size: o.CacheBytes, Merge: cache.Replaces})
	r.engine = iterate.New(iterate.Options{
		Cache:  cache.New(r.store, cache.Options{TTLMin: 5 * time.Second, TTLMax: 24 * time.Hour}),
		Client: r.client, Stats: upstream.NewStats(nil, 0),
		Validator: dnssec.New(dnssec.Options{SHA1: true}), Log: o.Log,
		RootHints: hints, Anchors: anchors, Minimise: true, Case0x20: true,
		IPv4: !o.NoIPv4, IPv6: !o.NoIPv6, UpstreamPort: o.Port,
		Addresses: upstream.AddressOptions{QueryLoopback: o.Loopback},
	})
	return r, nil
}

// Close ends connections to servers.
func (r *Resolver) Close() error { return errors.Join(r.client.Close(), r.store.Close()) }

// Resolve answers one question. The error is for malformed questions and for ctx having ended; a
// resolution that fails is a Result with RCode SERVFAIL and a Reason.
func (r *Resolver) Resolve(ctx context.Context, name, rrtype string) (*Result, error) {
	return r.resolve(ctx, name, rrtype, nil)
}

// Explain is Resolve with a report, as a tree for people, of what was done.
func (r *Resolver) Explain(ctx context.Context, w io.Writer, name, rrtype string) (*Result, error) {
	node, start := explain.New(), time.Now()
	result, err := r.resolve(ctx, name, rrtype, node)
	if err != nil {
		return nil, err
	}
	t := &explain.Trace{Name: name, Type: rrtype, Root: node.Root(), RCode: result.RCode, Secure: result.Secure,
		Reason: result.Reason, Answer: result.Records, Micros: time.Since(start).Microseconds()}
	return result, explain.Render(w, t)
}

func (r *Resolver) resolve(ctx context.Context, name, rrtype string, node *explain.Node) (*Result, error) {
	owner, err := dns.ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	t, ok := dns.ParseType(rrtype)
	if !ok || t.IsMeta() {
		return nil, fmt.Errorf("%w: type %q", ErrName, rrtype)
	}
	// Others may wait for this resolution, so it goes on, as long as it may take, when ctx ends.
	done := make(chan iterate.Outcome, 1)
	go func() {
		done <- r.engine.Resolve(context.WithoutCancel(ctx), iterate.Question{Name: owner.Lower(), Type: t}, new(limits.Budget), node)
	}()
	var out iterate.Outcome
	select {
	case out = <-done:
	case <-ctx.Done():
		return nil, fmt.Errorf("resolver: %s %s: %w", name, rrtype, context.Cause(ctx))
	}
	result := &Result{RCode: out.RCode.String(), Secure: out.Secure, EDE: -1, Reason: out.Reason}
	if out.EDE != dns.NoEDE {
		result.EDE = int(out.EDE)
	}
	for i := range out.Answer {
		result.Records = append(result.Records, explain.Records(&out.Answer[i])...)
	}
	return result, nil
}
