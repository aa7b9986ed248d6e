package process

import (
	"testing"

	miekg "github.com/miekg/dns"
)

// A cleared cache is empty for every worker, not only for the one that cleared it.
func TestCacheClearReachesAllWorkers(t *testing.T) {
	t.Parallel()
	const name, enough = "www.rsa.se.", 40 // questions, for each worker to get some
	world, o := internet(t)
	o.workers = 2
	s := start(t, o)
	for range enough {
		if r := s.resolve(name); r.Rcode != miekg.RcodeSuccess {
			t.Fatalf("%s: %v", name, r)
		}
	}
	world.Close()
	if r := s.resolve(name); r.Rcode != miekg.RcodeSuccess {
		t.Fatalf("%s from the cache: %v", name, r)
	}
	s.must("cache", "clear", name)
	for range enough {
		if r := s.resolve(name); r.Rcode == miekg.RcodeSuccess {
			t.Fatal("still answered from memory")
		}
	}
}
