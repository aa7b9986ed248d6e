package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	miekg "github.com/miekg/dns"
)

// What is asked, in percent: names of the cache, the rest is asked for the first time, half of it below a zone where everything
// exists.
const cachedPercent = 80

const ports = 16 // that are asked from, each for a client

// load asks at a rate and counts the answers.
type load struct {
	rate            int
	conns           []net.Conn
	number          int
	asked, answered atomic.Int64
}

func newLoad(addr string, rate int) (*load, error) {
	l := &load{rate: rate}
	for i := range ports {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 3, byte(1+i))}}
		c, err := d.Dial("udp", addr)
		if err != nil {
			return nil, err
		}
		l.conns = append(l.conns, c)
		go func() {
			answer := make([]byte, 4096)
			for {
				if _, err := c.Read(answer); err != nil {
					return
				}
				l.answered.Add(1)
			}
		}()
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// run asks until ctx ends.
func (l *load) run(ctx context.Context) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begin, sent := time.Now(), 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(time.Since(begin).Seconds() * float64(l.rate)); sent < due; sent++ {
			q := new(miekg.Msg).SetQuestion(l.name(), miekg.TypeA)
			q.SetEdns0(1232, rand.IntN(3) == 0)
			raw, err := q.Pack()
			if err != nil {
				panic("BUG: " + err.Error())
			}
			if _, err := l.conns[sent%ports].Write(raw); err == nil {
				l.asked.Add(1)
			}
		}
	}
}

// name is what is asked for next.
func (l *load) name() string {
	l.number++
	switch {
	case rand.IntN(100) < cachedPercent:
		return fmt.Sprintf("n%d.wild.se.", rand.IntN(20000))
	case l.number%2 == 0:
		return fmt.Sprintf("f%d.wild.se.", l.number)
	}
	return fmt.Sprintf("f%d.insecure.se.", l.number)
}

// probe says whether somebody answers.
func probe(addr string) bool {
	c := miekg.Client{Timeout: 500 * time.Millisecond}
	m, _, err := c.Exchange(new(miekg.Msg).SetQuestion("www.example.se.", miekg.TypeA), addr)
	return err == nil && m.Rcode == miekg.RcodeSuccess
}
