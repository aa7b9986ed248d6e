package rpl

import (
	"fmt"
	"slices"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/server"
)

// again answers a request from the cache, if that is possible, and notes what differs from its first answer: a client that asks
// again at once hears the same. The twin works over the cache of the worker that has answered, without its finished answers.
// Where answers are renewed before their end or given after it they change by themselves.
func (r *run) again(s *Step, req *server.Request, raw []byte) {
	if r.changing {
		return
	}
	second := *req
	second.Raw, second.Keepalive = slices.Clone(req.Raw), nil
	stored, done := r.twin.Inline(nil, &second)
	if !done || len(raw) == 0 || len(stored) == 0 {
		return
	}
	was, err := decode(raw)
	now, err2 := decode(stored)
	if err != nil || err2 != nil || was.said() == now.said() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.differing = append(r.differing, fmt.Sprintf("step %d, %s:\n  at first   %s\n  from cache %s", s.Number, questionsText(s.Entry.Message.Questions), was.said(), now.said()))
}

// said is what an answer tells, without what may change from one time to the next.
func (m *message) said() string {
	var all []string
	for _, section := range []dns.Section{dns.Answer, dns.Authority} {
		for _, set := range m.Sections[section] {
			all = append(all, fmt.Sprintf("%d %v %v %x", section, set.Owner, set.Type, set.RData))
		}
	}
	slices.Sort(all)
	return fmt.Sprintf("%v, AD %t: %s", m.RCode, m.Flags.Has(dns.FlagAD), strings.Join(all, "; "))
}
