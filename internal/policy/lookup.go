package policy

import (
	"bytes"
	"encoding/binary"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Kind is the shape of an answer.
type Kind uint8

// The kinds of answers.
const (
	Answer   Kind = 1 + iota // records of the type asked, or a CNAME or DNAME to be followed
	NoData                   // the name exists, the type does not
	NXDomain                 // the name does not exist
	Drop                     // no answer at all; to an alias, which is answered already, a denial
	pass                     // resolve it
)

// Result is what the rules say about a question. Local data counts as secure.
type Result struct {
	Kind  Kind
	RRset *dns.RRset  // for Answer; its owner is the name asked, or for DNAME a name above
	SOA   dns.RRset   // for denials: the authority section
	EDE   dns.EDECode // for denials: why; dns.NoEDE when local data is simply so
	Rule  string      // where the rule comes from, for people
	Owner dns.Name    // the name the rule was written for
}

// Lookup returns what the rules say about a name, in lower case, and a type. ok is false when they
// say nothing.
func (r *Rules) Lookup(name dns.Name, qtype dns.Type) (res Result, ok bool) {
	buf := r.keys.Get().(*[limits.RuleKeyBytes]byte)
	defer r.keys.Put(buf)
	key := AppendExactKey(buf[:0], name, qtype)
	if res, ok = r.exact(key, name, name, qtype); !ok {
		res, ok = r.subtree(key[:len(key)-3], name, qtype)
	}
	if !ok || res.Kind == pass {
		return Result{}, false
	}
	return res, true
}

// exact answers a name with the records and marks of rule, which is the name itself or the wildcard
// that stands for it. key is the exact key of rule and the type.
func (r *Rules) exact(key []byte, rule, name dns.Name, qtype dns.Type) (Result, bool) {
	if value, ok := r.kv.Get(key); ok {
		return r.records(value, rule, name, qtype)
	}
	if qtype == dns.TypeCNAME {
		return Result{}, false
	}
	binary.BigEndian.PutUint16(key[len(key)-2:], uint16(dns.TypeCNAME))
	value, ok := r.kv.Get(key)
	if !ok {
		return Result{}, false
	}
	res, ok := r.records(value, rule, name, dns.TypeCNAME)
	if qtype == dns.TypeDS && rule == name && res.Kind != pass {
		return Result{}, false // it belongs to the parent
	}
	return res, ok
}

// records makes an answer of the value of an exact key.
func (r *Rules) records(value []byte, rule, name dns.Name, t dns.Type) (Result, bool) {
	h, mark, records, ok := parseExact(value)
	if !ok {
		return Result{}, false
	}
	switch mark {
	case MarkNone:
		return r.positive(h, rule, name, t, records), true
	case MarkPass:
		return Result{Kind: pass}, true
	}
	kind, apex := NoData, rule
	switch mark {
	case MarkNXDomain:
		kind = NXDomain
	case MarkDrop:
		kind = Drop
	}
	if rule != name {
		apex = rule.Parent()
	}
	res := r.negative(kind, h, apex)
	res.Owner = rule
	return res, true
}

// subtree looks for the closest subtree rule at name or above; for DS, which belongs to the parent,
// only above. key is an exact key without its type: its kind octet is replaced, and its prefixes
// are the keys of the ancestors.
func (r *Rules) subtree(key []byte, name dns.Name, qtype dns.Type) (Result, bool) {
	key[0] = subtreeKey
	for apex, first := name, true; ; apex, first = apex.Parent(), false {
		if value, ok := r.kv.Get(key); ok && (!first || qtype != dns.TypeDS) {
			if res, ok := r.apply(value, apex, name, qtype); ok {
				return res, true
			}
		}
		if len(key) == 1 {
			return Result{}, false
		}
		key = key[:2+bytes.LastIndexByte(key[1:len(key)-1], 0)] // drop the last label
	}
}

// apply answers from a subtree rule.
func (r *Rules) apply(value []byte, apex, name dns.Name, qtype dns.Type) (Result, bool) {
	h, kind, wildcard, ok := parseSubtree(value)
	if !ok {
		return Result{}, false
	}
	if name == apex {
		return r.at(kind, h, apex, qtype)
	}
	if wildcard {
		if rule, err := apex.Wildcard(); err == nil {
			// Types the wildcard says nothing about are nobody else's: the closest rule decides.
			res, ok := r.exact(AppendExactKey(nil, rule, qtype), rule, name, qtype)
			if !ok {
				res.Kind = pass
			}
			return res, true
		}
	}
	return r.below(kind, h, apex, name, qtype)
}

// at answers for the apex of a subtree rule.
func (r *Rules) at(kind Subtree, h Header, apex dns.Name, qtype dns.Type) (Result, bool) {
	switch {
	case kind == SubtreeNone || kind == SubtreeDNAME:
		return Result{}, false
	case kind == SubtreeNXDomain:
		return r.negative(NXDomain, h, apex), true
	case qtype == dns.TypeSOA:
		return r.positive(h, apex, apex, dns.TypeSOA, soaData()), true
	case qtype == dns.TypeNS && kind != SubtreeRedirect:
		return r.positive(h, apex, apex, dns.TypeNS, dns.RDatas(nil).Append([]byte(apex))), true
	}
	return r.negative(NoData, h, apex), true
}

// below answers for a name strictly below the apex.
func (r *Rules) below(kind Subtree, h Header, apex, name dns.Name, qtype dns.Type) (Result, bool) {
	switch kind {
	case SubtreeNone:
		return Result{}, false
	case SubtreeEmptyNoData:
		return r.negative(NoData, h, apex), true
	case SubtreeDNAME:
		return r.exact(AppendExactKey(nil, apex, dns.TypeDNAME), apex, apex, dns.TypeDNAME)
	case SubtreeRedirect:
		return r.redirect(h, apex, name, qtype), true
	}
	return r.negative(NXDomain, h, apex), true
}

// redirect answers with the records of the apex, those that make it an apex excepted.
func (r *Rules) redirect(h Header, apex, name dns.Name, qtype dns.Type) Result {
	if qtype != dns.TypeNS && qtype != dns.TypeSOA {
		res, ok := r.exact(AppendExactKey(nil, apex, qtype), apex, name, qtype)
		if ok && res.Kind == Answer {
			return res
		}
	}
	return r.negative(NoData, h, apex)
}

func (r *Rules) positive(h Header, rule, owner dns.Name, t dns.Type, records dns.RDatas) Result {
	return Result{
		Kind:  Answer,
		RRset: &dns.RRset{Owner: owner, Type: t, TTL: h.TTL, RDatas: records},
		EDE:   dns.NoEDE,
		Rule:  r.origin(h.Origin).Text,
		Owner: rule,
	}
}

func (r *Rules) negative(kind Kind, h Header, apex dns.Name) Result {
	origin := r.origin(h.Origin)
	return Result{
		Kind:  kind,
		SOA:   dns.RRset{Owner: apex, Type: dns.TypeSOA, TTL: h.TTL, RDatas: soaData()},
		EDE:   origin.EDE,
		Rule:  origin.Text,
		Owner: apex,
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
