package attack

import (
	"net"
	"net/netip"
	"strings"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/testnet/zone"
)

// build makes the zones, links them, and puts their servers on the network. It returns the trust anchor.
func (w *world) build(sites []site) (anchor string) {
	extra := map[string][]miekg.RR{}
	keys := map[string][]*zone.Key{}
	for _, s := range sites {
		if !s.unsigned {
			keys[s.origin] = []*zone.Key{zone.NewKey(s.origin, "zone", miekg.ECDSAP256SHA256, zone.FlagsKSK)}
		}
		extra[s.origin] = append(extra[s.origin], s.extra...)
	}
	for _, s := range sites {
		w.delegate(sites, s, extra, keys)
	}
	w.zones = map[string]*zone.Zone{}
	served := map[string][]*zone.Zone{}
	for _, s := range sites {
		z, err := zone.New(zone.Config{Origin: s.origin, Text: "@ 300 SOA ns hostmaster 1 7200 3600 1209600 300\n" + s.text, Extra: extra[s.origin], Keys: keys[s.origin],
			Denial: s.denial, Iterations: s.iterations, Inception: time.Now().Add(-time.Hour), Expiration: time.Now().Add(30 * 24 * time.Hour)})
		if err != nil {
			w.Fatal(err)
		}
		w.zones[s.origin] = z
		for _, ip := range append(s.also, s.ip) {
			served[ip] = append(served[ip], z)
		}
	}
	for ip, zones := range served {
		w.serve(ip, zones...)
	}
	return keys["."][0].DS(miekg.SHA256).String() + "\n"
}

// delegate puts NS, address and DS records of a zone where they belong.
func (w *world) delegate(sites []site, s site, extra map[string][]miekg.RR, keys map[string][]*zone.Key) {
	ttl := uint32(3600)
	if s.ttl > 0 {
		ttl = s.ttl
	}
	host := "ns." + strings.TrimPrefix(s.origin, ".")
	if s.outside != "" {
		host = s.outside
	}
	header := func(name string, t uint16) miekg.RR_Header {
		return miekg.RR_Header{Name: name, Rrtype: t, Class: miekg.ClassINET, Ttl: ttl}
	}
	parent := parentOf(sites, s.origin)
	add := func(at string, rrs ...miekg.RR) {
		for _, rr := range rrs {
			extra[at] = append(extra[at], miekg.Copy(rr))
		}
	}
	ns := &miekg.NS{Hdr: header(s.origin, miekg.TypeNS), Ns: host}
	add(s.origin, ns)
	if parent != s.origin {
		add(parent, ns)
		if k := keys[s.origin]; len(k) > 0 {
			add(parent, k[0].DS(miekg.SHA256))
		}
	}
	if s.outside != "" {
		return
	}
	for _, ip := range append(s.also, s.ip) {
		a := &miekg.A{Hdr: header(host, miekg.TypeA), A: net.ParseIP(ip).To4()}
		add(s.origin, a)
		if parent != s.origin {
			add(parent, a)
		}
	}
}

func parentOf(sites []site, origin string) string {
	best := "."
	for _, s := range sites {
		if s.origin != origin && miekg.IsSubDomain(s.origin, origin) && len(s.origin) > len(best) {
			best = s.origin
		}
	}
	if origin == "." {
		return "."
	}
	return best
}

// serve puts a server with zones at an address.
func (w *world) serve(ip string, zones ...*zone.Zone) {
	addr := netip.MustParseAddr(ip)
	w.net.SetLink(addr, memnet.Link{Delay: delay})
	w.net.Listen(netip.AddrPortFrom(addr, 53), memnet.ServerFunc(func(transport string, raw []byte) [][]byte {
		q := new(miekg.Msg)
		if err := q.Unpack(raw); err != nil || len(q.Question) != 1 {
			w.Errorf("query to %s: %v", ip, err)
			return nil
		}
		change := w.record(ip, transport, raw, q)
		m := zone.Reply(zones, q)
		if change != nil {
			if m = change(transport, q, m); m == nil {
				return nil
			}
		}
		return [][]byte{w.pack(transport, q, m)}
	}))
}

// listen puts a server of raw octets at an address.
func (w *world) listen(ip string, answer func(transport string, raw []byte, q *miekg.Msg) [][]byte) {
	addr := netip.MustParseAddr(ip)
	w.net.SetLink(addr, memnet.Link{Delay: delay})
	w.net.Listen(netip.AddrPortFrom(addr, 53), memnet.ServerFunc(func(transport string, raw []byte) [][]byte {
		q := new(miekg.Msg)
		if err := q.Unpack(raw); err != nil {
			w.Errorf("query to %s: %v", ip, err)
			return nil
		}
		w.record(ip, transport, raw, q)
		return answer(transport, raw, q)
	}))
}

func (w *world) pack(transport string, q, m *miekg.Msg) []byte {
	limit := miekg.MaxMsgSize
	if transport == memnet.UDP {
		limit = zone.UDPLimit(q)
	}
	raw, err := zone.Fit(m, limit)
	if err != nil {
		w.Errorf("answer to %v: %v", q.Question, err)
	}
	return raw
}

func (w *world) record(ip, transport string, raw []byte, q *miekg.Msg) quirk {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[ip] = append(w.asked[ip], query{transport, strings.ToLower(q.Question[0].Name), miekg.TypeToString[q.Question[0].Qtype], raw, time.Now()})
	return w.quirks[ip]
}

// change gives a server a quirk.
func (w *world) change(ip string, f quirk) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quirks[ip] = f
}
