package policy

import (
	"net/netip"
	"runtime"
	"slices"

	"knot-resolver/internal/dns"
)

// Query is what rules are looked up for.
type Query struct {
	Name dns.Name // in lower case
	Type dns.Type
	Tags Tags // of the client
}

// Verdict is what was found.
type Verdict struct {
	Result
	Found bool
	// Shadows are rules of lists in dry run that would have decided instead.
	Shadows []Result
}

// Lookup returns what local data says about a name and, for a client's query, what the lists do.
func (r *Rules) Lookup(q Query, lists bool) Verdict {
	if r == nil {
		return Verdict{}
	}
	defer runtime.KeepAlive(r)
	s := search{r: r, q: q, lists: lists}
	s.names(NameSpace, q.Name)
	return s.verdict()
}

// Client returns what the lists do to a client because of its address.
func (r *Rules) Client(q Query, client netip.Addr) Verdict {
	if !r.Concerns(client) {
		return Verdict{}
	}
	defer runtime.KeepAlive(r)
	s := search{r: r, q: q, lists: true}
	s.address(ClientAddress, client)
	return s.verdict()
}

// Concerns says whether there are rules about the address of a client.
func (r *Rules) Concerns(client netip.Addr) bool {
	if r == nil {
		return false
	}
	table := r.addresses[ClientAddress]
	return table != nil && table.find(client) != none
}

// Response is what is known of a name when it has been resolved.
type Response struct {
	Addresses       []netip.Addr // in the answer
	Servers         []dns.Name   // of the zones that hold the name, in lower case
	ServerAddresses []netip.Addr
}

// Resolved returns what lists before a given one do because of a response.
func (r *Rules) Resolved(q Query, resp *Response, before int) Verdict {
	if !r.Watches() {
		return Verdict{}
	}
	defer runtime.KeepAlive(r)
	var all []Verdict
	for _, part := range []func(*search){
		func(s *search) { s.allAddresses(AnswerAddress, resp.Addresses) },
		func(s *search) {
			for _, name := range resp.Servers {
				s.names(ServerSpace, name)
			}
		},
		func(s *search) { s.allAddresses(ServerAddress, resp.ServerAddresses) },
	} {
		s := search{r: r, q: q, lists: true, before: before}
		part(&s)
		all = append(all, s.verdict())
	}
	return first(all...)
}

// first is the verdict of the list that precedes the others; of one list the first.
func first(all ...Verdict) (v Verdict) {
	for _, other := range all {
		v.Shadows = append(v.Shadows, other.Shadows...)
		if other.Found && (!v.Found || other.List < v.List) {
			v.Found, v.Result = true, other.Result
		}
	}
	v.hide()
	return v
}

// First is the verdict that precedes the other: that of local data, or of the list that comes first.
func (v Verdict) First(other Verdict) Verdict { return first(v, other) }

// hide drops shadows that would not have decided, either.
func (v *Verdict) hide() {
	v.Shadows = slices.DeleteFunc(v.Shadows, func(s Result) bool { return v.Found && v.List < s.List })
}

// search looks for the rule that decides.
type search struct {
	r      *Rules
	q      Query
	lists  bool // to be asked
	before int  // only lists before this one; 0: all

	best    Result
	found   bool
	open    bool // local data farther away does not count
	depth   int  // octets of the name that the best rule is for, or bits of its prefix
	shadows []Result
}

func (s *search) verdict() Verdict {
	v := Verdict{Result: s.best, Found: s.found, Shadows: s.shadows}
	if len(v.Shadows) > 0 {
		v.hide()
	}
	return v
}

// names goes from a name up to the root. The closest rule of each list counts, and the closest of local data
// ends the search: what is farther away than that is overruled.
func (s *search) names(space byte, name dns.Name) {
	for apex := name; ; apex = apex.Parent() {
		if value, ok := s.r.kv.Get(space, string(apex)); ok && s.level(space, value, apex, name) {
			return
		}
		if apex == dns.Root {
			return
		}
	}
}

// level tries the groups of one key; done says that the search is over.
func (s *search) level(space byte, value []byte, apex, name dns.Name) (done bool) {
	for g, rest, ok := nextGroup(value); ok; g, rest, ok = nextGroup(rest) {
		o := s.r.origin(g.origin())
		if !o.Tags.admits(s.q.Tags) || o.List > 0 && !s.wants(o.List, len(apex)) || o.List == 0 && s.open {
			continue
		}
		if o.List > 0 {
			if res, ok := s.listed(&g, space, apex, name); ok {
				s.offer(res, o.List, len(apex))
			}
			continue
		}
		res, ok := s.local(&g, apex)
		if !ok {
			continue
		}
		if res.Kind == Pass {
			s.open = true
			continue
		}
		if !s.found || s.depth == len(apex) && !o.Special {
			s.best, s.found = res, true
		}
		return true
	}
	return false
}

// listed applies the rules of a list.
func (s *search) listed(g *group, space byte, apex, name dns.Name) (Result, bool) {
	rule := apex
	if (g.place == At) != (apex == name) {
		return Result{}, false
	}
	if g.place == Under {
		var err error
		if rule, err = apex.Wildcard(); err != nil {
			return Result{}, false
		}
	}
	if space == NameSpace {
		res, ok := s.r.own(g, rule, s.q)
		res.trigger = rule
		return res, ok
	}
	res, ok := s.r.own(g, s.q.Name, s.q)
	res.trigger, res.About = rule, serverName
	return res, ok
}

// local applies local data. A DS set belongs to the zone above, so rules for the name itself leave it alone.
func (s *search) local(g *group, apex dns.Name) (res Result, ok bool) {
	exact := apex == s.q.Name
	switch {
	case exact && (g.place == Under || s.q.Type == dns.TypeDS):
		return Result{}, false
	case exact:
		if res, ok = s.r.own(g, apex, s.q); ok {
			break
		}
		if tree, is := g.find(Tree, 0); is {
			res, ok = s.r.at(tree, apex, s.q.Type)
		}
	case g.place == Under:
		if rule, err := apex.Wildcard(); err == nil {
			res, ok = s.r.own(g, rule, s.q)
		}
	default:
		if tree, is := g.find(Tree, 0); is {
			res, ok = s.r.below(g, tree, apex, s.q)
		}
	}
	res.trigger = res.Owner
	return res, ok
}

// wants says whether a rule of a list could decide: no list before it has, nor has it a closer one.
func (s *search) wants(list, depth int) bool {
	if !s.lists || s.before > 0 && list >= s.before {
		return false
	}
	if !s.r.meta.Lists[list-1].DryRun {
		return !s.found || list < s.best.List || list == s.best.List && depth > s.depth
	}
	return !slices.ContainsFunc(s.shadows, func(r Result) bool { return r.List == list })
}

// offer takes a result that wants has asked for. Its list is that of its group, whatever a damaged rule says.
func (s *search) offer(res Result, list, depth int) {
	res.List = list
	if s.r.meta.Lists[list-1].DryRun {
		s.shadows = append(s.shadows, res)
		return
	}
	s.best, s.found, s.depth = res, true, depth
}

// allAddresses looks addresses up, the smaller first, which decides between prefixes of one length.
func (s *search) allAddresses(space Addresses, all []netip.Addr) {
	for _, a := range slices.SortedFunc(slices.Values(all), netip.Addr.Compare) {
		s.address(space, a)
	}
}

// address goes from the longest prefix that holds an address to the shortest.
func (s *search) address(space Addresses, a netip.Addr) {
	table := s.r.addresses[space]
	if table == nil {
		return
	}
	for n := table.find(a); n != none; n = table.nodes[n].wider {
		p := table.nodes[n].prefix
		bits := p.Bits() + 128 - p.Addr().BitLen()
		value, _ := s.r.kv.Get(byte(space), string(AppendPrefix(nil, p)))
		for g, rest, ok := nextGroup(value); ok; g, rest, ok = nextGroup(rest) {
			o := s.r.origin(g.origin())
			if o.List == 0 || !o.Tags.admits(s.q.Tags) || !s.wants(o.List, bits) {
				continue
			}
			if res, ok := s.r.own(&g, s.q.Name, s.q); ok {
				res.prefix, res.About = p, space
				s.offer(res, o.List, bits)
			}
		}
	}
}
