package compile

import (
	"maps"
	"slices"

	"knot-resolver/internal/dns"
)

// skipped counts records that are left out, by the reason.
type skipped map[string]int

// warn adds one warning for every reason.
func (s skipped) warn(b *builder, place string) {
	for _, reason := range slices.Sorted(maps.Keys(s)) {
		b.warn("%s: %d records skipped: %s", place, s[reason], reason)
	}
}

// unusable says whether a record is of no use as local data: those that make sense only in a signed
// zone, or in messages.
func (s skipped) unusable(rec record) bool {
	switch {
	case rec.class != dns.ClassIN:
		s["their class is not IN"]++
	case rec.typ.IsMeta():
		s["their type is for messages"]++
	case slices.Contains([]dns.Type{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeDNSKEY, dns.TypeDS}, rec.typ):
		s["they belong to DNSSEC"]++
	default:
		return false
	}
	return true
}

// triggers are the last labels of owners that stand for something else than the name asked.
var triggers = [...]string{"rpz-client-ip", "rpz-ip", "rpz-nsdname", "rpz-nsip"}

// trigger says whether an owner of local data is one of a response policy zone.
func (s skipped) trigger(owner dns.Name) bool {
	last := owner.Suffix(1).FirstLabel()
	if !slices.Contains(triggers[:], last) {
		return false
	}
	s["triggers "+last+" belong into response policy zones"]++
	return true
}
