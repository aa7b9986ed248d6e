package zone

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Records are all records of the zone with their signatures, glue included, sorted by owner and wire form.
func (z *Zone) Records() []dns.RR {
	names := make([]string, 0, len(z.nodes))
	for name := range z.nodes {
		names = append(names, name)
	}
	sortNames(names)
	var all []dns.RR
	for _, name := range names {
		var here []dns.RR
		n := z.nodes[name]
		for _, set := range n.sets {
			here = append(here, set...)
		}
		for _, set := range n.sigs {
			here = append(here, set...)
		}
		slices.SortFunc(here, func(a, b dns.RR) int { return bytes.Compare(order(a), order(b)) })
		all = append(all, here...)
	}
	return all
}

// wire is a record as digests see it. All names in zones of this package are in lower case.
func wire(rr dns.RR) []byte {
	buf := make([]byte, dns.MaxMsgSize)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return buf[:end]
}

// order is the wire form without the length of the data, which RFC 4034 section 6.3 does not compare, nor the TTL.
func order(rr dns.RR) []byte {
	w := wire(rr)
	owner := 0
	for w[owner] != 0 {
		owner += int(w[owner]) + 1
	}
	owner++
	return slices.Concat(w[:owner+4], w[owner+10:])
}

// Text is the zone as a zone file.
func (z *Zone) Text() string {
	var b strings.Builder
	for _, rr := range z.Records() {
		fmt.Fprintln(&b, rr)
	}
	return b.String()
}

// DigestText is the placeholder that Digest fills in: a line of a zone's text for a ZONEMD record (RFC 8976) of serial 1.
var DigestText = "@ ZONEMD 1 1 1 " + strings.Repeat("0", 2*sha512.Size384) + "\n"

// Digest puts the digest of the zone into its ZONEMD record and signs that again. It must be the last thing done to the zone.
func (z *Zone) Digest() {
	apex := z.nodes[z.cfg.Origin]
	sum := sha512.New384()
	for _, rr := range z.Records() {
		sig, signature := rr.(*dns.RRSIG)
		if rr.Header().Rrtype != dns.TypeZONEMD && !(signature && sig.TypeCovered == dns.TypeZONEMD) {
			sum.Write(wire(rr))
		}
	}
	apex.sets[dns.TypeZONEMD][0].(*dns.ZONEMD).Digest = hex.EncodeToString(sum.Sum(nil))
	if len(z.cfg.Keys) > 0 {
		apex.sigs[dns.TypeZONEMD] = z.signatures(apex.sets[dns.TypeZONEMD])
	}
}
