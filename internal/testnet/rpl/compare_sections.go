package rpl

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// section compares one section by the rules of dialect and level.
func (c *comparison) section(s dns.Section) {
	want, got := c.entry.Message.Sections[s], c.message.Sections[s]
	ttl := c.entry.Match.TTL && c.dialect == Unbound
	if c.level == Strict {
		if c.dialect == Unbound {
			c.inOrder(s, want, got, ttl)
		} else {
			c.sameSet(s, want, got, ttl)
		}
		return
	}
	switch s {
	case dns.Answer:
		c.sameSet(s, want, reversed(c.message.Questions, got), ttl)
		c.chain(got)
	case dns.Authority:
		c.included(s, c.needed(want), got, ttl)
	}
}

func (c *comparison) inOrder(s dns.Section, want, got []Record, ttl bool) {
	same := slices.EqualFunc(want, got, func(a, b Record) bool { return key(a, ttl) == key(b, ttl) })
	c.add(s.String()+" section", same, recordsText(want), recordsText(got))
}

// sameSet: as many records, and each of one in the other.
func (c *comparison) sameSet(s dns.Section, want, got []Record, ttl bool) {
	missing, extra := without(want, got, ttl), without(got, want, ttl)
	same := len(missing) == 0 && len(extra) == 0 && len(want) == len(got)
	c.add(s.String()+" section", same, recordsText(want), recordsText(got))
}

// reversed leaves out the alias of a reverse name from IPv6 to IPv4 that DNS64 makes: whether there is one, or the records are
// answered under the name asked, is a matter of style (RFC 6147 section 5.3.1).
func reversed(asked []dns.Question, got []Record) []Record {
	q, ok := questionOf(asked)
	if !ok || q.Type != dns.TypePTR || len(got) < 2 || got[0].Type != dns.TypeCNAME || got[0].Owner.Lower() != q.Name.Lower() {
		return got
	}
	target, err := dns.Target(got[0].RData)
	if _, v6 := dns.ReverseAddr6(q.Name.Lower()); !v6 || err != nil || !target.Under(dns.MustName("in-addr.arpa")) {
		return got
	}
	rest := slices.Clone(got[1:])
	for i := range rest {
		if rest[i].Owner.Lower() == target {
			rest[i].Owner = q.Name
		}
	}
	return rest
}

func (c *comparison) included(s dns.Section, want, got []Record, ttl bool) {
	missing := without(want, got, ttl)
	c.add(s.String()+" section", len(missing) == 0, recordsText(missing), recordsText(got))
}

// without returns the records of a that are not in b.
func without(a, b []Record, ttl bool) (rest []Record) {
	have := make(map[string]bool)
	for _, r := range b {
		have[key(r, ttl)] = true
	}
	for _, r := range a {
		if !have[key(r, ttl)] {
			rest = append(rest, r)
		}
	}
	return rest
}

// key identifies a record: owner and embedded names without regard to case, TTL only if asked.
func key(r Record, ttl bool) string {
	b := append([]byte(nil), r.Owner.Lower()...)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(r.Class))
	if ttl {
		b = binary.BigEndian.AppendUint32(b, r.TTL)
	}
	return string(dns.AppendCanonical(b, r.Type, r.RData))
}

// needed lists the records of an expected authority section that every resolver must give: SOA and
// proofs of denials, proofs of wildcard answers, the latter two only to those who asked for DNSSEC.
func (c *comparison) needed(want []Record) (list []Record) {
	negative := c.negative()
	for _, r := range want {
		t := r.Type
		if t == dns.TypeRRSIG && len(r.RData) >= 2 {
			t = dns.Type(binary.BigEndian.Uint16(r.RData))
		}
		proof := t == dns.TypeNSEC || t == dns.TypeNSEC3
		soa := negative && t == dns.TypeSOA
		if soa && r.Type == dns.TypeSOA || (soa || proof) && c.entry.Message.DO {
			list = append(list, r)
		}
	}
	return list
}

// negative says whether the expected answer is a denial.
func (c *comparison) negative() bool {
	t := &c.entry.Message
	if t.RCode == dns.RCodeNXDomain {
		return true
	}
	q, _ := questionOf(t.Questions)
	return t.RCode == dns.RCodeNoError && !slices.ContainsFunc(t.Sections[dns.Answer], func(r Record) bool {
		return r.Type == q.Type || q.Type == dns.TypeANY
	})
}

// chain: aliases of an answer must come in the order in which they are followed.
func (c *comparison) chain(got []Record) {
	q, ok := questionOf(c.message.Questions)
	if !ok {
		return
	}
	name := q.Name.Lower()
	for i, r := range got {
		if r.Type != dns.TypeCNAME || q.Type == dns.TypeCNAME || q.Type == dns.TypeANY {
			continue
		}
		if r.Owner.Lower() != name {
			c.add("order of aliases", false, "an alias of "+name.String(), recordsText(got[i:i+1]))
			return
		}
		target, err := dns.WireName(r.RData)
		if err != nil {
			return
		}
		name = target.Lower()
	}
}

// recordsText lists records for people, one a line.
func recordsText(list []Record) string {
	if len(list) == 0 {
		return "none"
	}
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "\n      %s", recordText(r))
	}
	return b.String()
}

func recordText(r Record) string {
	const shown = 100 // of a signature or key
	e := dns.NewEncoder(nil, 65535)
	e.Header(0, 0)
	e.Record(dns.Answer, r.Owner, r.Type, r.Class, r.TTL, r.RData)
	text := fmt.Sprintf("%v %d %v %v \\# %x", r.Owner, r.TTL, r.Class, r.Type, r.RData)
	if rr, _, err := miekg.UnpackRR(e.Bytes(), dns.HeaderLength); err == nil {
		text = strings.ReplaceAll(rr.String(), "\t", " ")
	}
	if len(text) > shown+3 {
		text = text[:shown] + "..."
	}
	return text
}
