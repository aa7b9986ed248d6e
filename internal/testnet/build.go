package testnet

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/zone"
)

// delegationTTL is the TTL of delegations and glue in seconds.
const delegationTTL = 3600

// builder turns the declarations into zones: it links every zone to its parent
// and gives every host its address where it belongs.
type builder struct {
	specs   []zoneSpec
	servers []serverSpec
	now     time.Time
	keys    map[string][]*zone.Key
	extra   map[string][]dns.RR // per origin: delegations, addresses, glue
}

func build(specs []zoneSpec, servers []serverSpec, now time.Time) (*World, error) {
	b := &builder{specs: specs, servers: servers, now: now, keys: map[string][]*zone.Key{}, extra: map[string][]dns.RR{}}
	for _, spec := range specs {
		b.keys[spec.origin] = spec.newKeys()
	}
	for _, s := range servers {
		if home := b.enclosing(s.host); home != "" {
			b.address(home, s.host)
		}
	}
	for _, spec := range specs {
		b.delegate(spec)
	}
	w := &World{root: b.keys["."], zones: map[string]*zone.Zone{}}
	for _, spec := range specs {
		z, err := b.zone(spec)
		if err != nil {
			return nil, err
		}
		w.zones[spec.origin] = z
	}
	for _, s := range servers {
		w.servers = append(w.servers, newServer(s, b.served(s.host, w.zones)))
	}
	return w, nil
}

func (spec zoneSpec) newKeys() []*zone.Key {
	alg := spec.alg
	if alg == 0 {
		alg = dns.ECDSAP256SHA256
	}
	switch {
	case spec.sign == unsigned:
		return nil
	case spec.split:
		return []*zone.Key{
			zone.NewKey(spec.origin, "zone", alg, zone.FlagsKSK),
			zone.NewKey(spec.origin, "records", alg, zone.FlagsZSK),
		}
	}
	return []*zone.Key{zone.NewKey(spec.origin, "zone", alg, zone.FlagsKSK)}
}

// enclosing is the deepest zone that has the name below its apex or at it.
func (b *builder) enclosing(name string) string {
	best := ""
	for _, spec := range b.specs {
		if dns.IsSubDomain(spec.origin, name) && (best == "" || dns.CountLabel(spec.origin) > dns.CountLabel(best)) {
			best = spec.origin
		}
	}
	return best
}

// parent is the zone that delegates origin, which is not the root.
func (b *builder) parent(origin string) string {
	i, end := dns.NextLabel(origin, 0)
	if end {
		return "."
	}
	return b.enclosing(origin[i:])
}

// delegate puts the NS set into the zone and its parent, and DS and glue into
// the parent.
func (b *builder) delegate(spec zoneSpec) {
	origin := spec.origin
	up := origin // the root has its glue itself
	if origin != "." {
		up = b.parent(origin)
		b.put(up, b.dsSet(spec)...)
	}
	for _, host := range spec.hosts {
		ns := &dns.NS{Hdr: header(origin, dns.TypeNS), Ns: host}
		b.put(origin, ns)
		if up != origin {
			b.put(up, dns.Copy(ns))
		}
		if dns.IsSubDomain(up, host) {
			b.address(up, host)
		}
	}
}

func (b *builder) dsSet(spec zoneSpec) []dns.RR {
	keys := b.keys[spec.origin]
	if len(keys) == 0 || len(b.keys[b.parent(spec.origin)]) == 0 {
		return nil // an unsigned parent has no DS either
	}
	switch key := keys[0]; spec.link {
	case linkNone:
		return nil
	case linkWrongKey:
		other := zone.NewKey(spec.origin, "other", key.Public.Algorithm, zone.FlagsKSK)
		return []dns.RR{other.DS(dns.SHA256)}
	case linkOddDigest:
		const unassigned = 200
		return []dns.RR{key.DS(unassigned)}
	default:
		return []dns.RR{key.DS(dns.SHA256)}
	}
}

// address puts the address of a host into a zone.
func (b *builder) address(origin, host string) {
	for _, s := range b.servers {
		if s.host == host {
			b.put(origin, &dns.A{Hdr: header(host, dns.TypeA), A: net.ParseIP(s.ip).To4()})
		}
	}
}

func (b *builder) put(origin string, rrs ...dns.RR) {
	b.extra[origin] = append(b.extra[origin], rrs...)
}

func header(name string, qtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: qtype, Class: dns.ClassINET, Ttl: delegationTTL}
}

// zone makes one zone and breaks it if it is to be broken.
func (b *builder) zone(spec zoneSpec) (*zone.Zone, error) {
	life := spec.life.at(b.now)
	soa := fmt.Sprintf("@ 300 SOA %s hostmaster 1 7200 3600 1209600 300\n", spec.hosts[0])
	z, err := zone.New(zone.Config{
		Origin: spec.origin, Text: soa + spec.text, Foreign: spec.foreign, Extra: b.extra[spec.origin],
		Keys: b.keys[spec.origin], Denial: spec.sign.denial(), Iterations: spec.iterations,
		Inception: life.inception, Expiration: life.expiration,
	})
	if err == nil && spec.twist != nil {
		spec.twist(z, life)
	}
	return z, err
}

func (s signing) denial() zone.Denial {
	switch s {
	case nsec3:
		return zone.NSEC3
	case optOut:
		return zone.NSEC3OptOut
	}
	return zone.NSEC
}

// served are the zones that a host serves.
func (b *builder) served(host string, zones map[string]*zone.Zone) []*zone.Zone {
	var out []*zone.Zone
	for _, spec := range b.specs {
		if slices.Contains(spec.hosts, host) && !slices.Contains(spec.lame, host) {
			out = append(out, zones[spec.origin])
		}
	}
	return out
}
