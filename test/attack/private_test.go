package attack

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/prefill"
	"knot-resolver/internal/rebind"
	"knot-resolver/internal/worker"
)

// localNames are what a page in a browser would look up to reach services of the network it is in.
const localNames = `
a10 A 10.0.0.1
a127 A 127.0.0.1
a169 A 169.254.169.254
mixed A 203.0.113.9
mixed A 192.168.0.1
loop AAAA ::1
unique AAAA fd00::1
mapped AAAA ::ffff:10.0.0.1
nat64 AAAA 64:ff9b::10.0.0.1
hint HTTPS 1 . ipv4hint=10.0.0.1
hint6 HTTPS 1 . ipv6hint=fe80::1
svc SVCB 1 . ipv4hint=203.0.113.9,127.0.0.1
alias CNAME a10
*.corp A 10.0.0.1
www A 192.0.2.66
`

// TestRF07: public names with private addresses, asked for at first, then from both caches, with DNS64 too.
func TestRF07(t *testing.T) {
	setting := same(setting{
		zones: []site{{origin: "evil.test.", ip: evilIP, text: localNames}},
		engine: func(o *iterate.Options) {
			o.Rebinding = rebind.New(rebind.Options{Names: []dns.Name{dns.MustName("corp.evil.test")}})
		},
		worker: func(o *worker.Options) {
			o.DNS64 = dns64.New(dns64.Options{Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:64::/96")}, Exclude: []netip.Prefix{dns64.Mapped()}})
		},
	})
	play(t, setting, func(w *world) {
		leaks := 0
		for range 3 {
			for line := range strings.Lines(strings.TrimSpace(localNames)) {
				fields := strings.Fields(line)
				if name := fields[0]; name != "www" && name != "*.corp" {
					for _, typ := range []uint16{miekg.TypeA, miekg.TypeAAAA, miekg.TypeHTTPS, miekg.TypeSVCB} {
						if m := w.ask(name+".evil.test.", typ); slices.ContainsFunc(m.Answer, holdsAddress) {
							leaks++
							w.Errorf("%s: %v", name, m)
						}
					}
				}
			}
			w.expect("www.evil.test.", "192.0.2.66")
			w.expect("x.corp.evil.test.", "10.0.0.1")
		}
		w.atMost("private addresses told", float64(leaks), 0)
	})
}

// holdsAddress says whether a record is there for the sake of an address.
func holdsAddress(rr miekg.RR) bool {
	switch rr.Header().Rrtype {
	case miekg.TypeA, miekg.TypeAAAA, miekg.TypeHTTPS, miekg.TypeSVCB:
		return true
	}
	return false
}

// TestBW16: a zone for the cache with what is not its own, or with a digest that is wrong, missing or ambiguous, changes nothing.
func TestBW16(t *testing.T) {
	play(t, nil, func(w *world) {
		w.expect("www.victim.test.", "198.51.100.1")
		good := w.zones["test."].Text()
		taken := 0
		for name, text := range map[string]string{
			"another zone's records":  good + "www.example. 3600 IN A " + trapIP + "\n",
			"no digest":               strings.ReplaceAll(good, victimIP, trapIP),
			"a wrong digest":          strings.ReplaceAll(good, victimIP, trapIP) + "test. 3600 IN ZONEMD 1 1 1 " + strings.Repeat("00", 48) + "\n",
			"two different digests":   good + "test. 3600 IN ZONEMD 1 1 1 " + strings.Repeat("00", 48) + "\ntest. 3600 IN ZONEMD 1 1 1 " + strings.Repeat("11", 48) + "\n",
			"a digest that says none": good + "test. 3600 IN ZONEMD 1 1 1 00\n",
		} {
			z, err := prefill.Read(strings.NewReader(text), "zone", dns.MustName("test"))
			if err == nil {
				_, err = z.Check(prefill.Trust{}, time.Now())
			}
			if err == nil {
				taken++
				w.Errorf("%s: taken", name)
			}
		}
		w.atMost("bad zones taken", float64(taken), 0)
		w.expect("www.victim.test.", "198.51.100.1")
	})
}
