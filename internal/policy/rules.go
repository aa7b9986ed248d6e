package policy

import (
	"fmt"
	"slices"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy/ruledb"
)

// Rules is an open rule set. It is immutable and may be used from many goroutines.
type Rules struct {
	kv    ruledb.KV
	meta  Meta
	views *views
	soa   dns.RDatas // of every local zone

	addresses map[Addresses]*subnets
	// watched is the first list with rules about answers or servers, of which nothing is known before a name is
	// resolved; past all lists when there is none.
	watched int
	servers bool // a list has rules about servers
}

// Open makes a rule set of a database whose pairs keep the layout.
func Open(kv ruledb.KV) (*Rules, error) {
	r := &Rules{kv: kv, addresses: map[Addresses]*subnets{}, soa: soaData()}
	if value, ok := kv.Get(MetaSpace, ""); ok {
		if r.meta, ok = parseMeta(value); !ok {
			return nil, fmt.Errorf("%w: metadata", ErrLayout)
		}
	}
	r.views = newViews(r.meta.Views)
	for _, space := range []Addresses{ClientAddress, AnswerAddress, ServerAddress} {
		value, _ := kv.Get(byte(space), "")
		prefixes, ok := parsePrefixes(value)
		if !ok {
			return nil, fmt.Errorf("%w: prefixes of space %q", ErrLayout, space)
		}
		if len(prefixes) > 0 {
			r.addresses[space] = newSubnets(prefixes)
		}
	}
	r.watched = len(r.meta.Lists) + 1
	for i, l := range slices.Backward(r.meta.Lists) {
		if l.Response || l.Servers {
			r.watched = i + 1
		}
		r.servers = r.servers || l.Servers
	}
	return r, nil
}

// Load opens a generation and checks every pair of it. The error wraps [ruledb.ErrFile] or
// [ErrLayout] when the file is damaged.
func Load(store ruledb.Store, generation uint64) (*Rules, error) {
	db, err := store.Open(generation)
	if err != nil {
		return nil, err
	}
	r, err := Verify(db)
	if err != nil {
		return nil, fmt.Errorf("rules generation %d: %w", generation, err)
	}
	return r, nil
}

// Verify makes a rule set of a database and checks every pair of it.
func Verify(db *ruledb.Memory) (*Rules, error) {
	r, err := Open(db)
	if err != nil {
		return nil, err
	}
	return r, db.All(r.meta.check)
}

// Lists returns the response policy zones, first the one that precedes all others.
func (r *Rules) Lists() []List {
	if r == nil {
		return nil
	}
	return r.meta.Lists
}

// Watches says whether there are rules about answers or servers.
func (r *Rules) Watches() bool { return r != nil && r.watched <= len(r.meta.Lists) }

// WatchesServers says whether there are rules about servers.
func (r *Rules) WatchesServers() bool { return r != nil && r.servers }

// Decides says whether a rule of a list for what was asked decides without knowing what is found: whether no list before
// it has rules about that.
func (r *Rules) Decides(list int) bool { return list <= r.watched }

// TagNames returns the names of a set of tags.
func (r *Rules) TagNames(t Tags) (names []string) {
	for i, name := range r.meta.Tags {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// TagSet returns the set of tags with these names, of which unknown ones are left out.
func (r *Rules) TagSet(names []string) (t Tags) {
	for i, name := range r.meta.Tags {
		if slices.Contains(names, name) {
			t |= 1 << i
		}
	}
	return t
}

// origin returns an origin by its number.
func (r *Rules) origin(n uint16) *Origin {
	if int(n) >= len(r.meta.Origins) {
		return &Origin{Text: "unknown"}
	}
	return &r.meta.Origins[n]
}
