package rpl

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
	"knot-resolver/internal/upstream"
	"knot-resolver/internal/worker"
)

// Times of the script.
const (
	answerTime = 5 * time.Second  // within which a Deckard client wants its answer
	patience   = 30 * time.Second // with which a step of the Unbound dialect waits for what it expects
)

// nsec3Iterations is what the scenarios need (FORMAT.md section 16): up to 123 in signed zones.
const nsec3Iterations = 150

// run is one playing of a scenario. All its methods are called from one goroutine.
type run struct {
	*Scenario
	options Options
	net     *network
	client  *upstream.Client
	worker  *worker.Worker
	twin    *worker.Worker

	changing bool // see again

	validator *dnssec.Validator
	anchors   *anchorFile // nil when none is kept up to date
	transfers *transfers  // nil when no zone is transferred
	macros    macros
	began     time.Time // when the script started

	at       int             // index of the current step
	served   int             // step number by which ranges are looked up
	used     map[*Entry]bool // entries that were replied with
	oneShots map[*Step]bool  // REPLY steps that are used up
	latest   *answer         // to the latest query of the Deckard dialect
	asked    *Entry          // of that query
	prior    []*request      // outstanding before the step of the Unbound dialect acted
	debt     time.Duration   // waited so far, to be taken off the next jump of the clock

	level      Level    // the best that can be reached yet
	reasons    []string // why not a better one
	failed     *Step
	failure    []string
	transcript []string

	queries sync.WaitGroup
	mu      sync.Mutex
	answers []*answer // that no step has consumed, oldest first

	differing []string // see again

	timely map[netip.Addr]*atomic.Bool // state of the TCP connection that each client has
}

// answer is what a client got.
type answer struct {
	query *Step
	edns  bool // the query had EDNS
	raw   []byte
	msg   *message
}

// start sets the clock and makes the resolver.
func start(s *Scenario, up *Setup, minimise bool, o Options) *run {
	if wait := time.Until(up.Start); wait > 0 {
		time.Sleep(wait)
	}
	r := &run{Scenario: s, options: o, used: make(map[*Entry]bool), oneShots: make(map[*Step]bool), timely: make(map[netip.Addr]*atomic.Bool), began: time.Now()}
	r.macros = macros{vars: make(map[string]string), clock: r.clock, timeout: r.untilLook}
	r.net = newNetwork(s.listens)
	r.client = upstream.New(r.net, upstream.Options{})
	r.validator = up.validator(r.epoch)
	r.worker, r.twin = up.workers(r.client, r.validator, minimise)
	r.changing = up.Prefetch || up.Stale.Serve
	r.transfers = newTransfers(up)
	if up.Kept != nil {
		r.anchors = &anchorFile{zone: *up.Kept, due: r.began}
	}
	return r
}

// clock is the time on the clock of the Unbound dialect, which starts at zero and does not move while steps wait.
func (r *run) clock() time.Duration { return time.Since(r.began) - r.debt }

// epoch turns a moment into one of a clock that started in 1970.
func (r *run) epoch(now time.Time) time.Time { return time.Unix(0, 0).Add(now.Sub(r.began)) }

// untilLook is when the trust anchors are looked at next.
func (r *run) untilLook() time.Duration {
	if r.anchors == nil {
		return 0
	}
	return time.Until(r.anchors.due)
}

// validator makes the validator of a setup. Without a date the Unbound dialect has the time since epoch.
func (up *Setup) validator(epoch func(time.Time) time.Time) *dnssec.Validator {
	o := dnssec.Options{SHA1: true, NSEC3Iterations: nsec3Iterations}
	if len(up.Unverified) > 0 {
		o.Override = up.trusted
	}
	switch {
	case up.Frozen:
		o.At = func(time.Time) time.Time { return up.Start }
	case up.Epoch:
		o.At = epoch
	}
	return dnssec.New(o)
}

// workers makes the resolver of a setup, and its twin.
func (up *Setup) workers(client *upstream.Client, validator *dnssec.Validator, minimise bool) (first, twin *worker.Worker) {
	store := mem.New(mem.Options{Size: 64 << 20, Merge: cache.Replaces})
	rules, err := up.Policy.rules()
	if err != nil {
		panic("policy of the scenario: " + err.Error())
	}
	o := worker.Options{Rules: rules, UDPSize: 4096, Admit: admit.Rules{RefuseNoRD: !up.AllowNoRD}, Sentinel: true,
		NSID: up.NSID, Chaos: up.Chaos, Keepalive: up.Keepalive, Cookies: up.Cookies, DNS64: up.synthesis(), Renumber: up.Renumber}
	resolution := iterate.Options{
		Rebinding: up.guard(),
		Cache:     cache.New(store, cache.Options{TTLMin: up.MinTTL, TTLMax: up.MaxTTL}),
		Client:    client, Stats: upstream.NewStats(nil, 0), Validator: validator, Log: slog.New(slog.DiscardHandler),
		RootHints: up.Hints, Anchors: up.Anchors, Negative: up.Negative, Glue: up.Glue, Minimise: minimise, Case0x20: true,
		IPv4: up.IPv4, IPv6: up.IPv6, Addresses: upstream.AddressOptions{QueryLoopback: up.Loopback, Never: up.Never}, UDPSize: 4096,
		Forwards: up.Forwards, NAT64: up.NAT64, Workarounds: up.Workarounds, Prefetch: up.Prefetch, Stale: up.Stale,
	}
	first = worker.New(o, resolution)
	return first, worker.New(o, resolution)
}

// trusted takes all signatures with algorithms of the past as good, as long as there is one.
func (up *Setup) trusted(algorithm uint8) dnssec.VerifyFunc {
	if !slices.Contains(up.Unverified, algorithm) {
		return nil
	}
	return func(_ dns.DNSKEY, _, signature []byte) bool { return len(signature) > 0 }
}

// stop ends everything that runs in the bubble.
func (r *run) stop() {
	r.transfers.stop()
	r.queries.Wait() // each ends with its resolution, for which there is a time limit
	r.client.Close()
	r.net.conns.Wait()
}

// listens says whether TCP connections to an address come about.
func (s *Scenario) listens(a netip.Addr) bool {
	return slices.ContainsFunc(s.Ranges, func(r *Range) bool { return len(r.Addrs) == 0 || slices.Contains(r.Addrs, a) })
}

// play executes the steps in the order of the dialect.
func (r *run) play() {
	if r.Dialect == Deckard {
		r.playDeckard()
	} else {
		r.playUnbound()
	}
}

// ask sends the query of a step.
func (r *run) ask(s *Step) {
	client := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if s.Addr.IsValid() {
		client = s.Addr
	}
	req := &server.Request{Raw: s.Entry.Message.query(r.Dialect, uint16(s.Number)), Client: netip.AddrPortFrom(client, 5353), Transport: server.UDP}
	if s.Entry.Match.TCP {
		req.Transport = server.TCP
		if r.timely[client] == nil {
			r.timely[client] = new(atomic.Bool)
		}
		req.Keepalive = r.timely[client]
	}
	r.log("step %d: query %s", s.Number, questionsText(s.Entry.Message.Questions))
	sent, err := decode(req.Raw)
	edns := err == nil && sent.OPT != nil
	r.queries.Go(func() {
		raw, done := r.worker.Inline(nil, req)
		if !done {
			raw = r.worker.Resolve(context.Background(), nil, req)
		}
		r.again(s, req, raw)
		r.deliver(&answer{query: s, edns: edns, raw: raw}, req.Transport)
	})
}

// deliver hands an answer to the script; nothing at all is none.
func (r *run) deliver(a *answer, t server.Transport) {
	if len(a.raw) == 0 {
		return
	}
	if msg, err := decode(a.raw); err == nil {
		msg.TCP = t == server.TCP
		a.msg = msg
	}
	r.mu.Lock()
	r.answers = append(r.answers, a)
	r.mu.Unlock()
	r.net.notify()
}

// pending returns the answers that no step has consumed.
func (r *run) pending() []*answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.answers)
}

func (r *run) consume(a *answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = slices.DeleteFunc(r.answers, func(other *answer) bool { return other == a })
}

// await lets the resolver work, with serve replying to what it asks, until done or the time is up.
func (r *run) await(limit time.Duration, serve, done func() bool) bool {
	end := time.Now().Add(limit)
	for {
		synctest.Wait()
		if serve() {
			continue
		}
		if done() {
			return true
		}
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		timer := time.NewTimer(left)
		select {
		case <-r.net.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// compare compares an answer with what a step expects, at both levels. It notes why the
// strict one is missed and returns the differences at the portable one.
func (r *run) compare(a *answer, s *Step) []Difference {
	at := func(l Level) []Difference {
		c := comparison{entry: s.Entry, dialect: r.Dialect, level: l, message: a.msg}
		c.edns = a.edns
		return c.run()
	}
	if a.msg == nil {
		return []Difference{{"answer", "a message", fmt.Sprintf("%x", a.raw)}}
	}
	differences := at(Portable)
	if strict := at(Strict); len(strict) > 0 && len(differences) == 0 {
		r.lessen("step %d %v", s.Number, strict[0])
	}
	return differences
}

// texts lists differences for people, with what the resolver itself says about the answer.
func texts(differences []Difference, a *answer) (list []string) {
	for _, d := range differences {
		list = append(list, d.String())
	}
	if a.msg == nil {
		return list
	}
	if data, ok := a.msg.OPT.option(dns.OptionEDE); ok && len(data) > 2 {
		list = append(list, fmt.Sprintf("the answer says: %v: %s", dns.EDECode(binary.BigEndian.Uint16(data)), data[2:]))
	}
	return list
}

// lessen notes why the strict level is missed.
func (r *run) lessen(format string, args ...any) {
	r.level = Portable
	const kept = 3
	if text := fmt.Sprintf(format, args...); len(r.reasons) < kept {
		r.reasons = append(r.reasons, text)
	}
}

// fail ends the run at a step. query is what is to be explained, if anything.
func (r *run) fail(s *Step, query *Entry, reasons ...string) {
	r.failed, r.failure = s, reasons
	if r.options.Explain && query != nil {
		r.explain(query)
	}
}

// explain resolves a question again, live, and records how.
func (r *run) explain(query *Entry) {
	q, ok := questionOf(query.Message.Questions)
	if !ok {
		return
	}
	done := make(chan struct{})
	r.queries.Go(func() {
		defer close(done)
		defer r.net.notify()
		trace, err := r.worker.Explain(context.Background(), q.Name.String(), q.Type.String())
		if err != nil {
			r.log("cannot be explained: %v", err)
			return
		}
		var text writer
		_ = explain.Render(&text, trace) // a writer in memory does not fail
		r.log("resolved again: %s", text)
	})
	r.log("-- asked again to see why")
	r.await(patience, r.serve, func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}

// writer collects text.
type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// serve replies to requests by the rules of the dialect, and says whether it did.
func (r *run) serve() bool {
	if r.Dialect == Deckard {
		return r.serveDeckard()
	}
	return r.serveUnbound()
}

func (r *run) log(format string, args ...any) {
	if r.options.Explain {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.transcript = append(r.transcript, fmt.Sprintf(format, args...))
	}
}
