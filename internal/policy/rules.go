package policy

import (
	"fmt"
	"sync"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy/ruledb"
)

// Rules is an open rule set. It is immutable and may be used from many goroutines.
type Rules struct {
	kv      ruledb.KV
	origins []string
	keys    sync.Pool // *[limits.RuleKeyBytes]byte: a key on the stack would escape into the KV
}

// Open makes a rule set of a database whose pairs keep the layout.
func Open(kv ruledb.KV) (*Rules, error) {
	r := &Rules{kv: kv}
	r.keys.New = func() any { return new([limits.RuleKeyBytes]byte) }
	for n := 0; n <= 0xffff; n++ {
		text, ok := kv.Get(AppendOriginKey(nil, uint16(n)))
		if !ok {
			break
		}
		r.origins = append(r.origins, string(text))
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
		if err == nil && key[0] != originKey && int(origin) >= len(r.origins) {
			err = fmt.Errorf("%w: key %q: origin %d of %d", ErrLayout, key, origin, len(r.origins))
		}
		return err
	})
}

// origin returns the text of an origin.
func (r *Rules) origin(n uint16) string {
	if int(n) >= len(r.origins) {
		return "unknown"
	}
	return r.origins[n]
}
