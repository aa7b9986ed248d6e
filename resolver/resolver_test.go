package resolver_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet"
	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/resolver"
)

// open makes a resolver of the miniature internet whose ways take delay.
func open(t *testing.T, delay time.Duration) *resolver.Resolver {
	t.Helper()
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	network := world.Memory(53)
	for _, s := range world.Servers() {
		network.SetLink(s.IP(), memnet.Link{Delay: delay})
	}
	return with(t, resolver.Options{Network: network, RootHints: world.RootHints(), TrustAnchors: world.TrustAnchor()})
}

func with(t *testing.T, o resolver.Options) *resolver.Resolver {
	t.Helper()
	o.Loopback = true
	r, err := resolver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNames asks for every name of the miniature internet.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, 0)
		defer r.Close()
		for _, e := range testnet.Names() {
			check(t, r, e)
		}
	})
}

func check(t *testing.T, r *resolver.Resolver, e testnet.Expectation) {
	typ := miekg.TypeToString[e.Type]
	result, err := r.Resolve(t.Context(), e.Name, typ)
	if err != nil {
		t.Errorf("%s: %v", e.Name, err)
		return
	}
	if result.RCode != miekg.RcodeToString[e.RCode] || result.Secure != e.AD || result.RCode == "SERVFAIL" && result.Reason == "" {
		t.Errorf("%s %s: %+v (%s)", e.Name, typ, result, e.Why)
	}
	if e.EDE != 0 && result.EDE != int(e.EDE) {
		t.Errorf("%s: EDE %d, want %d", e.Name, result.EDE, e.EDE)
	}
	if len(result.Records) != len(e.Want) && result.RCode == "NOERROR" && e.Type != miekg.TypeANY {
		t.Errorf("%s: %q, want %q", e.Name, result.Records, e.Want)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]resolver.Options{
		"hints":   {RootHints: "no zone file"},
		"no hint": {RootHints: "a.test. 60 IN A 192.0.2.1"},
		"anchors": {TrustAnchors: "no anchor"},
	} {
		if _, err := resolver.New(o); err == nil || !strings.HasPrefix(err.Error(), "resolver: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := resolver.New(resolver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestBadQuestions(t *testing.T) {
	r := open(t, 0)
	defer r.Close()
	for _, q := range [][2]string{{"", "A"}, {"a..b", "A"}, {"www.se", "NOTYPE"}, {"www.se", "AXFR"}, {"www.se", "OPT"}, {strings.Repeat("a", 64), "A"}} {
		if _, err := r.Resolve(t.Context(), q[0], q[1]); !errors.Is(err, resolver.ErrName) {
			t.Errorf("%q: %v", q, err)
		}
	}
}

func TestExplain(t *testing.T) {
	r := open(t, 0)
	defer r.Close()
	var b strings.Builder
	result, err := r.Explain(t.Context(), &b, "nothing.noproof.se", "A")
	if err != nil || result.RCode != "SERVFAIL" {
		t.Fatal(result, err)
	}
	for _, want := range []string{"SERVFAIL", result.Reason, "referral", "zone noproof.se.", "@127.77."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestImpatientCaller leaves early; who waits for the same name is not disturbed, nor is the name remembered as broken.
func TestImpatientCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, 50*time.Millisecond)
		defer r.Close()
		var group sync.WaitGroup
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if _, err := r.Resolve(ctx, "www.shop.com", "A"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		time.Sleep(time.Millisecond)
		group.Go(func() {
			if result, err := r.Resolve(t.Context(), "www.shop.com", "A"); err != nil || result.RCode != "NOERROR" || !result.Secure {
				t.Error(result, err)
			}
		})
		group.Wait()
	})
}

// TestSilence has servers that never answer.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New(1)
		silent := memnet.ServerFunc(func(string, []byte) [][]byte { return nil })
		network.Listen(netip.MustParseAddrPort("192.0.2.1:53"), silent)
		r := with(t, resolver.Options{Network: network, RootHints: ". 60 IN NS ns.test.\nns.test. 60 IN A 192.0.2.1"})
		defer r.Close()
		start := time.Now()
		result, err := r.Resolve(t.Context(), "www.test", "A")
		if err != nil || result.RCode != "SERVFAIL" || result.Reason == "" || time.Since(start) > 10*time.Second {
			t.Errorf("%+v, %v after %v", result, err, time.Since(start))
		}
	})
}
