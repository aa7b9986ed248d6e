package rpl

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// playUnbound moves a pointer over the steps. What the script can reply to is replied to
// before a step is executed, with the number of that step.
func (r *run) playUnbound() {
	if len(r.Steps) > 0 && r.Steps[0].Type != TimePasses {
		r.served = r.Steps[0].Number
		r.look()
		if r.transfers.wanting() {
			r.transfer()
		}
	}
	for r.at < len(r.Steps) && r.failed == nil {
		s := r.Steps[r.at]
		r.served = s.Number
		if s.Type != CheckOutQuery { // which wants to see requests first
			r.await(0, r.serve, func() bool { return true })
		}
		if s.Type.movesOn() {
			r.prior = r.net.outstanding()
			r.execute(s)
		} else {
			r.execute(s)
			r.prior = r.net.outstanding()
		}
		r.at++
	}
	if left := r.pending(); len(left) > 0 && r.failed == nil {
		last := r.Steps[len(r.Steps)-1]
		r.fail(last, nil, fmt.Sprintf("the answer to the query of step %d was not expected: %s", left[0].query.Number, left[0].text()))
	}
}

// movesOn says whether the script goes to the next step before the step acts, so that the next one sees what it brings about.
func (t StepType) movesOn() bool { return t == Query || t == Reply || t == Timeout || t == Error }

func (r *run) execute(s *Step) {
	switch s.Type {
	case Query:
		r.ask(s)
	case CheckAnswer:
		r.checkUnbound(s)
	case CheckOutQuery:
		r.checkRequest(s)
	case Reply:
		if req := r.youngest(); req != nil {
			r.log("  %v: entry at line %d", req, s.Entry.Line)
			r.net.reply(req, s.Entry.answer(req))
		}
	case Timeout:
		if req := r.youngest(); req != nil {
			r.net.drop(req)
		}
	case Error:
		if req := r.youngest(); req != nil {
			req.conn.pipe.Close()
		}
	case TimePasses:
		r.pass(s)
		r.served = r.following(s)
		r.look()
		r.transfer()
	case Assign:
		if err := r.macros.assign(strings.Join(s.Args, " ")); err != nil {
			r.fail(s, nil, err.Error())
		}
	case CheckAutotrust:
		r.checkAnchors(s)
	case Traffic, Nothing:
	default:
		r.fail(s, nil, s.Type.String()+" is not implemented")
	}
}

// pass moves the clock, by less if it has moved while steps waited.
func (r *run) pass(s *Step) {
	d, err := r.elapse(s)
	if err != nil {
		r.fail(s, nil, err.Error())
		return
	}
	paid := min(d, r.debt)
	r.debt -= paid
	time.Sleep(d - paid)
}

// following is the number of the step after s.
func (r *run) following(s *Step) int {
	if r.at+1 < len(r.Steps) {
		return r.Steps[r.at+1].Number
	}
	return s.Number
}

// waited counts the time that passes in f.
func (r *run) waited(f func()) {
	began := time.Now()
	f()
	r.debt += time.Since(began)
}

// checkUnbound waits for an answer that fits.
func (r *run) checkUnbound(s *Step) {
	r.waited(func() {
		ready := func() bool { return len(r.candidates(s)) > 0 }
		r.await(patience, func() bool { return !ready() && r.serve() }, ready)
	})
	var best *answer
	var least []Difference
	for _, a := range r.candidates(s) {
		differences := r.compare(a, s)
		if len(differences) == 0 {
			r.consume(a)
			return
		}
		if best == nil || len(differences) < len(least) {
			best, least = a, differences
		}
	}
	if best == nil {
		r.fail(s, r.queryBefore(s), "no answer came")
		return
	}
	r.fail(s, best.query.Entry, texts(least, best)...)
}

// queryBefore returns the query that a failed step probably belongs to.
func (r *run) queryBefore(s *Step) *Entry {
	for i := slices.Index(r.Steps, s); i >= 0; i-- {
		if r.Steps[i].Type == Query {
			return r.Steps[i].Entry
		}
	}
	return nil
}

// candidates are the answers a CHECK_ANSWER step may be about.
func (r *run) candidates(s *Step) (list []*answer) {
	for _, a := range r.pending() {
		if !s.Addr.IsValid() || a.query.Addr == s.Addr {
			list = append(list, a)
		}
	}
	return list
}

// checkRequest waits for a request that fits a CHECK_OUT_QUERY step.
func (r *run) checkRequest(s *Step) {
	var found *request
	find := func() bool {
		for _, req := range slices.Backward(r.net.outstanding()) {
			if (!s.Addr.IsValid() || s.Addr == req.server) && s.Entry.fits(req.msg, Unbound) {
				found = req
				return true
			}
		}
		return false
	}
	r.waited(func() {
		r.await(patience, func() bool { return !find() && r.serve() }, find)
	})
	switch {
	case found == nil:
		r.fail(s, nil, "no such request was made")
	case s.Entry.Adjust.CopyID && slices.Contains(r.prior, found): // not if it is on its way only now
		r.net.reply(found, s.Entry.answer(found))
	}
}

func (r *run) youngest() *request {
	list := r.net.outstanding()
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// serveUnbound replies to one request, the youngest that fits an entry.
func (r *run) serveUnbound() bool {
	for _, req := range slices.Backward(r.net.outstanding()) {
		for _, g := range slices.Backward(r.Ranges) {
			if !g.holds(r.served) || len(g.Addrs) > 0 && !slices.Contains(g.Addrs, req.server) {
				continue
			}
			if e := g.entryFor(req, Unbound); e != nil {
				r.log("  %v: entry at line %d", req, e.Line)
				r.net.reply(req, e.answer(req))
				return true
			}
		}
	}
	return false
}

func (a *answer) text() string {
	if a.msg == nil {
		return fmt.Sprintf("%x", a.raw)
	}
	return fmt.Sprintf("%v, flags %s, answer %s", a.msg.RCode, flagsText(a.msg.Flags), recordsText(a.msg.Sections[0]))
}
