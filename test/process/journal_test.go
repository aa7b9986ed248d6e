package process

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet"
)

// closeGate makes the servers of a world silent until open is called.
func closeGate(world *testnet.World) (open func()) {
	var opened atomic.Bool
	for _, server := range world.Servers() {
		server.SetQuirk(func(_ string, _, right *miekg.Msg) *miekg.Msg {
			if opened.Load() {
				return right
			}
			return nil
		})
	}
	return func() { opened.Store(true) }
}

// delay makes the servers of a world answer what they are asked from now on when open is called.
func delay(world *testnet.World) (open func()) {
	opened := make(chan struct{})
	for _, server := range world.Servers() {
		server.SetQuirk(func(_ string, _, right *miekg.Msg) *miekg.Msg {
			<-opened
			return right
		})
	}
	return func() { close(opened) }
}

// collect counts the different ids of answers until there are n of them, or for a time nothing comes.
func collect(conns []net.Conn, n int, patience time.Duration) int {
	var mu sync.Mutex
	var readers sync.WaitGroup
	ids := map[uint16]bool{}
	for _, conn := range conns {
		conn.SetReadDeadline(time.Now().Add(patience))
		readers.Go(func() {
			for answer := make([]byte, 4096); ; {
				size, err := conn.Read(answer)
				if err != nil {
					return
				}
				mu.Lock()
				if refusal(answer[:size]) == "" {
					ids[binary.BigEndian.Uint16(answer)] = true
				}
				if len(ids) == n {
					for _, c := range conns {
						c.SetReadDeadline(time.Unix(1, 0))
					}
				}
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	return len(ids)
}

// hold asks questions, of which all are in work when it returns: the servers must not answer.
func (s *system) hold(questions int) (conns []net.Conn) {
	s.t.Helper()
	for range 16 { // they meet both workers
		conn, err := net.Dial("udp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	g := generator{names: func(i int) string { return fmt.Sprintf("q%d.insecure.se.", i) }}
	for i := range questions {
		conns[i%len(conns)].Write(g.ask(uint16(i), i))
	}
	s.eventually("all are in work", func() bool { return s.counted("server", "resolving") == questions })
	return conns
}

// inWorkWith starts a system that has so many questions in work, which its servers answer after open.
func inWorkWith(t *testing.T, kind string, questions int, gate func(*testnet.World) (open func())) (s *system, conns []net.Conn, open func()) {
	t.Helper()
	world, o := internet(t)
	o.supervisor = kind
	s = start(t, o)
	s.resolve("known.insecure.se.")
	open = gate(world)
	return s, s.hold(questions), open
}

// FT-01: questions in work when all workers are killed are answered by their successors, though nobody asks again.
// What was answered, or was in work in an orderly replacement, is not.
func TestFT01InWork(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		const questions = 400
		s, conns, open := inWorkWith(t, kind, questions, closeGate)
		workers := s.role("kresd")
		for _, pid := range workers {
			s.kill(pid)
		}
		open()
		if n := collect(conns, questions, patience); n != questions {
			t.Errorf("%d of %d answered", n, questions)
		}
		s.eventually("both workers are back", func() bool { return len(s.role("kresd")) == len(workers) })
		s.eventually("replays are counted", func() bool { return s.counted("server", "udp_replayed") == questions })
		s.must("reload", "--force")
		s.resolve("last.insecure.se.")
		if n, drops := s.counted("server", "udp_replayed"), s.counted("server", "udp_replay_drops"); n != questions || drops != 0 {
			t.Errorf("%d replayed, %d dropped", n, drops)
		}
	})
}

// FT-11: questions in work when everything is stopped are answered first.
func TestFT11StopInWork(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		const questions = 400
		s, conns, open := inWorkWith(t, kind, questions, delay)
		begin := time.Now()
		stopped := make(chan int, 1)
		go func() { _, _, status := s.ctl("stop"); stopped <- status }()
		time.Sleep(200 * time.Millisecond)
		open()
		if n := collect(conns, questions, patience); n != questions {
			t.Errorf("%d of %d answered", n, questions)
		}
		if status := <-stopped; status != 0 {
			t.Errorf("stop: status %d", status)
		}
		s.waitExit()
		t.Logf("stopped after %v", time.Since(begin))
	})
}
