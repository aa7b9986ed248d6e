package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/lmdb"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
	"knot-resolver/internal/worker"
)

const (
	bytesPerName = 600    // room for it in the file, the fill of its pages included
	batch        = 8192   // names written between two commits that are waited for
	runs         = 5      // of which the median counts
	inlineRun    = 200000 // queries
	udpRun       = 200000
)

// resolver is a worker over a cache in a file, and its socket.
type resolver struct {
	dir    string
	store  cache.Store
	cache  *cache.Cache
	worker *worker.Worker
	server *server.Server
	addr   netip.AddrPort
	filled int
}

func newResolver(dir string, most int) (*resolver, error) {
	dir, err := os.MkdirTemp(dir, "growth")
	if err != nil {
		return nil, err
	}
	r := &resolver{dir: dir}
	if r.store, err = lmdb.Open(lmdb.Options{Dir: dir, Size: 64<<20 + int64(most)*bytesPerName, Version: "growth", Merge: cache.Replaces}); err != nil {
		return nil, err
	}
	r.cache = cache.New(r.store, cache.Options{TTLMax: 24 * time.Hour})
	r.worker = worker.New(worker.Options{UDPSize: 1232, Admit: admit.Rules{RefuseNoRD: true}}, iterate.Options{Cache: r.cache})
	r.server = server.New(server.Options{Handler: r.worker})
	f, err := server.Listen(server.Spec{Addr: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		return nil, err
	}
	sock, err := server.FromFile(f)
	if err != nil {
		return nil, err
	}
	r.addr = sock.Addr()
	return r, r.server.Serve(sock)
}

func (r *resolver) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r.server.Shutdown(ctx)
	r.store.Close()
	os.RemoveAll(r.dir)
}

// name i of the cache. Neighbours in the cache are strangers.
func name(i int) dns.Name {
	return dns.MustName(fmt.Sprintf("www.%08x%d.com.", uint32(i)*2654435761, i))
}

// fill brings the cache up to n names.
func (r *resolver) fill(n int) error {
	for ; r.filled < n; r.filled++ {
		owner := name(r.filled)
		set := dns.RRset{Owner: owner, Type: dns.TypeA, TTL: 86400, RDatas: dns.RDatas(nil).Append([]byte{192, 0, 2, 1})}
		e := cache.Entry{Kind: cache.Positive, Rank: cache.Insecure, TTL: 86400, EDE: dns.NoEDE, Answer: set}
		r.cache.PutAnswer(owner, dns.TypeA, &e, time.Now())
		if r.filled%batch == 0 {
			if err := r.store.Flush(); err != nil {
				return err
			}
		}
	}
	if err := r.store.Flush(); err != nil {
		return err
	}
	if err := r.touch(); err != nil {
		return err
	}
	if s := r.store.Stats(); s.Dropped+s.Full+s.Failed > 0 {
		return fmt.Errorf("%d names did not get into the cache", s.Dropped+s.Full+s.Failed)
	}
	return nil
}

// touch reads all of the cache once: a worker that has run for a while has all of the file mapped.
func (r *resolver) touch() error {
	return r.store.View(func(v cache.Reader) error {
		sum := 0
		for _, value := range v.Range(nil) {
			sum += int(value[0])
		}
		if sum == 0 {
			return errors.New("the cache is empty")
		}
		return nil
	})
}

func (r *resolver) measure(n int) (p point, err error) {
	if err := r.fill(n); err != nil {
		return p, err
	}
	var inline, query []float64
	for range runs {
		one, err := r.inline(n)
		if err != nil {
			return p, err
		}
		whole, err := r.overUDP(n)
		if err != nil {
			return p, err
		}
		inline, query = append(inline, one), append(query, whole)
	}
	return point{names: n, inline: median(inline), query: median(query), bytes: int64(r.store.Stats().UsedBytes)}, nil
}

// inline is the cost of a hit, in µs, without its socket.
func (r *resolver) inline(n int) (float64, error) {
	queries := make([][]byte, inlineRun)
	for i := range queries {
		queries[i] = question(uint16(i), rand.IntN(n))
	}
	req := &server.Request{Client: netip.MustParseAddrPort("127.0.0.1:4000"), Transport: server.UDP}
	dst := make([]byte, 0, 4096)
	before := spent()
	for _, q := range queries {
		req.Raw = q
		if answer, done := r.worker.Inline(dst, req); !done || len(answer) < len(q) {
			return 0, fmt.Errorf("a name is not answered from the cache")
		}
	}
	return micros(spent()-before) / inlineRun, nil
}

// overUDP is the cost of a query with its socket. The client is another process.
func (r *resolver) overUDP(n int) (float64, error) {
	c := exec.Command("/proc/self/exe", "-ask", r.addr.String(), "-names", strconv.Itoa(n))
	c.Stderr = os.Stderr
	counted := r.server.Counters().UDPAnswers.Load()
	before := spent()
	if err := c.Run(); err != nil {
		return 0, err
	}
	took := spent() - before
	answers := r.server.Counters().UDPAnswers.Load() - counted
	if answers != udpRun {
		return 0, fmt.Errorf("%d of %d queries are answered", answers, udpRun)
	}
	return micros(took) / float64(answers), nil
}

// spent is the time of processors used by this process.
func spent() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
