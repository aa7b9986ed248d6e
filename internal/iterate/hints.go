package iterate

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
)

// builtinHints are the servers of the root zone as published by IANA.
const builtinHints = `
a.root-servers.net 198.41.0.4 2001:503:ba3e::2:30
b.root-servers.net 170.247.170.2 2801:1b8:10::b
c.root-servers.net 192.33.4.12 2001:500:2::c
d.root-servers.net 199.7.91.13 2001:500:2d::d
e.root-servers.net 192.203.230.10 2001:500:a8::e
f.root-servers.net 192.5.5.241 2001:500:2f::f
g.root-servers.net 192.112.36.4 2001:500:12::d0d
h.root-servers.net 198.97.190.53 2001:500:1::53
i.root-servers.net 192.36.148.17 2001:7fe::53
j.root-servers.net 192.58.128.30 2001:503:c27::2:30
k.root-servers.net 193.0.14.129 2001:7fd::1
l.root-servers.net 199.7.83.42 2001:500:9f::42
m.root-servers.net 202.12.27.33 2001:dc3::35
`

// BuiltinHints returns the servers of the root zone of the Internet.
func BuiltinHints() []cache.NS {
	var hints []cache.NS
	for line := range strings.Lines(strings.TrimSpace(builtinHints)) {
		fields := strings.Fields(line)
		ns := cache.NS{Name: dns.MustName(fields[0])}
		for _, a := range fields[1:] {
			ns.Addrs = append(ns.Addrs, netip.MustParseAddr(a))
		}
		hints = append(hints, ns)
	}
	return hints
}

// ErrHints says that a file of root hints cannot be used.
var ErrHints = errors.New("root hints")

// ParseHints reads root hints: NS records of the root and the addresses of the servers, as
// zone-file text. file names the text in errors.
func ParseHints(text, file string) ([]cache.NS, error) {
	var names []dns.Name
	addrs := make(map[dns.Name][]netip.Addr)
	p := miekg.NewZoneParser(strings.NewReader(text), ".", file)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		owner, err := dns.ParseName(rr.Header().Name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrHints, file, err)
		}
		owner = owner.Lower()
		switch rr := rr.(type) {
		case *miekg.NS:
			target, err := dns.ParseName(rr.Ns)
			if err != nil || owner != dns.Root {
				return nil, fmt.Errorf("%w: %s: NS record of %v", ErrHints, file, owner)
			}
			names = append(names, target.Lower())
		case *miekg.A:
			if a, ok := netip.AddrFromSlice(rr.A.To4()); ok {
				addrs[owner] = append(addrs[owner], a)
			}
		case *miekg.AAAA:
			if a, ok := netip.AddrFromSlice(rr.AAAA.To16()); ok {
				addrs[owner] = append(addrs[owner], a)
			}
		}
	}
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHints, err)
	}
	var hints []cache.NS
	for _, n := range names {
		if len(addrs[n]) > 0 {
			hints = append(hints, cache.NS{Name: n, Addrs: addrs[n]})
		}
	}
	if len(hints) == 0 {
		return nil, fmt.Errorf("%w: %s: no NS record of the root with an address", ErrHints, file)
	}
	return hints, nil
}
