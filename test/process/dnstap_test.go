package process

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	miekg "github.com/miekg/dns"
	"google.golang.org/protobuf/proto"
)

// A receiver that comes later, and again after it had gone, hears of queries and answers.
func TestDnstap(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	socket := s.path("dnstap.sock")
	s.must("config", "set", "-p", "/logging/dnstap", fmt.Sprintf(`{"enable": true, "unix-socket": %q, "log-queries": true, "log-responses": true, "log-tcp-rtt": true}`, socket))
	s.waitLog("dnstap receiver is away")
	for round := range 2 {
		frames, stop := tapReceiver(t, socket)
		s.waitLog("dnstap receiver is there")
		s.serves(port)
		deadline := time.After(patience)
		for _, want := range []string{"CLIENT_QUERY UDP", "CLIENT_RESPONSE UDP", "CLIENT_QUERY TCP", "CLIENT_RESPONSE TCP"} {
			select {
			case d := <-frames:
				m := d.GetMessage()
				if got := fmt.Sprint(m.GetType(), " ", m.GetSocketProtocol()); got != want {
					t.Errorf("round %d: %s, expected %s", round, got, want)
				}
				var q miekg.Msg
				if err := q.Unpack(slices.Concat(m.GetQueryMessage(), m.GetResponseMessage())); err != nil || q.Question[0].Name != "localhost." {
					t.Errorf("round %d: %v, %v", round, q, err)
				}
				if rtt := len(d.GetExtra()) > 0; rtt != (want == "CLIENT_QUERY TCP") {
					t.Errorf("round %d: %s: extra %q", round, want, d.GetExtra())
				}
			case <-deadline:
				t.Fatalf("round %d: no %s", round, want)
			}
		}
		stop()
	}
	s.must("stop")
	s.waitExit()
}

// MG-17: the receiver stops reading. All questions are answered as before, memory stays as it is, what cannot be told is counted, and
// the receiver that takes its place hears of new queries at once.
func TestMG17DnstapStalled(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	socket := s.path("dnstap.sock")
	s.must("config", "set", "-p", "/logging/dnstap", fmt.Sprintf(`{"enable": true, "unix-socket": %q, "log-queries": true, "log-responses": true}`, socket))
	frames, leave := tapReceiver(t, socket) // after the configuration, which a worker that ends again tries first
	s.waitLog("dnstap receiver is there")
	worker := s.workers()[0]
	read := drain(frames)
	usual := s.askMany(tapQuestions)
	s.eventually("nothing waits for the receiver", func() bool { m := s.tapped(); return m["sent"]+m["dropped"] == 2*tapQuestions })
	read()
	dropped := s.tapped()["dropped"]
	before := anonymous(t, worker)

	stalled := s.askMany(tapQuestions) // nobody takes frames any more
	s.waitLog("dnstap receiver is away")
	afterwards := s.askMany(tapQuestions)
	grown := anonymous(t, worker) - before
	dropped = s.tapped()["dropped"] - dropped
	t.Logf("%d questions took %v, with a receiver that does not read %v, then %v; %d events dropped, %d KiB more", tapQuestions, usual, stalled, afterwards, dropped, grown>>10)
	most := 16 << 20
	if buildFlags != nil {
		most *= 4 // the search for data races remembers who has used the memory
	}
	if grown > most {
		t.Errorf("the worker has grown by %d bytes", grown)
	}
	if least := 2*2*tapQuestions - 20_000; dropped < least {
		t.Errorf("%d events were dropped, expected %d or more", dropped, least)
	}

	read = drain(frames)
	leave()
	read()
	began := time.Now()
	frames, leave = tapReceiver(t, socket)
	s.hears(frames, "new.localhost.")
	took := time.Since(began)
	t.Logf("heard of again after %v", took)
	if took > 5*time.Second {
		t.Error("too late")
	}
	read = drain(frames)
	leave()
	read()
	if now := s.workers(); len(now) != 1 || now[0] != worker {
		t.Errorf("worker %d, then %v", worker, now)
	}
}

// tapQuestions are far more than there is room for in all queues on the way to a receiver.
const tapQuestions = 20_000

// askMany asks that many questions over UDP, each port one after the other, and returns how long that took. Each must be answered.
func (s *system) askMany(n int) time.Duration {
	s.t.Helper()
	const ports = 16
	began := time.Now()
	var asking sync.WaitGroup
	for range ports {
		asking.Go(func() {
			conn, err := net.Dial("udp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
			if err != nil {
				s.t.Error(err)
				return
			}
			defer conn.Close()
			answer := make([]byte, 512)
			for i := range n / ports {
				conn.SetDeadline(time.Now().Add(patience))
				conn.Write(localhost(uint16(i)))
				if _, err := conn.Read(answer); err != nil {
					s.t.Errorf("question %d of a port: %v", i, err)
					return
				}
			}
		})
	}
	asking.Wait()
	return time.Since(began)
}

// hears asks for a name until the receiver is told of it.
func (s *system) hears(frames <-chan *dnstap.Dnstap, name string) {
	s.t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case d := <-frames:
			var q miekg.Msg
			if q.Unpack(d.GetMessage().GetQueryMessage()) == nil && len(q.Question) > 0 && q.Question[0].Name == name {
				return
			}
		case <-again.C:
			s.resolve(name)
		case <-deadline:
			s.t.Fatal("the receiver does not hear of", name)
		}
	}
}

// drain takes frames until stop is called.
func drain(frames <-chan *dnstap.Dnstap) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-frames:
			case <-end:
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// tapped returns the counters of the only worker's tap.
func (s *system) tapped() map[string]int {
	s.t.Helper()
	var all map[string]struct{ Dnstap map[string]int }
	if err := json.Unmarshal([]byte(s.must("metrics")), &all); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range all {
		if m.Dnstap != nil {
			return m.Dnstap
		}
	}
	return nil
}

// anonymous returns the memory of a process that no file is behind, in bytes.
func anonymous(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kib int
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// tapReceiver passes on what one sender says on the socket, until stop is called.
func tapReceiver(t *testing.T, socket string) (frames <-chan *dnstap.Dnstap, stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan *dnstap.Dnstap, 100)
	ended := make(chan struct{})
	conns := make(chan net.Conn, 1)
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		conns <- conn
		r, err := framestream.NewReader(conn, &framestream.ReaderOptions{ContentTypes: [][]byte{dnstap.FSContentType}, Bidirectional: true})
		if err != nil {
			return
		}
		for b := make([]byte, 70000); ; {
			n, err := r.ReadFrame(b)
			if err != nil {
				return
			}
			d := new(dnstap.Dnstap)
			if err := proto.Unmarshal(b[:n], d); err != nil {
				t.Error(err)
			}
			received <- d
		}
	}()
	return received, func() {
		l.Close()
		(<-conns).Close()
		<-ended
	}
}
