package worker

import (
	"fmt"
	"net/netip"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
)

// PolicyQuery is a query that is not asked. Only the name is needed.
type PolicyQuery struct {
	Name, Type, Client, Protocol string
}

// TestPolicy says what the rules in force would do to a query, without asking it.
func (w *Worker) TestPolicy(query PolicyQuery) (*explain.Policy, error) {
	q, who, protocol, err := query.parse()
	if err != nil {
		return nil, err
	}
	who.w, who.rules = w, w.rules.Load()
	who.view = who.rules.View(who.client, netip.Addr{}, protocol)
	who.stream = protocol&(policy.UDP53) == 0
	who.listed = who.rules.Concerns(who.client)
	v := who.view
	p := &explain.Policy{Name: q.Name.String(), Type: q.Type.String(), Client: query.Client, Protocol: query.Protocol,
		View: v.Number, Tags: who.rules.TagNames(v.Tags), Treatment: string(v.Treatment), Options: exceptions(v), Steps: []explain.PolicyStep{}}
	if v.Treatment == policy.Resolve {
		q.Tags = v.Tags
		p.Steps = who.steps(q)
	}
	return p, nil
}

// parse fills in what is not given: type A, over UDP, from a client without a view.
func (query *PolicyQuery) parse() (q policy.Query, who *asker, protocol policy.Protocol, err error) {
	name, err := dns.ParseName(query.Name)
	if err != nil {
		return q, nil, 0, fmt.Errorf("name %q: %w", query.Name, err)
	}
	if query.Type == "" {
		query.Type = "A"
	}
	t, ok := dns.ParseType(query.Type)
	if !ok || t.IsMeta() {
		return q, nil, 0, fmt.Errorf("%q is no record type", query.Type)
	}
	if query.Protocol == "" {
		query.Protocol = "udp53"
	}
	if protocol, ok = policy.ParseProtocol(query.Protocol); !ok {
		return q, nil, 0, fmt.Errorf("protocol %q: expected udp53, tcp53, dot, doh or doq", query.Protocol)
	}
	who = new(asker)
	if query.Client != "" {
		if who.client, err = netip.ParseAddr(query.Client); err != nil {
			return q, nil, 0, fmt.Errorf("client %q: not an IP address", query.Client)
		}
		who.client = who.client.Unmap().WithZone("")
	}
	return policy.Query{Name: name.Lower(), Type: t}, who, protocol, nil
}

// exceptions are the options of a view that are not as usual.
func exceptions(v *policy.View) (list []string) {
	for _, o := range []struct {
		name string
		on   bool
	}{{"minimize", v.Minimize}, {"dns64", v.DNS64}, {"fallback", v.Fallback}} {
		if !o.on {
			list = append(list, o.name+": false")
		}
	}
	if v.PriceFactor != policy.PriceUnit {
		list = append(list, fmt.Sprintf("price-factor: %g", float64(v.PriceFactor)/policy.PriceUnit))
	}
	return list
}

// steps follows what rules say from name to name, as far as rules alone tell the way.
func (a *asker) steps(q policy.Query) (all []explain.PolicyStep) {
	for range limits.AliasSteps {
		v := a.rules.Lookup(q, true)
		if a.listed && len(all) == 0 && !(v.Found && v.List == 0) {
			v = a.rules.Client(q, a.client).First(v)
		}
		next, s := a.step(q, &v)
		if all = append(all, s); next == "" {
			break
		}
		q.Name = next
	}
	return all
}

// step is what rules say about one name, and the name to go on with.
func (a *asker) step(q policy.Query, v *policy.Verdict) (next dns.Name, s explain.PolicyStep) {
	s = explain.PolicyStep{Name: q.Name.String(), Verdict: "resolve"}
	lists := a.rules.Lists()
	for _, d := range v.Shadows {
		s.DryRun = append(s.DryRun, fmt.Sprintf("%s by %s of %s", d.Kind, d.Trigger(), lists[d.List-1].Name))
	}
	if apex, forwarded := a.w.engine.Forwarded(q.Name, q.Type, a); forwarded && v.Found && v.List == 0 && v.Kind != policy.Answer && apex.Under(v.Owner) {
		v.Found = false
		s.Source = "forward rule for " + apex.String()
	}
	for i := range lists {
		if l := &lists[i]; (l.Response || l.Servers) && (!v.Found || i+1 < v.List) {
			s.Unless = append(s.Unless, l.Name)
		}
	}
	if !v.Found {
		return "", s
	}
	s.Verdict, s.Source, s.Rule = v.Kind.String(), v.Rule, v.Trigger()
	if v.List > 0 {
		s.List = lists[v.List-1].Name
	}
	if v.EDE != dns.NoEDE && v.Kind != policy.Pass {
		s.EDE = fmt.Sprintf("%d (%v)", uint16(v.EDE), v.EDE)
	}
	if v.Kind != policy.Answer {
		return "", s
	}
	s.Records = explain.Records(v.RRset)
	if v.RRset.Type != dns.TypeCNAME || q.Type == dns.TypeCNAME || v.Circular(q.Name) {
		return "", s
	}
	target, err := dns.Target(v.RRset.RDatas.First())
	if err != nil {
		return "", s
	}
	return target.Lower(), s
}
