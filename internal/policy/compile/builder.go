package compile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/ruledb"
)

// layer orders the sources of rules: all local data is in the lowest, every response policy zone has
// one of its own. What a lower layer says about a name stands.
type layer uint16

// set is the records of one type.
type set struct {
	typ     dns.Type
	header  policy.Header
	records dns.RDatas
	left    int // records left out because the set was full
}

// node is what is known of one name.
type node struct {
	layer  layer
	mark   policy.Mark // for types without records; has no effect beside a CNAME record
	header policy.Header
	sets   []set
}

func (n *node) set(t dns.Type) *set {
	for i := range n.sets {
		if n.sets[i].typ == t {
			return &n.sets[i]
		}
	}
	return nil
}

// subtree is a rule for a name and everything below.
type subtree struct {
	header   policy.Header
	kind     policy.Subtree
	layer    layer
	wildcard bool
	wild     layer // of the wildcard
}

// builder collects rules until all are known.
type builder struct {
	names    map[dns.Name]*node
	subtrees map[dns.Name]subtree
	origins  []policy.Origin
	drops    bool
	meta     policy.Meta
	warnings []string
}

func newBuilder() *builder {
	return &builder{names: map[dns.Name]*node{}, subtrees: map[dns.Name]subtree{}}
}

// origin registers the text that explains where rules come from, and the code that denials get.
func (b *builder) origin(text string, code dns.EDECode) uint16 {
	b.origins = append(b.origins, policy.Origin{Text: text, EDE: code})
	return uint16(len(b.origins) - 1)
}

func (b *builder) warn(format string, args ...any) {
	b.warnings = append(b.warnings, fmt.Sprintf(format, args...))
}

// node returns the node of a name, made when there is none.
func (b *builder) node(name dns.Name, l layer) *node {
	n := b.names[name]
	if n == nil {
		n = &node{layer: l}
		b.names[name] = n
	}
	return n
}

var (
	errFull   = fmt.Errorf("more than %d records of one type", limits.RRsetRecords)
	errSingle = errors.New("there is another record of this type, and there can be only one")
)

// add merges a record into its set; the lower TTL counts. It leaves the record out, and says why, when there is no room for it.
func (b *builder) add(n *node, t dns.Type, h policy.Header, rdata []byte) error {
	s := n.set(t)
	if s == nil {
		n.sets = append(n.sets, set{typ: t, header: h, records: dns.RDatas(nil).Append(rdata)})
		return nil
	}
	s.header.TTL = min(s.header.TTL, h.TTL)
	switch {
	case s.records.Contains(rdata):
		return nil
	case t == dns.TypeCNAME || t == dns.TypeDNAME || t == dns.TypeSOA:
		return errSingle
	case s.records.Count() >= limits.RRsetRecords || len(s.records)+len(rdata)+2 > limits.RuleValueBytes-16:
		s.left++
		return errFull
	}
	s.records = s.records.Append(rdata)
	return nil
}

// noData marks that a name has no data of the types that were not added, if wanted.
func (n *node) noData(h policy.Header, wanted bool) {
	switch {
	case !wanted:
	case n.mark == policy.MarkNone:
		n.mark, n.header = policy.MarkNoData, h
	default:
		n.header.TTL = min(n.header.TTL, h.TTL)
	}
}

// subtree adds a rule for a subtree; of two for one name the first stands.
func (b *builder) subtree(name dns.Name, kind policy.Subtree, h policy.Header, l layer) {
	s := b.subtrees[name]
	if s.kind != policy.SubtreeNone {
		if s.kind != kind {
			b.warn("%s: %v has a rule for its subtree already, by %s", b.origins[h.Origin].Text, name, b.origins[s.header.Origin].Text)
		}
		return
	}
	s.kind, s.header, s.layer = kind, h, l
	b.subtrees[name] = s
}

// write puts everything in key order.
func (b *builder) write(sink ruledb.Sink) error {
	if len(b.origins) > 1<<16 {
		return fmt.Errorf("more than %d rules in the configuration; put names into files", 1<<16)
	}
	pairs := b.pairs()
	slices.SortFunc(pairs, func(x, y pair) int { return bytes.Compare(x.key, y.key) })
	for _, p := range pairs {
		if err := sink.Put(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}

type pair struct{ key, value []byte }

func (b *builder) pairs() []pair {
	all := make([]pair, 0, len(b.names)+len(b.subtrees)+len(b.origins)+2)
	put := func(key, value []byte) { all = append(all, pair{key, value}) }
	for name, n := range b.names {
		for _, s := range n.sets {
			put(policy.AppendExactKey(nil, name, s.typ), policy.AppendExact(nil, s.header, s.records))
		}
		if n.mark != policy.MarkNone && n.set(dns.TypeCNAME) == nil {
			put(policy.AppendExactKey(nil, name, dns.TypeCNAME), policy.AppendMark(nil, n.header, n.mark))
		}
	}
	for name, s := range b.subtrees {
		put(policy.AppendSubtreeKey(nil, name), policy.AppendSubtree(nil, s.header, s.kind, s.wildcard))
	}
	for i, o := range b.origins {
		put(policy.AppendOriginKey(nil, uint16(i)), policy.AppendOrigin(nil, o))
	}
	put(policy.AppendMetaKey(nil), policy.AppendMeta(nil, &b.meta))
	if b.drops {
		put(policy.AppendDropKey(nil), nil)
	}
	return all
}

func (b *builder) report() Report {
	r := Report{Names: len(b.names), Subtrees: len(b.subtrees)}
	var full []string
	for name, n := range b.names {
		for _, s := range n.sets {
			r.Records += s.records.Count()
			if s.left > 0 {
				full = append(full, fmt.Sprintf("%v %v: %d records more than %d left out", name, s.typ, s.left, limits.RRsetRecords))
			}
		}
	}
	slices.Sort(full)
	r.Warnings = append(b.warnings, full...)
	return r
}
