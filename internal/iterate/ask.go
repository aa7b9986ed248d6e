package iterate

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/upstream"
)

// session asks the servers of a cut one question, one server after the other, until a
// response is good enough for the caller.
type session struct {
	*job
	cut     *cut
	name    dns.Name
	typ     dns.Type
	partial bool // a minimised question: the caller wants to see refusals and lame answers too

	servers  []candidate
	lookups  int
	rejected int
	last     int // index of the server whose response was returned last
	bogus    *Failure
	parental bool      // addresses were taken from the parents of the servers' zones
	faults   []string  // what went wrong, for the outcome
	attempts int       // questions sent
	timeouts int       // of them, over UDP and met with silence
	refused  bool      // a server refuses to answer
	unable   bool      // a server does not answer for another reason
	told     *Failure  // what a resolver that works for us says is wrong
	vague    *response // of a resolver that gives servers instead of an answer
	race     race      // of configured servers
}

// candidate is an address with what happened to it in this session.
type candidate struct {
	upstream.Candidate
	asked  int
	busy   bool // being asked
	closed bool // asking again is pointless
	tcp    bool // asked over TCP only
	plain  bool // asked without EDNS after it refused EDNS
}

func (j *job) session(c *cut, name dns.Name, t dns.Type) *session {
	s := &session{job: j, cut: c, name: name, typ: t}
	if c.target != nil {
		for _, server := range c.target.servers {
			s.servers = append(s.servers, candidate{Candidate: upstream.Candidate{Server: server.Addr, TLS: server.TLS}, tcp: server.TCP})
		}
		return s
	}
	n := 0
	for i := range c.servers {
		s.cachedAddresses(&c.servers[i])
		n += len(c.servers[i].addrs)
	}
	s.servers = make([]candidate, 0, min(n, limits.ServersPerCut))
	for i := range c.servers {
		s.addServer(&c.servers[i])
	}
	return s
}

// repeated starts from the silence that the servers have met other questions of this walk with: they are not asked more often
// because the question changes.
func (s *session) repeated(silences int) {
	for i := range s.servers {
		s.servers[i].asked, s.servers[i].Timeouts = silences, silences
	}
}

// mute says whether servers were asked and none said anything.
func (s *session) mute() bool { return s.timeouts > 0 && s.timeouts == s.attempts }

// addServer makes candidates of the addresses of a name server, each address once (AM-05).
func (s *session) addServer(ns *nameserver) {
	for _, a := range ns.addrs[:min(len(ns.addrs), limits.AddressesPerNS)] {
		if server, ok := s.e.server(a); ok && len(s.servers) < limits.ServersPerCut && !s.has(server) {
			s.servers = append(s.servers, candidate{Candidate: upstream.Candidate{Server: server}})
		}
	}
}

func (s *session) has(server netip.AddrPort) bool {
	for i := range s.servers {
		if s.servers[i].Server == server {
			return true
		}
	}
	return false
}

// next asks servers until one gives a response worth looking at.
func (s *session) next() (*response, error) {
	if s.cut.target != nil && len(s.servers) > 1 {
		return s.first()
	}
	for {
		if s.ctx.Err() != nil {
			return s.over()
		}
		open := s.open()
		if len(open) == 0 || s.allFailed(open) {
			if s.learnt() || s.lookUpServer() || len(open) == 0 && !s.partial && s.parentSide() {
				continue
			}
			if len(open) == 0 {
				return s.over()
			}
		}
		s.e.Stats.Fill(open)
		if err := s.mayAsk(); err != nil {
			return nil, err
		}
		choice := upstream.Choose(open, random64())
		a := s.attempt(choice, &open[choice.Index])
		if len(open) == 1 {
			a.query.Timeout = max(a.query.Timeout, limits.Patience(s.servers[a.server].asked))
		}
		a.run(s.ctx)
		if r, err := s.take(a); r != nil || err != nil {
			return r, err
		}
	}
}

// open lists the servers that may still be asked.
func (s *session) open() []upstream.Candidate {
	open := make([]upstream.Candidate, 0, len(s.servers))
	for i := range s.servers {
		if c := &s.servers[i]; !c.closed && !c.busy && c.asked < limits.SameQuestion {
			open = append(open, c.Candidate)
			open[len(open)-1].Number = i
		}
	}
	return open
}

func (s *session) allFailed(open []upstream.Candidate) bool {
	for i := range open {
		if open[i].Errors == 0 {
			return false
		}
	}
	return true
}

// attempt is one exchange with a server.
type attempt struct {
	e      *Engine
	budget *limits.Budget
	server int // index in the session's
	choice upstream.Choice
	query  upstream.Query

	reply *upstream.Reply
	err   error
}

// mayAsk says whether one more server may be asked for this link of a chain of aliases.
func (s *session) mayAsk() error {
	if s.budget.Spent(limits.KindUpstreamQueries)-s.begun >= limits.AliasStepQueries {
		return &limits.Exceeded{Kind: limits.KindUpstreamQueries, Limit: limits.AliasStepQueries}
	}
	return nil
}

// attempt prepares to ask a server.
func (s *session) attempt(choice upstream.Choice, known *upstream.Candidate) *attempt {
	c := &s.servers[known.Number]
	c.asked++
	s.attempts++
	edns := !c.plain && (!known.NoEDNS || s.cut.secure)
	q := upstream.Query{Name: s.name, Type: s.typ, EDNS: edns, DO: edns, CD: true, TCP: choice.TCP || c.tcp, TLS: choice.TLS,
		Case0x20: s.e.mixesCase(s.name) && !known.NoCase && !c.NoCase, UDPSize: s.e.UDPSize, Timeout: choice.Timeout}
	if s.toResolver() {
		q.RD, q.CD, q.Timeout = true, s.cut.target.cd, max(q.Timeout, limits.ForwardTimeout)
	}
	return &attempt{e: s.e, budget: s.budget, server: known.Number, choice: choice, query: q}
}

// run asks.
func (a *attempt) run(ctx context.Context) {
	a.reply, a.err = a.e.Client.Ask(ctx, a.choice.Server, a.query, a.budget)
	a.e.Stats.Report(a.choice, a.reply, a.err)
}

// toResolver says whether those asked resolve for us.
func (s *session) toResolver() bool { return s.cut.target != nil && s.cut.target.recursive }

// take draws the conclusion from an attempt that has run. No response and no error means: try the next server.
func (s *session) take(a *attempt) (*response, error) {
	c := &s.servers[a.server]
	if a.err != nil {
		return nil, s.failed(c, a.choice, a.err)
	}
	s.last = a.server
	r := read(a.reply, s.cut.bailiwick(s.name), s.name, s.typ, s.e.Glue == GluePermissive || s.toResolver())
	if s.toResolver() {
		s.listen(r, &a.reply.Msg)
	}
	r.server = a.choice.Server
	s.traceReply(r, a.reply)
	switch r.class {
	case errored, malformed, lame:
		return s.unhelpful(c, r, a.query.EDNS, a.reply.Bare)
	}
	return r, nil
}

// listen takes in a response of a resolver that works for us: it does not refer, and its failures say why.
func (s *session) listen(r *response, m *dns.Message) {
	if r.class == referral {
		r.class, s.vague = lame, r
	}
	ede, ok := m.EDNS.Option(dns.OptionEDE)
	if r.class != errored || !ok || len(ede) < 2 {
		return
	}
	s.told = failure(dns.EDECode(binary.BigEndian.Uint16(ede)), "V5T7: %s says %v for %v %v: %s", r.server, r.rcode, s.name, s.typ, strings.ToValidUTF8(string(ede[2:]), "?"))
}

// failed takes in an exchange without an answer. Only an exhausted budget ends the session.
func (s *session) failed(c *candidate, choice upstream.Choice, err error) error {
	s.trace.Add(explain.Step{Kind: explain.KindAsk, Name: s.name.String(), Type: s.typ.String(), Zone: s.cut.zone.String(),
		Server: choice.Server.String(), Text: err.Error()})
	var spent *limits.Exceeded
	if errors.As(err, &spent) {
		return spent
	}
	s.blame(c, choice, err)
	s.unable = true
	s.fault(err.Error())
	return nil
}

// blame counts a failed exchange against the server, unless it was no fault of its own.
func (s *session) blame(c *candidate, choice upstream.Choice, err error) {
	c.Errors++
	var e *upstream.Error
	if !errors.As(err, &e) {
		return
	}
	switch {
	case e.Kind == upstream.ErrNoRoute, e.Kind == upstream.ErrForbidden, e.Kind == upstream.ErrUntrusted, e.After == upstream.AfterTruncation:
		c.closed = true
	case choice.TCP && !c.tcp && c.TLS == nil && (e.Kind == upstream.ErrBusy || e.Kind == upstream.ErrUnreachable):
		c.asked-- // nothing was sent, and UDP is still worth a try
		c.TCPFailed = true
	case e.Kind == upstream.ErrBusy:
		c.closed = true
	case e.After == upstream.AfterOtherCase:
		c.NoCase = true // without TCP there is no other way to ask it
	case e.Transport != upstream.UDP:
		c.TCPFailed = c.TCPFailed || choice.TCP
	case e.Kind == upstream.ErrTimeout:
		c.Timeouts++ // no EDNS fallback on silence: that was given up by all on DNS flag day 2019
		s.timeouts++
		c.closed = s.partial // something else is asked then, see walker.instead
	}
}

// unhelpful decides what to do after a response that answers nothing.
func (s *session) unhelpful(c *candidate, r *response, edns, bare bool) (*response, error) {
	if r.class == errored && edns && !r.edns && (r.rcode == dns.RCodeFormErr || r.rcode == dns.RCodeNotImp) {
		c.plain = true // it may not know EDNS: once without (RFC 6891 section 7)
		if !bare && !s.cut.secure {
			s.e.Stats.EDNSBroken(c.Server)
		}
		return nil, nil
	}
	what := r.class.String()
	if r.class == errored {
		what = r.rcode.String()
	}
	c.Errors++
	c.closed = true
	if r.class == errored && r.rcode == dns.RCodeRefused {
		s.refused = true
	} else {
		s.unable = true
	}
	s.fault(r.server.String() + " says " + what)
	if s.partial {
		return r, nil
	}
	return nil, nil
}

// reject puts aside the response just returned by next. It returns the error that ends
// the session when it is of no use to ask further.
func (s *session) reject(err error) error {
	f := asFailure(err)
	if !f.Bogus {
		return err
	}
	if s.bogus == nil {
		s.bogus = f
	}
	c := &s.servers[s.last]
	c.Errors++
	// Without EDNS there are no signatures. What made us leave it out may have been forged, so it is tried again (SP-11).
	c.closed = !c.plain || !s.cut.secure
	c.plain = false
	if s.rejected++; s.rejected == limits.BogusServers {
		return s.bogus
	}
	return nil
}

func (s *session) fault(text string) {
	if len(s.faults) < 3 && !slices.Contains(s.faults, text) {
		s.faults = append(s.faults, text)
	}
}

// over ends a session that has nobody left to ask. If all a resolver has for a name is its servers, there is no record of the type.
func (s *session) over() (*response, error) {
	r := s.vague
	if f := s.forward(s.name, s.typ); f != nil && f.First {
		r = nil // the DNS knows better
	}
	if r == nil || s.bogus != nil || s.told != nil || s.ctx.Err() != nil {
		return nil, s.exhausted()
	}
	r.class, s.vague = noData, nil
	return r, nil
}

// exhausted is the failure of a session that has nobody left to ask.
func (s *session) exhausted() error {
	if s.bogus != nil {
		return s.bogus
	}
	if s.told != nil && s.ctx.Err() == nil {
		return s.told
	}
	why := strings.Join(s.faults, "; ")
	switch {
	case s.ctx.Err() != nil:
		why = "time is up; " + why
	case why == "":
		why = "none of them has a usable address"
	}
	f := failure(dns.EDENoReachableAuthority, "no server of %v answers %v %v: %s", s.cut.zone, s.name, s.typ, why)
	f.Refused = s.refused && !s.unable
	return f
}

func (s *session) traceReply(r *response, reply *upstream.Reply) {
	if !s.trace.On() {
		return
	}
	transport := strings.ToLower(reply.Transport.String())
	s.trace.Add(explain.Step{Kind: explain.KindAsk, Name: s.name.String(), Type: s.typ.String(), Zone: s.cut.zone.String(), Server: r.server.String(),
		Transport: transport, RTTMicros: reply.RTT.Microseconds(), RCode: r.rcode.String(), Class: r.class.String(), Text: reply.Degraded.String()})
}

// random64 returns 64 unpredictable bits.
func random64() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:])
}
