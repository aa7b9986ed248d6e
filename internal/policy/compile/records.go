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
	if target := dns.Name(rec.rdata); rec.typ == dns.TypeCNAME && target.IsWildcard() {
		return b.substitute(at, zone, rec, target.Parent())
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

// substitute adds an alias to a wildcard: the name asked takes the place of the asterisk, as in response policy zones.
func (b *builder) substitute(at spot, zone *zoneFile, rec record, suffix dns.Name) *Error {
	if b.find(b.names[at.key], at, policy.Substitute, uint16(dns.TypeCNAME)) != nil {
		return zone.fault(rec.owner.String(), errSingle.Error())
	}
	rule := policy.Rule{What: policy.Substitute, TTL: rec.ttl, Kind: uint16(dns.TypeCNAME), RDatas: dns.RDatas(nil).Append([]byte(suffix.Lower()))}
	b.names.put(at, rule)
	return nil
}
