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
	Answer   Kind = 1 + iota // records of the type asked, or a CNAME to be followed
	NoData                   // the name exists, the type does not
	NXDomain                 // the name does not exist
)

// Result is what the rules say about a question. Local data counts as secure.
type Result struct {
	Kind  Kind
	RRset *dns.RRset // for Answer; its owner is the name asked
	SOA   dns.RRset  // for NoData and NXDomain: the authority section
	Rule  string     // where the rule comes from, for people
	Owner dns.Name   // the name the rule was written for
}

// Lookup returns what the rules say about a name, in lower case, and a type. ok is false when they
// say nothing.
func (r *Rules) Lookup(name dns.Name, qtype dns.Type) (res Result, ok bool) {
	buf := r.keys.Get().(*[limits.RuleKeyBytes]byte)
	defer r.keys.Put(buf)
	key := AppendExactKey(buf[:0], name, qtype)
	if res, ok := r.exact(key, name, qtype); ok {
		return res, true
	}
	if qtype != dns.TypeCNAME && qtype != dns.TypeDS {
		binary.BigEndian.PutUint16(key[len(key)-2:], uint16(dns.TypeCNAME))
		if res, ok := r.exact(key, name, dns.TypeCNAME); ok {
			return res, true
		}
	}
	return r.subtree(key[:len(key)-3], name, qtype)
}

// exact looks up records under the key of name and type.
func (r *Rules) exact(key []byte, name dns.Name, t dns.Type) (Result, bool) {
	value, ok := r.kv.Get(key)
	if !ok {
		return Result{}, false
	}
	h, records, ok := parseExact(value)
	if !ok {
		return Result{}, false
	}
	if len(records) == 0 {
		return r.negative(NoData, h, name), true
	}
	return r.positive(h, name, name, t, records), true
}

// subtree looks for the closest subtree rule at name or above; for DS, which belongs to the parent,
// only above. key is an exact key without its type: its kind octet is replaced, and its prefixes
// are the keys of the ancestors.
func (r *Rules) subtree(key []byte, name dns.Name, qtype dns.Type) (Result, bool) {
	key[0] = subtreeKey
	for apex, first := name, true; ; apex, first = apex.Parent(), false {
		if !first || qtype != dns.TypeDS {
			if h, kind, ok := r.subtreeAt(key); ok {
				return r.apply(kind, h, apex, name, qtype), true
			}
		}
		if len(key) == 1 {
			return Result{}, false
		}
		key = key[:2+bytes.LastIndexByte(key[1:len(key)-1], 0)] // drop the last label
	}
}

func (r *Rules) subtreeAt(key []byte) (Header, Subtree, bool) {
	value, ok := r.kv.Get(key)
	if !ok {
		return Header{}, 0, false
	}
	return parseSubtree(value)
}

// apply answers from a subtree rule.
func (r *Rules) apply(kind Subtree, h Header, apex, name dns.Name, qtype dns.Type) Result {
	if name != apex {
		return r.below(kind, h, apex, name, qtype)
	}
	switch {
	case kind == SubtreeNXDomain:
		return r.negative(NXDomain, h, apex)
	case qtype == dns.TypeSOA:
		return r.positive(h, apex, apex, dns.TypeSOA, soaData())
	case qtype == dns.TypeNS && kind != SubtreeRedirect:
		return r.positive(h, apex, apex, dns.TypeNS, dns.RDatas(nil).Append([]byte(apex)))
	}
	return r.negative(NoData, h, apex)
}

// below answers for a name strictly below the apex.
func (r *Rules) below(kind Subtree, h Header, apex, name dns.Name, qtype dns.Type) Result {
	switch {
	case kind == SubtreeEmptyNoData:
		return r.negative(NoData, h, apex)
	case kind != SubtreeRedirect:
		return r.negative(NXDomain, h, apex)
	case qtype == dns.TypeNS || qtype == dns.TypeSOA:
		return r.negative(NoData, h, apex)
	}
	value, _ := r.kv.Get(AppendExactKey(nil, apex, qtype))
	own, records, ok := parseExact(value)
	if !ok || len(records) == 0 {
		return r.negative(NoData, h, apex)
	}
	return r.positive(own, apex, name, qtype, records)
}

func (r *Rules) positive(h Header, rule, owner dns.Name, t dns.Type, records dns.RDatas) Result {
	return Result{
		Kind:  Answer,
		RRset: &dns.RRset{Owner: owner, Type: t, TTL: h.TTL, RDatas: records},
		Rule:  r.origin(h.Origin),
		Owner: rule,
	}
}

func (r *Rules) negative(kind Kind, h Header, apex dns.Name) Result {
	return Result{
		Kind:  kind,
		SOA:   dns.RRset{Owner: apex, Type: dns.TypeSOA, TTL: h.TTL, RDatas: soaData()},
		Rule:  r.origin(h.Origin),
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
