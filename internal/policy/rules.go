package policy

import (
	"fmt"
	"sync"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy/ruledb"
)

// Rules is an open rule set. It is immutable and may be used from many goroutines.
type Rules struct {
	kv      ruledb.KV
	origins []Origin
	drops   bool
	meta    Meta
	views   *views
	keys    sync.Pool // *[limits.RuleKeyBytes]byte: a key on the stack would escape into the KV
}

// Open makes a rule set of a database whose pairs keep the layout.
func Open(kv ruledb.KV) (*Rules, error) {
	r := &Rules{kv: kv}
	r.keys.New = func() any { return new([limits.RuleKeyBytes]byte) }
	for n := 0; n <= 0xffff; n++ {
		value, ok := kv.Get(AppendOriginKey(nil, uint16(n)))
		if !ok {
			break
		}
		origin, ok := parseOrigin(value)
		if !ok {
			return nil, fmt.Errorf("%w: origin %d", ErrLayout, n)
		}
		r.origins = append(r.origins, origin)
	}
	_, r.drops = kv.Get(AppendDropKey(nil))
	if value, ok := kv.Get(AppendMetaKey(nil)); ok {
		if r.meta, ok = parseMeta(value); !ok {
			return nil, fmt.Errorf("%w: metadata", ErrLayout)
		}
	}
	r.views = newViews(r.meta.Views)
	return r, nil
}

// Load opens a generation and checks every pair of it. The error wraps [ruledb.ErrFile] or
// [ErrLayout] when the file is damaged.
func Load(store ruledb.Store, generation uint64) (*Rules, error) {
	db, err := store.Open(generation)
	if err != nil {
		return nil, err
	}
	r, err := Open(db)
	if err != nil {
		return nil, err
	}
	if err := r.check(db); err != nil {
		return nil, fmt.Errorf("rules generation %d: %w", generation, err)
	}
	return r, nil
}

func (r *Rules) check(db *ruledb.Memory) error {
	return db.All(func(key, value []byte) error {
		origin, err := Check(key, value)
		if err == nil && (key[0] == exactKey || key[0] == subtreeKey) && int(origin) >= len(r.origins) {
			err = fmt.Errorf("%w: key %q: origin %d of %d", ErrLayout, key, origin, len(r.origins))
		}
		return err
	})
}

// Drops says whether there are rules that leave a query without an answer.
func (r *Rules) Drops() bool { return r.drops }

// origin returns an origin by its number.
func (r *Rules) origin(n uint16) Origin {
	if int(n) >= len(r.origins) {
		return Origin{"unknown", dns.NoEDE}
	}
	return r.origins[n]
}
