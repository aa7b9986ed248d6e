package process

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

const (
	outstanding          = 10_000
	outstandingAddresses = 40       // that they are asked from: each may have a thousand
	outstandingCost      = 40 << 10 // of memory of the worker, at most
	outstandingOthers    = 40       // other names asked for meanwhile, of which 95 % have to be answered
	heapKept             = 12 << 20 // after that: cached cuts and failures, what is remembered of ten thousand servers, buffers for the next
	goroutinesAnyway     = 200      // of a worker, those that wait for work included
)

// TestOutstandingMisses has ten thousand names asked for whose servers do not answer, with many and with few descriptors
// (FT-42): goroutines, sockets and memory are bounded, others are served meanwhile, and everything is given back.
func TestOutstandingMisses(t *testing.T) {
	for _, descriptors := range []int{0, 1024, 256} {
		t.Run(strconv.Itoa(descriptors), func(t *testing.T) {
			o := silence(t)
			s := prepare(t, o)
			share := limits.Divide(limits.EnoughDescriptors)
			if descriptors > 0 {
				s.restrict(descriptors)
				share = limits.Divide(descriptors)
			}
			s.launch("")
			s.waitLog("everything started")
			s.miss10k(t, share)
			if descriptors == 0 { // servers are known to be slow now, so that more is outstanding at once
				s.miss10k(t, share)
			}
			if n := s.counted("server", "accept_errors"); n > 0 {
				t.Errorf("%d connections could not be accepted", n)
			}
		})
	}
}

// restrict has the system run with so many descriptors for each process.
func (s *system) restrict(descriptors int) {
	s.t.Helper()
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec %s \"$@\"\n", descriptors, s.program)
	s.program = s.path("restricted")
	if err := os.WriteFile(s.program, []byte(script), 0o700); err != nil {
		s.t.Fatal(err)
	}
}

// miss10k asks for the ten thousand names, checks the bounds.
func (s *system) miss10k(t *testing.T, share limits.Share) {
	t.Helper()
	pid := s.workers()[0]
	s.knows(t)
	before, idle, descriptors := memory(t, pid), s.goroutines(), opened(t, pid)
	heap := s.heap()
	answers := s.missAll(t)
	others := s.others(t)
	var most struct{ memory, goroutines, descriptors int }
	began := time.Now()
	for answers.Load() < outstanding && time.Since(began) < patience {
		s.knows(t)
		most.memory = max(most.memory, memory(t, pid))
		most.goroutines = max(most.goroutines, s.goroutines())
		most.descriptors = max(most.descriptors, opened(t, pid))
		time.Sleep(50 * time.Millisecond)
	}
	grown := most.memory - before
	t.Logf("%d names after %v: %d bytes each, at most %d KiB, %d goroutines, %d descriptors; %d others answered", answers.Load(),
		time.Since(began).Round(time.Millisecond), grown/outstanding, most.memory>>10, most.goroutines, most.descriptors, <-others)
	sockets := limits.OtherDescriptors + share.UpstreamStreams + share.Resolving*limits.ResolutionDescriptors
	for _, c := range []struct {
		what        string
		got, bounds int
	}{
		{"bytes for each name", grown / outstanding, outstandingCost},
		{"goroutines", most.goroutines, goroutinesAnyway + share.UpstreamStreams + share.Resolving*limits.ResolutionDescriptors},
		{"descriptors", most.descriptors, sockets},
		{"names not answered", outstanding - int(answers.Load()), 0},
	} {
		if c.got > c.bounds {
			t.Errorf("%d %s, at most %d", c.got, c.what, c.bounds)
		}
	}
	s.eventually("everything is given back", func() bool {
		return s.goroutines() <= idle+limits.IdleGoroutines+2 && opened(t, pid) <= descriptors+2
	})
	kept := 0
	s.eventually("the heap is as before", func() bool {
		kept = s.heap() - heap
		return kept <= heapKept
	})
	t.Logf("%d KiB of the heap are kept", kept>>10)
}

// others asks, from an address of its own and one after the other, for names that are not cached and have a server that
// answers, and says how many were answered.
func (s *system) others(t *testing.T) (answered <-chan int) {
	result := make(chan int, 1)
	go func() {
		n := 0
		for range outstandingOthers {
			if s.stub(fmt.Sprintf("m%d.%s", otherNames.Add(1), known)) {
				n++
			}
		}
		if n*100 < outstandingOthers*95 {
			t.Errorf("%d of %d other names answered", n, outstandingOthers)
		}
		result <- n
	}()
	return result
}

// otherNames makes the names of others different.
var otherNames atomic.Int64

// stub asks for a name the way a stub resolver does: twice, and over TCP when it is told to.
func (s *system) stub(name string) bool {
	for range 2 {
		for _, network := range []string{"udp", "tcp"} {
			c := miekg.Client{Net: network, Timeout: 2 * time.Second}
			m, _, err := c.Exchange(new(miekg.Msg).SetQuestion(name, miekg.TypeA), net.JoinHostPort(s.addr, strconv.Itoa(port)))
			if err != nil || m.Truncated {
				continue
			}
			if m.Rcode == miekg.RcodeSuccess && len(m.Answer) > 0 {
				return true
			}
			break
		}
	}
	return false
}

// knows checks that a cached name is answered.
func (s *system) knows(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("udp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(questionFor(1, known))
	conn.SetDeadline(time.Now().Add(time.Second))
	answer := make([]byte, 512)
	n, err := conn.Read(answer)
	if err != nil || refusal(answer[:n]) != "" {
		t.Errorf("%s is not answered: %v", known, err)
	}
}

func questionFor(id uint16, name string) []byte {
	e := dns.NewEncoder(nil, 512)
	e.Header(id, dns.FlagRD)
	e.Question(dns.Question{Name: dns.MustName(name), Type: dns.TypeA, Class: dns.ClassIN})
	return e.Bytes()
}

// missAll asks for all names, each once, and counts the answers that come.
func (s *system) missAll(t *testing.T) (answers *atomic.Int64) {
	t.Helper()
	answers = new(atomic.Int64)
	var conns []net.Conn
	for i := range outstandingAddresses {
		from := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 2, byte(1+i))}}
		c, err := from.Dial("udp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
		go func() {
			answer := make([]byte, 512)
			for {
				if _, err := c.Read(answer); err != nil {
					return
				}
				if id := binary.BigEndian.Uint16(answer); id > 0 {
					answers.Add(1)
				}
			}
		}()
	}
	host := fmt.Sprintf("h%d", otherNames.Add(1))
	for i := range outstanding {
		conns[i%len(conns)].Write(questionFor(uint16(i+1), fmt.Sprintf("%s.z%d.silent.", host, i)))
		if i%100 == 0 {
			time.Sleep(2 * time.Millisecond) // the buffers of the kernel are small
		}
	}
	return answers
}

var goroutinesLine = regexp.MustCompile(`goroutine profile: total (\d+)`)

// goroutines of the worker.
func (s *system) goroutines() int {
	s.t.Helper()
	m := goroutinesLine.FindStringSubmatch(s.profile("goroutine?"))
	if m == nil {
		s.t.Fatal("no number of goroutines")
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

var heapLine = regexp.MustCompile(`# HeapAlloc = (\d+)`)

// heap of the worker, in bytes, after its garbage was collected. Pools are empty after two times.
func (s *system) heap() int {
	s.t.Helper()
	s.profile("heap?gc=1&")
	m := heapLine.FindStringSubmatch(s.profile("heap?gc=1&"))
	if m == nil {
		s.t.Fatal("no size of the heap")
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// profile asks the worker for one of its profiles, as text.
func (s *system) profile(name string) string {
	s.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.path("run/control/kresd0.sock"))
	}}}
	answer, err := client.Get("http://worker/debug/pprof/" + name + "debug=1")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// opened is how many descriptors a process has.
func opened(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
