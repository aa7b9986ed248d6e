package prefill

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// ErrZone says that a zone cannot be used, and why.
var ErrZone = errors.New("zone")

// Zone is the content of a zone.
type Zone struct {
	Origin dns.Name
	SOA    dns.SOA

	records []record    // in canonical order, each once
	sets    []dns.RRset // in canonical order, with their signatures
}

// record is one record. What is not written to be compared is as in the file.
type record struct {
	owner     dns.Name // lower case
	typ       dns.Type
	ttl       uint32
	rdata     []byte
	canonical []byte // rdata for comparison (RFC 4034 section 6.2)
}

// Read reads a zone file, which is named in errors.
func Read(r io.Reader, file string, origin dns.Name) (*Zone, error) {
	z := &Zone{Origin: origin}
	p := miekg.NewZoneParser(r, origin.String(), file)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		if len(z.records) == limits.PrefillRecords {
			return nil, fmt.Errorf("%w: %s: more than %d records", ErrZone, file, limits.PrefillRecords)
		}
		rec, err := z.record(rr)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %s: %w", ErrZone, file, rr.Header().Name, err)
		}
		z.records = append(z.records, rec)
	}
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrZone, err)
	}
	slices.SortFunc(z.records, compare)
	z.records = slices.CompactFunc(z.records, func(a, b record) bool { return compare(a, b) == 0 })
	z.group()
	soa := z.Set(origin, dns.TypeSOA)
	if soa == nil || soa.RDatas.Count() != 1 {
		return nil, fmt.Errorf("%w: %s: not one SOA of %v", ErrZone, file, origin)
	}
	var err error
	z.SOA, err = dns.ParseSOA(soa.RDatas.First())
	return z, err
}

// record takes a record of the parser.
func (z *Zone) record(rr miekg.RR) (record, error) {
	h := rr.Header()
	owner, err := dns.ParseName(h.Name)
	if err != nil {
		return record{}, err
	}
	if owner = owner.Lower(); !owner.Under(z.Origin) || h.Class != miekg.ClassINET {
		return record{}, errors.New("not in the zone")
	}
	const fixed = 2 + 2 + 4 + 2 // octets: type, class, TTL, length
	buf := make([]byte, miekg.Len(rr)+fixed)
	end, err := miekg.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return record{}, err
	}
	r := record{owner: owner, typ: dns.Type(h.Rrtype), ttl: h.Ttl, rdata: buf[len(owner)+fixed : end]}
	r.canonical = dns.AppendCanonical(nil, r.typ, r.rdata)
	return r, nil
}

// compare is the order that digests are made in (RFC 8976 section 3.3.2): by owner, type and data.
func compare(a, b record) int {
	return cmp.Or(a.owner.Compare(b.owner), cmp.Compare(a.typ, b.typ), bytes.Compare(a.canonical, b.canonical))
}

// group makes RRsets of the records.
func (z *Zone) group() {
	var sigs []record
	for _, r := range z.records {
		if r.typ == dns.TypeRRSIG {
			sigs = append(sigs, r)
			continue
		}
		last := len(z.sets) - 1
		if last < 0 || z.sets[last].Owner != r.owner || z.sets[last].Type != r.typ {
			z.sets = append(z.sets, dns.RRset{Owner: r.owner, Type: r.typ, TTL: r.ttl})
			last++
		}
		set := &z.sets[last]
		set.TTL, set.RDatas = min(set.TTL, r.ttl), set.RDatas.Append(r.rdata)
	}
	for _, r := range sigs {
		if sig, err := dns.ParseRRSIG(r.rdata); err == nil {
			if set := z.Set(r.owner, sig.Covered); set != nil {
				set.Sigs = set.Sigs.Append(r.rdata)
			}
		}
	}
}

// Set returns an RRset, nil if there is none.
func (z *Zone) Set(owner dns.Name, t dns.Type) *dns.RRset {
	i, ok := slices.BinarySearchFunc(z.sets, record{owner: owner, typ: t}, func(s dns.RRset, r record) int {
		return cmp.Or(s.Owner.Compare(r.owner), cmp.Compare(s.Type, r.typ))
	})
	if !ok {
		return nil
	}
	return &z.sets[i]
}
