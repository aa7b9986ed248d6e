package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/dns"
)

// generator asks steadily, over UDP from many ports and over TCP with a connection for
// each question, until it is stopped. A question without an answer is asked once more,
// as every stub resolver does: over TCP when the connection breaks, over UDP after retry.
type generator struct {
	t     *testing.T
	addr  string
	names func(i int) string // of question i
	retry time.Duration

	rate, tcpRate int // questions per second

	end     chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex
	results map[string]*result // by protocol
}

// result is what became of the questions of one protocol.
type result struct {
	asked   int
	again   int           // first asked in vain
	lost    int           // both times
	longest time.Duration // until an answer
	took    []time.Duration
	why     map[string]int // what came in place of an answer
}

// percentile returns the time within which so many percent of the questions were answered.
func (r *result) percentile(percent int) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	slices.Sort(r.took)
	return r.took[(len(r.took)-1)*percent/100]
}

func (r *result) String() string {
	text := fmt.Sprintf("%d asked, %d twice, %d lost, 99%% within %v, longest %v", r.asked, r.again, r.lost,
		r.percentile(99).Round(time.Microsecond), r.longest.Round(time.Millisecond))
	for _, why := range slices.Sorted(maps.Keys(r.why)) {
		text += fmt.Sprintf(", %d: %s", r.why[why], why)
	}
	return text
}

// Rates of a generator where many tests run at once, in questions per second, and the ports it asks from over UDP. Of the
// questions of a rate that was measured, one in so many goes over TCP, as in these. See capacity_test.go.
const (
	udpRate  = 1280
	tcpRate  = 250
	udpPorts = 64
	tcpShare = (udpRate + tcpRate) / tcpRate
)

// askInterval is at least between two times that a port asks; it asks several questions then.
const askInterval = 10 * time.Millisecond

// generate starts a generator that asks for the names over both protocols.
func (s *system) generate(retry time.Duration, names func(i int) string) *generator {
	s.t.Helper()
	g := s.generator(port, names)
	g.retry = retry
	g.run("udp")
	g.run("tcp")
	return g
}

func (s *system) generator(port int, names func(i int) string) *generator {
	g := &generator{
		t: s.t, rate: udpRate, tcpRate: tcpRate, addr: net.JoinHostPort(s.addr, strconv.Itoa(port)), names: names, retry: 5 * time.Second,
		end: make(chan struct{}), results: map[string]*result{},
	}
	if s.rate > 0 {
		g.setRate(s.rate)
	}
	return g
}

// setRate divides a rate between the protocols.
func (g *generator) setRate(all int) { g.tcpRate = all / tcpShare; g.rate = all - g.tcpRate }

// run starts to ask over a protocol.
func (g *generator) run(network string) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.results[network] = &result{why: map[string]int{}}
	if network == "tcp" {
		g.running.Go(g.askTCP)
		return
	}
	for range udpPorts {
		conn, err := net.Dial("udp", g.addr)
		if err != nil {
			g.t.Fatal(err)
		}
		g.enlarge(conn.(*net.UDPConn))
		g.running.Go(func() { g.askUDP(conn) })
	}
}

// enlarge has a port hold the answers of a second at the highest rate: the generator may have to wait for its turn, too.
func (g *generator) enlarge(conn *net.UDPConn) {
	g.t.Helper()
	const octets = rampMost / udpPorts * 1024 // the kernel counts 768 for a short datagram
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, octets) }) // root only
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// stop waits for the last answers.
func (g *generator) stop() map[string]*result {
	close(g.end)
	g.running.Wait()
	return g.results
}

// note records the outcome of a question that was asked a number of times.
func (g *generator) note(network string, times int, answered bool, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.results[network]
	r.asked++
	if times > 1 || !answered {
		r.again++
	}
	if !answered {
		r.lost++
	}
	r.longest = max(r.longest, took)
	r.took = append(r.took, took)
}

// failed records what a question got in place of an answer.
func (g *generator) failed(network, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.results[network].why[why]++
}

// question is one that waits for its answer.
type question struct {
	raw   []byte
	first time.Time
	last  time.Time
	times int
}

// udpPort is one that the generator asks from.
type udpPort struct {
	g    *generator
	conn net.Conn

	mu      sync.Mutex
	waiting map[uint16]*question
}

// askUDP asks from one port: its share of the rate, answers meanwhile.
func (g *generator) askUDP(conn net.Conn) {
	p := &udpPort{g: g, conn: conn, waiting: map[uint16]*question{}}
	g.running.Go(p.receive)
	defer conn.Close() // ends receive
	interval := time.Second * udpPorts / time.Duration(g.rate)
	each := int((askInterval + interval - 1) / interval)
	tick := time.NewTicker(interval * time.Duration(each))
	defer tick.Stop()
	for i := 0; ; {
		select {
		case <-tick.C:
			for range each {
				p.send(i)
				i++
			}
			p.askAgain()
		case <-g.end:
			for p.askAgain() > 0 {
				<-tick.C
			}
			return
		}
	}
}

// send asks question i, unless the one with its id still waits.
func (p *udpPort) send(i int) {
	id, now := uint16(i), time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[id] == nil {
		p.waiting[id] = &question{p.g.ask(id, i), now, now, 1}
		p.conn.Write(p.waiting[id].raw)
	}
}

// receive takes answers until the port is closed.
func (p *udpPort) receive() {
	answer := make([]byte, 4096)
	for {
		n, err := p.conn.Read(answer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // the port of a server that is away
			time.Sleep(time.Millisecond)
			continue
		case n < 12:
			continue
		}
		id := binary.BigEndian.Uint16(answer)
		p.mu.Lock()
		if q := p.waiting[id]; q != nil {
			if why := refusal(answer[:n]); why != "" {
				p.g.failed("udp", why)
			} else {
				p.g.note("udp", q.times, true, time.Since(q.first))
				delete(p.waiting, id)
			}
		}
		p.mu.Unlock()
	}
}

// askAgain repeats questions that wait for long, gives up those that have been repeated, and returns how many wait.
func (p *udpPort) askAgain() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, q := range p.waiting {
		switch {
		case time.Since(q.last) < p.g.retry:
		case q.times == 1:
			p.g.failed("udp", "nothing came")
			q.times, q.last = 2, time.Now()
			p.conn.Write(q.raw)
		default:
			p.g.note("udp", q.times, false, 0)
			delete(p.waiting, id)
		}
	}
	return len(p.waiting)
}

func (g *generator) ask(id uint16, i int) []byte {
	e := dns.NewEncoder(nil, 512)
	e.Header(id, dns.FlagRD)
	e.Question(dns.Question{Name: dns.MustName(g.names(i)), Type: dns.TypeA, Class: dns.ClassIN})
	e.OPT(dns.EDNS{UDPSize: 1232}) // so that failures say why
	return e.Bytes()
}

// refusal says why a message is no answer; "" when it is one.
func refusal(raw []byte) string {
	var m dns.Message
	switch err := m.Parse(raw); {
	case err != nil:
		return err.Error()
	case !m.Flags().Has(dns.FlagQR) || m.RCode() == dns.RCodeServFail:
		return m.RCode().String() + " " + explanation(&m)
	}
	return ""
}

// explanation returns the extended error of a message.
func explanation(m *dns.Message) string {
	option, _ := m.EDNS.Option(dns.OptionEDE)
	if len(option) < 2 {
		return "without a reason"
	}
	return fmt.Sprintf("EDE %d %q", binary.BigEndian.Uint16(option), option[2:])
}

// askTCP opens a connection for each question.
func (g *generator) askTCP() {
	tick := time.NewTicker(time.Second / time.Duration(g.tcpRate))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-g.end:
			return
		}
		g.running.Go(func() {
			began := time.Now()
			times := 1
			err := g.exchange(i)
			if err != nil {
				g.failed("tcp", err.Error())
				times = 2
				err = g.exchange(i)
			}
			g.note("tcp", times, err == nil, time.Since(began))
		})
	}
}

// exchange asks question i over a new connection.
func (g *generator) exchange(i int) error {
	dialer := net.Dialer{Timeout: patience}
	if g.tcpRate > tcpRate { // one address does not have so many ports
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 254, byte(i>>8), byte(1+i%254))}
	}
	conn, err := dialer.Dial("tcp", g.addr)
	if err != nil {
		return cause(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	query := g.ask(uint16(i), i)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return cause(err)
	}
	answer := make([]byte, 4096)
	if _, err := io.ReadFull(conn, answer[:2]); err != nil {
		return cause(err)
	}
	n := int(binary.BigEndian.Uint16(answer))
	if n > len(answer) {
		return fmt.Errorf("an answer of %d octets", n)
	}
	if _, err := io.ReadFull(conn, answer[:n]); err != nil {
		return cause(err)
	}
	if why := refusal(answer[:n]); why != "" {
		return errors.New(why)
	}
	return nil
}

// cause is what went wrong and in which call, without the addresses, which differ each time.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// noneLost fails the test when questions were lost, or when more than mayRepeat of them
// had to be asked twice.
func noneLost(t *testing.T, what string, results map[string]*result, mayRepeat int) {
	t.Helper()
	for network, r := range results {
		t.Logf("%s, %s: %v", what, network, r)
		if r.lost > 0 || r.again > mayRepeat {
			t.Errorf("%s, %s: %v; none may be lost, %d asked twice", what, network, r, mayRepeat)
		}
	}
}
