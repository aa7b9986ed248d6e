package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	miekg "github.com/miekg/dns"
)

const (
	hot    = "www.example.se."
	zone   = ".insecure.se." // unsigned, so that each new name below is a miss
	people = 50
	pause  = 250 * time.Millisecond
)

// number makes names that nobody has asked for.
var number atomic.Int64

func fresh(kind string) string { return kind + strconv.FormatInt(number.Add(1), 10) + zone }

// result is what clients got for one kind of question.
type result struct {
	mu    sync.Mutex
	asked int
	took  []time.Duration // of those answered
}

func (r *result) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.took)
	n := len(r.took)
	if n == 0 {
		return "none"
	}
	return fmt.Sprintf("%d of %d (%.2f %%), median %.1f ms, 99 %% %.1f ms", n, r.asked, 100*float64(n)/float64(r.asked), ms(r.took[n/2]), ms(r.took[n*99/100]))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// clients ask for a cached name and for one that is not, each from an address of its own, until ctx ends.
func clients(ctx context.Context) (cached, missed *result) {
	cached, missed = new(result), new(result)
	var running sync.WaitGroup
	for n := range people {
		ip := fmt.Sprintf("127.%d.%d.7", 100+n, n)
		running.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(pause) {
				cached.ask(ip, hot)
				missed.ask(ip, fresh("good"))
			}
		})
	}
	running.Wait()
	return cached, missed
}

// ask tries twice, as stub resolvers do.
func (r *result) ask(ip, name string) {
	start := time.Now()
	m, _ := exchange(ip, name)
	if m == nil {
		m, _ = exchange(ip, name)
	}
	took := time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if m != nil && (m.Rcode == miekg.RcodeSuccess && len(m.Answer) > 0 || m.Rcode == miekg.RcodeNameError) {
		r.took = append(r.took, took)
	}
}

// exchange asks by UDP, and over TCP when told to.
func exchange(ip, name string) (*miekg.Msg, error) {
	q := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
	target := net.JoinHostPort(address, strconv.Itoa(port))
	source := net.ParseIP(ip)
	c := miekg.Client{Timeout: 2 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: source}}}
	m, _, err := c.Exchange(q, target)
	if err != nil || !m.Truncated {
		return m, err
	}
	c = miekg.Client{Net: "tcp", Timeout: 2 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: source}}}
	m, _, err = c.Exchange(q, target)
	return m, err
}

// measure is how many misses a second are answered when there are always more, from many clients.
func measure(duration time.Duration) int {
	var answered atomic.Int64
	var running sync.WaitGroup
	end := time.Now().Add(duration)
	for n := range 100 {
		running.Go(func() {
			for time.Now().Before(end) {
				if m, err := exchange(fmt.Sprintf("127.60.%d.1", n), fresh("full")); err == nil && m.Rcode == miekg.RcodeNameError {
					answered.Add(1)
				}
			}
		})
	}
	running.Wait()
	return int(float64(answered.Load()) / duration.Seconds())
}
