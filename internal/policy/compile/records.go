package compile

import (
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
)

// records adds the records of a rule's zone-file text. Wildcards are names like others there.
func (b *builder) records(s source) error {
	if s.Records == "" {
		return nil
	}
	skip := skipped{}
	zone := newZoneFile(strings.NewReader(s.Records), "", s.TTL)
	for {
		rec, ok, fault := zone.next()
		if ok && !skip.unusable(rec) && !skip.trigger(rec.owner) {
			fault = b.localRecord(s, zone, rec)
		}
		if fault != nil {
			fault.Pointer = s.Pointer
			return fault
		}
		if !ok {
			skip.warn(b, s.Pointer)
			return nil
		}
	}
}

// localRecord adds one record.
func (b *builder) localRecord(s source, zone *zoneFile, rec record) *Error {
	h := policy.Header{Origin: s.header.Origin, TTL: rec.ttl}
	n := b.node(rec.owner, 0)
	if err := b.add(n, rec.typ, h, rec.rdata); err != nil {
		return zone.fault(rec.owner.String(), err.Error())
	}
	if rec.typ == dns.TypeDNAME {
		b.subtree(rec.owner, policy.SubtreeDNAME, h, 0)
	}
	if rec.typ != dns.TypeCNAME {
		n.noData(h, s.NoData)
	}
	return nil
}
