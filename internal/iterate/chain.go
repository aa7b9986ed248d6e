package iterate

import (
	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
)

// chain adds an entry found for a question to the answer and says where it leads: to
// another name when it is an alias for the type asked.
func chain(e *cache.Entry, name dns.Name, t dns.Type, to *collector) (next dns.Name, alias bool, err error) {
	set := &e.Answer
	switch {
	case e.Kind == cache.Positive && set.Type == dns.TypeDNAME && name.Below(set.Owner):
		to.add(e)
		next, ok := substitute(name, set)
		if !ok {
			return "", false, &Failure{RCode: dns.RCodeYXDomain, EDE: dns.NoEDE,
				Reason: "the DNAME of " + set.Owner.String() + " makes the name longer than 255 octets"}
		}
		to.Answer = append(to.Answer, synthesised(name, next, set.TTL))
		if t == dns.TypeCNAME { // this is the answer
			return "", false, nil
		}
		return next, true, nil
	case e.Kind == cache.Positive && set.Type == dns.TypeCNAME && t != dns.TypeCNAME && t != dns.TypeANY:
		to.add(e)
		next, err := dns.Target(set.RDatas.First())
		if err != nil {
			return "", false, failure(dns.EDEInvalidData, "malformed CNAME of %v", set.Owner)
		}
		return next, true, nil
	}
	to.add(e)
	return "", false, nil
}

// substitute applies a DNAME to a name below its owner (RFC 6672 section 2.2).
func substitute(name dns.Name, set *dns.RRset) (dns.Name, bool) {
	target, err := dns.Target(set.RDatas.First())
	if err != nil {
		return "", false
	}
	next := name[:len(name)-len(set.Owner)] + target
	return next, len(next) <= dns.MaxNameLength
}

// synthesised is the CNAME that goes with a DNAME (RFC 6672 section 3.1); it is never signed.
func synthesised(name, target dns.Name, ttl uint32) dns.RRset {
	return dns.RRset{Owner: name, Type: dns.TypeCNAME, TTL: ttl, RDatas: dns.RDatas(nil).Append([]byte(target))}
}

func entryClass(e *cache.Entry) string {
	switch e.Kind {
	case cache.NoData:
		return "nodata"
	case cache.NXDomain:
		return "nxdomain"
	case cache.Failure:
		return "failure"
	}
	return e.Answer.Type.String()
}

func rankWord(r cache.Rank) string {
	switch r {
	case cache.Secure:
		return "secure"
	case cache.Insecure:
		return "insecure"
	}
	return "unvalidated"
}
