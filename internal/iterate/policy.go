package iterate

import (
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
)

// Policy decides about names before the cache does, for one client or for nobody in particular.
type Policy interface {
	// Local returns local data, which counts as secure.
	Local(name dns.Name, t dns.Type, now time.Time) (cache.Entry, bool)
}

// policy is the one that decides about a question.
func (e *Engine) policy(q *Question) Policy {
	if q.Policy != nil {
		return q.Policy
	}
	return e.Policy
}

func local(p Policy, name dns.Name, t dns.Type, now time.Time) (cache.Entry, bool) {
	if p == nil {
		return cache.Entry{}, false
	}
	return p.Local(name, t, now)
}

// impartial runs what is shared by several questions, or serves none of them directly: no client's policy decides there.
func (j *job) impartial(walk func() (cache.Entry, error)) (cache.Entry, error) {
	defer func(mine Policy, minimise bool) { j.policy, j.minimise = mine, minimise }(j.policy, j.minimise)
	j.policy = j.e.Policy
	return walk()
}
