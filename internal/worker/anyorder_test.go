package worker

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// TestWorldInAnyOrder: what is in the cache already, and what is being asked at the same time, changes no answer. Names are asked in
// random orders, some at once, some without validation before or meanwhile, by resolvers of all kinds.
func TestWorldInAnyOrder(t *testing.T) {
	const seeds, together = 12, 6
	kinds := []iterate.Glue{iterate.GlueNormal, iterate.GlueStrict}
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			world, err := testnet.New()
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(seed, 0))
			w := newWorker(t, world, func(o *iterate.Options) {
				o.Minimise, o.Glue, o.Prefetch = seed%2 == 0, kinds[seed/2%2], seed%5 == 0
			})
			names := testnet.Names()
			names = append(names, names...)
			random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			type question struct {
				testnet.Expectation
				unchecked bool
			}
			next := make(chan question)
			var clients sync.WaitGroup
			for range together {
				clients.Go(func() {
					for e := range next {
						q := query(e.Name, miekg.TypeToString[e.Type])
						q.CheckingDisabled = e.unchecked
						m := ask(t, w, q, server.TCP)
						if e.unchecked {
							continue
						}
						if err := e.Check(m); err != nil {
							t.Errorf("seed %d: %v (%s)\n%v", seed, err, e.Why, m)
						}
						if err := e.CheckEDE(m); err != nil {
							t.Errorf("seed %d: %v (%s)\n%v", seed, err, e.Why, m)
						}
					}
				})
			}
			for _, e := range names {
				if random.IntN(4) == 0 {
					next <- question{e, true}
				}
				next <- question{e, false}
			}
			close(next)
			clients.Wait()
		})
	}
}
