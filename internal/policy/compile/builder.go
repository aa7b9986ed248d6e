package compile

import (
	"bytes"
	"fmt"
	"slices"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/ruledb"
)

// exact identifies records.
type exact struct {
	name dns.Name
	typ  dns.Type
}

// set is the records of one name and type. Without records it is the NODATA mark.
type set struct {
	header  policy.Header
	records dns.RDatas
	left    int // records left out because the set was full
}

type subtree struct {
	header policy.Header
	kind   policy.Subtree
}

// builder collects rules until all are known.
type builder struct {
	sets     map[exact]*set
	subtrees map[dns.Name]subtree
	origins  []string
}

func newBuilder() *builder {
	return &builder{sets: map[exact]*set{}, subtrees: map[dns.Name]subtree{}}
}

// origin registers the text that explains where rules come from.
func (b *builder) origin(text string) uint16 {
	b.origins = append(b.origins, text)
	return uint16(len(b.origins) - 1)
}

// add merges a record into its set; the lower TTL counts. It reports false, and leaves the record
// out, when the set is full.
func (b *builder) add(name dns.Name, t dns.Type, h policy.Header, rdata []byte) bool {
	key := exact{name, t}
	s := b.sets[key]
	if s == nil {
		b.sets[key] = &set{header: h, records: dns.RDatas(nil).Append(rdata)}
		return true
	}
	s.header.TTL = min(s.header.TTL, h.TTL)
	if s.records.Contains(rdata) {
		return true
	}
	if s.records.Count() >= limits.RRsetRecords {
		s.left++
		return false
	}
	s.records = s.records.Append(rdata)
	return true
}

// noData marks that a name has no data of the types that were not added, if wanted.
func (b *builder) noData(name dns.Name, h policy.Header, wanted bool) {
	key := exact{name, dns.TypeCNAME}
	switch s := b.sets[key]; {
	case !wanted:
	case s == nil:
		b.sets[key] = &set{header: h}
	default:
		s.header.TTL = min(s.header.TTL, h.TTL)
	}
}

// defaultRecords adds a whole set unless the configuration has one.
func (b *builder) defaultRecords(name dns.Name, t dns.Type, h policy.Header, records dns.RDatas) {
	key := exact{name, t}
	if b.sets[key] == nil {
		b.sets[key] = &set{header: h, records: records}
	}
}

// write puts everything in key order.
func (b *builder) write(sink ruledb.Sink) error {
	type pair struct{ key, value []byte }
	var pairs []pair
	for k, s := range b.sets {
		pairs = append(pairs, pair{policy.AppendExactKey(nil, k.name, k.typ), policy.AppendExact(nil, s.header, s.records)})
	}
	for name, s := range b.subtrees {
		pairs = append(pairs, pair{policy.AppendSubtreeKey(nil, name), policy.AppendSubtree(nil, s.header, s.kind)})
	}
	for i, text := range b.origins {
		pairs = append(pairs, pair{policy.AppendOriginKey(nil, uint16(i)), []byte(text)})
	}
	slices.SortFunc(pairs, func(x, y pair) int { return bytes.Compare(x.key, y.key) })
	for _, p := range pairs {
		if err := sink.Put(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) report() Report {
	r := Report{Subtrees: len(b.subtrees)}
	names := map[dns.Name]bool{}
	for k, s := range b.sets {
		names[k.name] = true
		r.Records += s.records.Count()
		if s.left > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%v %v: %d records more than %d left out", k.name, k.typ, s.left, limits.RRsetRecords))
		}
	}
	slices.Sort(r.Warnings)
	r.Names = len(names)
	return r
}
