package rpl

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/dns"
)

// playDeckard executes steps one after another; a query blocks until its answer is there.
func (r *run) playDeckard() {
	for i, s := range r.Steps {
		r.at, r.served = i, s.Number
		switch s.Type {
		case Query:
			r.queryDeckard(s)
		case CheckAnswer:
			r.checkDeckard(s)
		case TimePasses:
			d, err := r.elapse(s)
			if err != nil {
				r.fail(s, nil, err.Error())
			}
			r.await(d, r.serve, func() bool { return false })
		}
		if r.failed != nil {
			return
		}
	}
	r.mandatory()
}

func (r *run) queryDeckard(s *Step) {
	r.latest, r.asked = nil, s.Entry
	r.ask(s)
	if s.Entry.Message.Raw != nil {
		r.await(0, r.serve, func() bool { return true })
		return
	}
	r.await(answerTime, r.serve, func() bool {
		for _, a := range r.pending() {
			r.consume(a)
			if a.query == s {
				r.latest = a
			}
		}
		return r.latest != nil
	})
	if r.latest == nil {
		r.fail(s, s.Entry, fmt.Sprintf("no answer within %v", answerTime))
	}
}

func (r *run) checkDeckard(s *Step) {
	if r.latest == nil {
		r.fail(s, r.asked, "no answer to check")
		return
	}
	if differences := r.compare(r.latest, s); len(differences) > 0 {
		r.fail(s, r.asked, texts(differences, r.latest)...)
	}
}

// mandatory fails the run when an entry that had to be used was not.
func (r *run) mandatory() {
	for _, g := range r.Ranges {
		for _, e := range g.Entries {
			if e.Mandatory && !r.used[e] && len(r.Steps) > 0 {
				r.fail(r.Steps[len(r.Steps)-1], nil, fmt.Sprintf("the mandatory entry at line %d was not used", e.Line))
				return
			}
		}
	}
}

// serveDeckard replies to everything at once.
func (r *run) serveDeckard() bool {
	served := false
	for _, req := range r.net.outstanding() {
		if !r.exists(req.server) {
			r.log("  %v: lost, nobody is there", req)
			r.net.drop(req)
			continue
		}
		served = true
		e := r.entryFor(req)
		if e == nil {
			r.log("  %v: unscripted, refused", req)
			r.lessen("step %d: unscripted request %v", r.served, req)
			r.net.reply(req, [][]byte{refuse(req)})
			continue
		}
		r.log("  %v: entry at line %d", req, e.Line)
		r.used[e] = true
		r.net.reply(req, e.answer(req))
	}
	return served
}

// exists says whether there is a server at an address: in a range or in the data of a REPLY step.
func (r *run) exists(a netip.Addr) bool { return r.listens(a) || r.inReplies(a) }

func (r *run) inReplies(a netip.Addr) bool {
	for _, s := range r.Steps {
		if s.Type != Reply {
			continue
		}
		for _, section := range s.Entry.Message.Sections {
			for _, record := range section {
				if found, ok := dns.AddrOf(record.Type, record.RData); ok && found.Unmap() == a {
					return true
				}
			}
		}
	}
	return false
}

// entryFor finds what to reply to a request: in the first range that holds step and address,
// and only there; if there is none, in the REPLY steps to come.
func (r *run) entryFor(req *request) *Entry {
	anywhere := !r.listens(req.server)
	for _, g := range r.Ranges {
		if g.holds(r.served) && (anywhere || slices.Contains(g.Addrs, req.server)) {
			return g.entryFor(req, Deckard)
		}
	}
	for _, s := range r.Steps {
		if s.Type == Reply && s.Number >= r.served && !r.oneShots[s] && s.Entry.fits(req.msg, Deckard) {
			r.oneShots[s] = true
			return s.Entry
		}
	}
	return nil
}

func (g *Range) entryFor(req *request, d Dialect) *Entry {
	for _, e := range g.Entries {
		if e.fits(req.msg, d) {
			return e
		}
	}
	return nil
}

// elapse is how far a TIME_PASSES step moves the clock.
func (r *run) elapse(s *Step) (time.Duration, error) {
	if len(s.Args) < 2 || s.Args[0] != "ELAPSE" && (s.Args[0] != "EVAL" || r.Dialect == Deckard) {
		return 0, fmt.Errorf("TIME_PASSES %v is not understood", s.Args)
	}
	text := s.Args[1]
	if s.Args[0] == "EVAL" {
		var err error
		if text, err = r.macros.expand(strings.Join(s.Args[1:], " ")); err != nil {
			return 0, err
		}
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds < 0 {
		return 0, fmt.Errorf("bad time %q", text)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

func (req *request) String() string {
	transport := ""
	if req.msg.TCP {
		transport = " over TCP"
	}
	text := ""
	for _, q := range req.msg.Questions {
		text += fmt.Sprintf(" %v %v", q.Name.Lower(), q.Type)
	}
	return fmt.Sprintf("%v%s%s", req.server, transport, text)
}
