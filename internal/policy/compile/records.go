package compile

import (
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
)

// records adds the records of a rule's zone-file text. A wildcard stands for the names below that have no closer rule.
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
	at := s.at(rec.owner)
	if rec.owner.IsWildcard() {
		at = s.at(rec.owner.Parent())
		at.place = policy.Under
	}
	if err := b.record(b.names, at, rec.typ, rec.ttl, rec.rdata); err != nil {
		return zone.fault(rec.owner.String(), err.Error())
	}
	if rec.typ == dns.TypeDNAME && at.place == policy.At {
		b.subtree(at, policy.SubtreeDNAME, rec.ttl)
	}
	if rec.typ != dns.TypeCNAME && s.NoData {
		b.noData(b.names, at, rec.ttl)
	}
	return nil
}
