package dnssec

import (
	"encoding/base32"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

// denialZone is the complete NSEC or NSEC3 chain of a small zone, as sets that count as verified.
type denialZone struct{ sets []Verified }

func (z *denialZone) verified() []Verified { return z.sets }

// only keeps the records of the named owners: what one response would carry.
func (z *denialZone) only(owners ...string) []Verified {
	var kept []Verified
	for _, owner := range owners {
		i := slices.IndexFunc(z.sets, func(v Verified) bool { return v.Set.Owner == dns.MustName(owner) })
		if i < 0 {
			panic("no record of " + owner)
		}
		kept = append(kept, z.sets[i])
	}
	return kept
}

func verifiedText(line string) Verified {
	rr, err := miekg.NewRR(line)
	if err != nil {
		panic(err)
	}
	if nsec, ok := rr.(*miekg.NSEC); ok {
		slices.Sort(nsec.TypeBitMap)
	}
	set := dnstest.RRset(rr)
	return Verified{Set: set, Signed: Signed{Labels: ownerLabels(set.Owner), TTL: set.TTL}}
}

// newNSECZone makes the chain of lines "owner TYPE…".
func newNSECZone(zone string, lines ...string) *denialZone {
	slices.SortFunc(lines, func(a, b string) int {
		return dns.MustName(strings.Fields(a)[0]).Compare(dns.MustName(strings.Fields(b)[0]))
	})
	z := new(denialZone)
	for i, line := range lines {
		owner, types, _ := strings.Cut(line, " ")
		next := strings.Fields(lines[(i+1)%len(lines)])[0]
		z.sets = append(z.sets, verifiedText(owner+" 300 IN NSEC "+next+" "+types+" RRSIG NSEC"))
	}
	return z
}

// newNSEC3Zone makes the chain of lines "owner TYPE…"; empty non-terminals must be listed too.
func newNSEC3Zone(zone string, iterations uint16, salt string, optOut bool, lines ...string) *denialZone {
	type entry struct{ hash, types string }
	var chain []entry
	for _, line := range lines {
		owner, types, _ := strings.Cut(line, " ")
		chain = append(chain, entry{miekg.HashName(owner, miekg.SHA1, iterations, salt), types})
	}
	slices.SortFunc(chain, func(a, b entry) int { return strings.Compare(a.hash, b.hash) })
	z := new(denialZone)
	for i, e := range chain {
		z.sets = append(z.sets, nsec3Set(zone, e.hash, chain[(i+1)%len(chain)].hash, iterations, salt, optOut, e.types))
	}
	return z
}

func nsec3Set(zone, hash, next string, iterations uint16, salt string, optOut bool, types string) Verified {
	rr := &miekg.NSEC3{
		Hdr:  miekg.RR_Header{Name: strings.ToLower(hash) + "." + strings.TrimPrefix(zone, "."), Rrtype: miekg.TypeNSEC3, Class: miekg.ClassINET, Ttl: 300},
		Hash: miekg.SHA1, Iterations: iterations, SaltLength: uint8(len(salt) / 2), Salt: salt, HashLength: 20, NextDomain: next,
	}
	if optOut {
		rr.Flags = dns.NSEC3OptOut
	}
	for _, t := range strings.Fields(types) {
		rr.TypeBitMap = append(rr.TypeBitMap, miekg.StringToType[t])
	}
	slices.Sort(rr.TypeBitMap)
	set := dnstest.RRset(rr)
	return Verified{Set: set, Signed: Signed{Labels: set.Owner.Labels(), TTL: 300}}
}

// hashShift returns a base32 hash that differs from that of name by delta in its last octet.
func hashShift(name string, iterations uint16, salt string, delta int) string {
	raw, err := base32.HexEncoding.DecodeString(miekg.HashName(name, miekg.SHA1, iterations, salt))
	if err != nil {
		panic(err)
	}
	raw[len(raw)-1] += byte(delta)
	return base32.HexEncoding.EncodeToString(raw)
}
