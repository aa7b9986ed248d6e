package compile

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/ruledb"
)

// spot is where a rule stands and whose it is.
type spot struct {
	key    string // of the node
	place  policy.Place
	origin uint16
}

// item is a rule at a node.
type item struct {
	policy.Rule
	place policy.Place
	left  uint16 // records left out because the set was full
}

// nodes are all rules of one space of the database, by key. There may be millions, so a node is no more than its rules.
type nodes map[string][]item

// builder collects rules until all are known.
type builder struct {
	names     nodes // for names asked
	servers   nodes // for names of servers
	addresses map[policy.Addresses]nodes
	meta      policy.Meta
	warnings  []string
}

func newBuilder() *builder {
	return &builder{names: nodes{}, servers: nodes{}, addresses: map[policy.Addresses]nodes{
		policy.ClientAddress: {}, policy.AnswerAddress: {}, policy.ServerAddress: {},
	}}
}

// origin registers where rules come from.
func (b *builder) origin(o policy.Origin) uint16 {
	if last := len(b.meta.Origins) - 1; last >= 0 && b.meta.Origins[last] == o {
		return uint16(last)
	}
	b.meta.Origins = append(b.meta.Origins, o)
	return uint16(len(b.meta.Origins) - 1)
}

func (b *builder) warn(format string, args ...any) {
	b.warnings = append(b.warnings, fmt.Sprintf(format, args...))
}

// together says whether rules of two origins belong to one group when they stand at one place.
func (b *builder) together(x, y uint16) bool {
	o, p := &b.meta.Origins[x], &b.meta.Origins[y]
	return o.List == p.List && o.Tags == p.Tags
}

// find returns the rule of a group that says something of a kind; for marks and subtrees of whatever kind.
func (b *builder) find(n []item, s spot, what policy.What, kind uint16) *item {
	for i := range n {
		if x := &n[i]; x.What == what && x.place == s.place && (x.Kind == kind || what == policy.Marked || what == policy.Tree) && b.together(x.Origin, s.origin) {
			return x
		}
	}
	return nil
}

// put adds a rule without looking.
func (all nodes) put(s spot, r policy.Rule) {
	r.Origin = s.origin
	all[s.key] = append(all[s.key], item{Rule: r, place: s.place})
}

var (
	errFull   = fmt.Errorf("more than %d records of one type", limits.RRsetRecords)
	errSingle = errors.New("there is another record of this type, and there can be only one")
)

// record merges a record into its set; the lower TTL counts. It leaves the record out, and says why, when there is no room for it.
func (b *builder) record(all nodes, s spot, t dns.Type, ttl uint32, rdata []byte) error {
	set := b.find(all[s.key], s, policy.Records, uint16(t))
	if set == nil {
		all.put(s, policy.Rule{What: policy.Records, TTL: ttl, Kind: uint16(t), RDatas: dns.RDatas(nil).Append(rdata)})
		return nil
	}
	set.TTL = min(set.TTL, ttl)
	switch {
	case set.RDatas.Contains(rdata):
		return nil
	case t == dns.TypeCNAME || t == dns.TypeDNAME || t == dns.TypeSOA:
		return errSingle
	case set.RDatas.Count() >= limits.RRsetRecords:
		set.left++
		return errFull
	}
	set.RDatas = set.RDatas.Append(rdata)
	return nil
}

// noData marks that a name has no data of the types that were not added.
func (b *builder) noData(all nodes, s spot, ttl uint32) {
	if mark := b.find(all[s.key], s, policy.Marked, 0); mark != nil {
		mark.TTL = min(mark.TTL, ttl)
		return
	}
	all.put(s, policy.Rule{What: policy.Marked, TTL: ttl, Kind: uint16(policy.MarkNoData)})
}

// subtree adds a rule for a subtree; of two for one name and the same clients the first stands.
func (b *builder) subtree(s spot, kind policy.Subtree, ttl uint32) {
	old := b.find(b.names[s.key], s, policy.Tree, 0)
	switch {
	case old == nil:
		b.names.put(s, policy.Rule{What: policy.Tree, TTL: ttl, Kind: uint16(kind)})
	case policy.Subtree(old.Kind) != kind:
		b.warn("%s: %v has a rule for its subtree already, by %s", b.meta.Origins[s.origin].Text, dns.Name(s.key), b.meta.Origins[old.Origin].Text)
	}
}

// write puts everything.
func (b *builder) write(sink ruledb.Sink) error {
	if len(b.meta.Origins) > 1<<16 {
		return fmt.Errorf("more than %d rules in the configuration; put names into files", 1<<16)
	}
	w := writer{b: b, sink: sink}
	err := errors.Join(w.nodes(policy.NameSpace, b.names), w.nodes(policy.ServerSpace, b.servers))
	for space, all := range b.addresses {
		err = errors.Join(err, w.nodes(byte(space), all), w.prefixes(space, all))
	}
	return errors.Join(err, sink.Put(policy.MetaSpace, "", policy.AppendMeta(nil, &b.meta)))
}

// writer encodes nodes.
type writer struct {
	b     *builder
	sink  ruledb.Sink
	value []byte
	rules []policy.Rule
}

func (w *writer) nodes(space byte, all nodes) error {
	for key, items := range all {
		w.b.sort(items)
		w.value = w.value[:0]
		for len(items) > 0 {
			n := 1
			for n < len(items) && items[n].place == items[0].place && w.b.together(items[n].Origin, items[0].Origin) {
				n++
			}
			if n > policy.GroupRules {
				return fmt.Errorf("%v has more than %d types", dns.Name(key), policy.GroupRules)
			}
			w.rules = w.rules[:0]
			for i := range items[:n] {
				w.rules = append(w.rules, items[i].Rule)
			}
			w.value = policy.AppendGroup(w.value, items[0].place, w.rules)
			items = items[n:]
		}
		if err := w.sink.Put(space, key, w.value); err != nil {
			return err
		}
	}
	return nil
}

// sort brings rules into the order of the layout. In a group of local data the configured rules come first.
func (b *builder) sort(items []item) {
	if len(items) == 1 {
		return
	}
	special := true                    // nothing but special-use rules and those of lists
	tagged := map[policy.Tags]uint16{} // the first origin of local data with these tags
	for i := range items {
		switch o := &b.meta.Origins[items[i].Origin]; {
		case o.List > 0:
		case o.Tags == 0:
			special = special && o.Special
		default:
			if first, ok := tagged[o.Tags]; !ok || items[i].Origin < first {
				tagged[o.Tags] = items[i].Origin
			}
		}
	}
	rank := func(x *item) int {
		switch o := &b.meta.Origins[x.Origin]; {
		case o.List > 0:
			return 2 + o.List
		case o.Tags != 0:
			return 0
		case o.Special && special:
			return 3 + len(b.meta.Lists)
		}
		return 1
	}
	slices.SortStableFunc(items, func(x, y item) int {
		ox, oy := &b.meta.Origins[x.Origin], &b.meta.Origins[y.Origin]
		switch a, c := rank(&x), rank(&y); {
		case a != c:
			return a - c
		case ox.Tags != oy.Tags:
			return int(tagged[ox.Tags]) - int(tagged[oy.Tags])
		case x.place != y.place:
			return int(y.place) - int(x.place)
		case ox.Special != oy.Special && oy.Special:
			return -1
		case ox.Special != oy.Special:
			return 1
		}
		return 0
	})
}

// prefixes writes the list of all prefixes of a space.
func (w *writer) prefixes(space policy.Addresses, all nodes) error {
	if len(all) == 0 {
		return nil
	}
	var list []byte
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, key...)
	}
	return w.sink.Put(byte(space), "", list)
}

// prefixKey is the key of rules for a prefix.
func prefixKey(p netip.Prefix) string { return string(policy.AppendPrefix(nil, p)) }

func (b *builder) report() Report {
	r := Report{Names: len(b.names), Lists: b.meta.Lists}
	var full []string
	for name, items := range b.names {
		for i := range items {
			switch x := &items[i]; x.What {
			case policy.Tree:
				r.Subtrees++
			case policy.Records:
				r.Records += x.RDatas.Count()
				if x.left > 0 {
					full = append(full, fmt.Sprintf("%v %v: %d records more than %d left out", dns.Name(name), dns.Type(x.Kind), x.left, limits.RRsetRecords))
				}
			}
		}
	}
	slices.Sort(full)
	r.Warnings = append(b.warnings, full...)
	return r
}
