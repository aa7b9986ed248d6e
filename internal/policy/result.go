package policy

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"knot-resolver/internal/dns"
)

// Kind is what becomes of a question.
type Kind uint8

// The kinds of results.
const (
	Answer   Kind = 1 + iota // records of the type asked, or a CNAME or DNAME to be followed
	NoData                   // the name exists, the type does not
	NXDomain                 // the name does not exist
	Pass                     // it is resolved, and no list has a say any more
	Drop                     // no answer at all
	TCPOnly                  // over UDP an answer that sends the client to TCP; over TCP as Pass
	TooLong                  // the name that a CNAME would lead to is too long: YXDOMAIN
	Refused                  // it is refused
)

// String names the kind as policy test and logs do.
func (k Kind) String() string {
	return [...]string{"none", "answer", "nodata", "nxdomain", "passthru", "drop", "tcp-only", "yxdomain", "refused"}[k]
}

// Result is what the rules say about a question. Local data counts as secure.
type Result struct {
	Kind  Kind
	RRset *dns.RRset  // for Answer; its owner is the name asked, or for DNAME a name above
	SOA   dns.RRset   // for denials: the authority section
	EDE   dns.EDECode // why it is not what the DNS says; dns.NoEDE when local data is simply so
	Rule  string      // where the rule comes from, for people
	Owner dns.Name    // the name the rule was written for; of a rule for addresses the name it is applied to
	List  int         // number of the list, 0 for local data
	Hint  bool        // an address of a name, or the name of an address, as in a hosts file
	About Addresses   // whose addresses the rule is about; 0 when it is about a name

	trigger dns.Name     // the name that the rule is about
	prefix  netip.Prefix // or the prefix
}

// Trigger is what the rule is about, for people.
func (r *Result) Trigger() string {
	switch r.About {
	case 0:
		return r.trigger.String()
	case serverName:
		return r.trigger.String() + " rpz-nsdname"
	case ClientAddress:
		return r.prefix.String() + " rpz-client-ip"
	case AnswerAddress:
		return r.prefix.String() + " rpz-ip"
	}
	return r.prefix.String() + " rpz-nsip"
}

// Circular says whether the result leads a name to itself, which stands for letting it pass.
func (r *Result) Circular(name dns.Name) bool {
	return r.Kind == Answer && r.RRset.Type == dns.TypeCNAME && string(r.RRset.RDatas.First()) == string(name)
}

// Answers says whether the result is an answer of its own, rather than a change to what servers said or a way to another name
// because of that.
func (r *Result) Answers() bool {
	switch r.About {
	case AnswerAddress:
		return false
	case ServerAddress, serverName:
		return r.Kind != Pass && !(r.Kind == Answer && r.RRset.Type == dns.TypeCNAME)
	}
	return r.Kind != Pass
}

// own applies the records and marks of a group. rule is the name the group is for.
func (r *Rules) own(g *group, rule dns.Name, q Query) (Result, bool) {
	if rr, ok := g.find(Records, uint16(q.Type)); ok {
		return r.positive(rr, rule, q.Name, q.Type), true
	}
	if q.Type != dns.TypeCNAME {
		if rr, ok := g.find(Records, uint16(dns.TypeCNAME)); ok {
			return r.positive(rr, rule, q.Name, dns.TypeCNAME), true
		}
	}
	if rr, ok := g.find(Substitute, uint16(dns.TypeCNAME)); ok {
		return r.substitute(rr, rule, q.Name), true
	}
	rr, ok := g.find(Marked, 0)
	if !ok {
		return Result{}, false
	}
	apex := rule
	if rule != q.Name && rule.IsWildcard() {
		apex = rule.Parent()
	}
	res := r.negative(kindOf(Mark(rr.Kind)), rr, apex)
	res.Owner = rule
	return res, true
}

func kindOf(m Mark) Kind {
	return [...]Kind{MarkNone: NoData, MarkNoData: NoData, MarkNXDomain: NXDomain, MarkPass: Pass, MarkDrop: Drop, MarkTCP: TCPOnly}[min(m, MarkTCP)]
}

// at answers for the apex of a subtree rule.
func (r *Rules) at(tree Rule, apex dns.Name, t dns.Type) (Result, bool) {
	kind := Subtree(tree.Kind)
	switch {
	case kind == SubtreeResolve:
		return Result{Kind: Pass, Owner: apex}, true
	case kind == SubtreeRefused:
		return r.negative(Refused, tree, apex), true
	case kind == SubtreeDNAME:
		return Result{}, false
	case kind == SubtreeNXDomain:
		return r.negative(NXDomain, tree, apex), true
	case t == dns.TypeSOA:
		tree.RDatas = r.soa
		return r.positive(tree, apex, apex, dns.TypeSOA), true
	case t == dns.TypeNS && kind != SubtreeRedirect:
		tree.RDatas = dns.RDatas(nil).Append([]byte(apex))
		return r.positive(tree, apex, apex, dns.TypeNS), true
	}
	return r.negative(NoData, tree, apex), true
}

// below answers for a name strictly below the apex of a subtree rule.
func (r *Rules) below(g *group, tree Rule, apex dns.Name, q Query) (Result, bool) {
	switch Subtree(tree.Kind) {
	case SubtreeResolve:
		return Result{Kind: Pass, Owner: apex}, true
	case SubtreeRefused:
		return r.negative(Refused, tree, apex), true
	case SubtreeEmptyNoData:
		return r.negative(NoData, tree, apex), true
	case SubtreeDNAME:
		rr, ok := g.find(Records, uint16(dns.TypeDNAME))
		return r.positive(rr, apex, apex, dns.TypeDNAME), ok
	case SubtreeRedirect:
		return r.redirect(g, tree, apex, q), true
	}
	return r.negative(NXDomain, tree, apex), true
}

// redirect answers with the records of the apex, those that make it an apex excepted.
func (r *Rules) redirect(g *group, tree Rule, apex dns.Name, q Query) Result {
	if q.Type != dns.TypeNS && q.Type != dns.TypeSOA {
		if res, ok := r.own(g, apex, q); ok && (res.Kind == Answer || res.Kind == TooLong) {
			return res
		}
	}
	return r.negative(NoData, tree, apex)
}

// substitute makes the CNAME that a rule asks for, which puts the name asked in front of a suffix.
func (r *Rules) substitute(rr Rule, rule, name dns.Name) Result {
	target := append([]byte(name[:len(name)-1]), rr.RDatas.First()...)
	if len(target) > dns.MaxNameLength {
		res := r.negative(TooLong, rr, rule)
		res.Owner = rule
		return res
	}
	rr.RDatas = dns.RDatas(nil).Append(target)
	return r.positive(rr, rule, name, dns.TypeCNAME)
}

// positive copies the records: the rules may be gone when the answer is sent.
func (r *Rules) positive(rr Rule, rule, owner dns.Name, t dns.Type) Result {
	o := r.origin(rr.Origin)
	res := Result{
		Kind:  Answer,
		RRset: &dns.RRset{Owner: owner, Type: t, TTL: rr.TTL, RDatas: bytes.Clone(rr.RDatas)},
		EDE:   dns.NoEDE,
		Rule:  o.Text,
		Owner: rule,
		List:  o.List,
		Hint:  o.Hint,
	}
	if o.List > 0 {
		res.EDE = dns.EDEForged
	}
	return res
}

func (r *Rules) negative(kind Kind, rr Rule, apex dns.Name) Result {
	o := r.origin(rr.Origin)
	return Result{
		Kind:  kind,
		SOA:   dns.RRset{Owner: apex, Type: dns.TypeSOA, TTL: rr.TTL, RDatas: r.soa},
		EDE:   o.EDE,
		Rule:  o.Text,
		Owner: apex,
		List:  o.List,
	}
}

// soaData is the SOA of every local zone: localhost. nobody.invalid. 1 3600 1200 604800 10800
// (resolver.md 6.1).
func soaData() dns.RDatas {
	rdata := []byte("\x09localhost\x00\x06nobody\x07invalid\x00")
	for _, field := range [...]uint32{1, 3600, 1200, 604800, 10800} {
		rdata = binary.BigEndian.AppendUint32(rdata, field)
	}
	return dns.RDatas(nil).Append(rdata)
}
