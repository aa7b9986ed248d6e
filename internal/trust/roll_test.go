package trust_test

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/trust"
	"knot-resolver/internal/upstream"
	"knot-resolver/internal/worker"
)

// rollingRoot is a root server whose keys change. It signs its answers when it gives them.
type rollingRoot struct {
	t    *testing.T
	keys map[string]*rootKey

	mu        sync.Mutex
	published []string // names of keys; -name is revoked
	signers   []string // of published
	asked     map[uint16]int
	signalled string // the last name asked for with type NULL
}

type rootKey struct {
	miekg.DNSKEY
	secret crypto.Signer
}

func newRollingRoot(t *testing.T, names ...string) *rollingRoot {
	r := &rollingRoot{t: t, keys: map[string]*rootKey{}, asked: map[uint16]int{}}
	for _, name := range names {
		k := &rootKey{DNSKEY: miekg.DNSKEY{Hdr: miekg.RR_Header{Name: ".", Rrtype: miekg.TypeDNSKEY, Class: miekg.ClassINET, Ttl: 2 * 86400},
			Flags: 257, Protocol: 3, Algorithm: miekg.ED25519}}
		secret, err := k.Generate(256)
		if err != nil {
			t.Fatal(err)
		}
		k.secret = secret.(crypto.Signer)
		r.keys[name] = k
	}
	return r
}

// publish sets the keys in the DNSKEY set. All that are not revoked sign, if signers does not say otherwise.
func (r *rollingRoot) publish(keys, signers string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published, r.signers = strings.Fields(keys), strings.Fields(signers)
	if signers == "" {
		r.signers = r.published
	}
}

func (r *rollingRoot) tag(name string) uint16 { return r.keys[name].KeyTag() }

// key returns a key as published.
func (r *rollingRoot) key(name string) *rootKey {
	k := *r.keys[strings.TrimPrefix(name, "-")]
	if name[0] == '-' {
		k.Flags |= miekg.REVOKE
	}
	return &k
}

func (r *rollingRoot) sign(rrs []miekg.RR, names []string) []miekg.RR {
	out := rrs
	for _, name := range names {
		k := r.key(name)
		sig := &miekg.RRSIG{Hdr: miekg.RR_Header{Ttl: rrs[0].Header().Ttl}, KeyTag: k.KeyTag(), SignerName: ".", Algorithm: k.Algorithm,
			Inception: uint32(time.Now().Add(-time.Hour).Unix()), Expiration: uint32(time.Now().Add(20 * 24 * time.Hour).Unix())}
		if err := sig.Sign(k.secret, rrs); err != nil {
			r.t.Error(err)
		}
		out = append(out, sig)
	}
	return out
}

// Answer implements [memnet.Server].
func (r *rollingRoot) Answer(_ string, query []byte) [][]byte {
	q, m := new(miekg.Msg), new(miekg.Msg)
	if err := q.Unpack(query); err != nil {
		r.t.Error(err)
		return nil
	}
	m.SetReply(q).SetEdns0(1232, true)
	m.Authoritative = true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[q.Question[0].Qtype]++
	switch q.Question[0].Qtype {
	case miekg.TypeDNSKEY:
		var set []miekg.RR
		for _, name := range r.published {
			set = append(set, &r.key(name).DNSKEY)
		}
		m.Answer = r.sign(set, r.signers)
	case miekg.TypeA:
		set := []miekg.RR{&miekg.A{Hdr: miekg.RR_Header{Name: q.Question[0].Name, Rrtype: miekg.TypeA, Class: miekg.ClassINET, Ttl: 5}, A: []byte{192, 0, 2, 7}}}
		lower := miekg.Copy(set[0])
		lower.Header().Name = strings.ToLower(lower.Header().Name)
		m.Answer = append(set, r.sign([]miekg.RR{lower}, r.signers[len(r.signers)-1:])[1:]...)
	case miekg.TypeNULL:
		r.signalled = strings.ToLower(q.Question[0].Name)
		m.Rcode = miekg.RcodeNameError
	}
	raw, err := m.Pack()
	if err != nil {
		r.t.Error(err)
	}
	return [][]byte{raw}
}

func (r *rollingRoot) count(t uint16) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[t]
}

// play makes a bubble with a rolling root that publishes key a, trusted by a file, and a worker that asks it.
func play(t *testing.T, f func(t *testing.T, r *rollingRoot, w *worker.Worker, file string)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRollingRoot(t, "a", "b", "c")
		r.publish("a", "")
		file := filepath.Join(t.TempDir(), "root.keys")
		if err := os.WriteFile(file, []byte(r.keys["a"].ToDS(miekg.SHA256).String()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		network := memnet.New(1)
		network.Listen(netip.MustParseAddrPort("192.0.2.1:53"), r)
		client := upstream.New(network, upstream.Options{})
		defer client.Close()
		w := worker.New(worker.Options{UDPSize: 1232, Sentinel: true}, iterate.Options{
			Cache:  cache.New(mem.New(mem.Options{Size: 8 << 20, Merge: cache.Replaces}), cache.Options{TTLMin: time.Second, TTLMax: 24 * time.Hour}),
			Client: client, Stats: upstream.NewStats(nil, 0), Validator: dnssec.New(dnssec.Options{}), Log: discard(),
			RootHints: []cache.NS{{Name: dns.MustName("ns.invalid"), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}},
			IPv4:      true, SignalKeys: true, Minimise: true,
		})
		f(t, r, w, file)
	})
}

// keep runs a keeper for the file until the test ends or stop is called.
func keep(t *testing.T, w *worker.Worker, file string) (stop func()) {
	t.Helper()
	k, err := trust.Open(trust.Options{File: file, Validator: dnssec.New(dnssec.Options{}), Log: discard(), Fetch: w.DNSKEY, Switch: w.SetAnchor})
	if err != nil {
		t.Fatal(err)
	}
	w.SetAnchor(k.Anchor())
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() { k.Run(ctx) })
	t.Cleanup(wg.Wait)
	return cancel
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// collect is a Switch that takes down key tags.
func collect(c chan<- string) func(dnssec.Anchor) {
	return func(a dnssec.Anchor) { c <- fmt.Sprint(a.Tags()) }
}

func sorted(tags ...uint16) []uint16 {
	slices.Sort(tags)
	return tags
}
