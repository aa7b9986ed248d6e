package attack

import (
	"crypto"
	"time"

	miekg "github.com/miekg/dns"
)

// signer is a key of the attacker.
type signer struct {
	key  miekg.DNSKEY
	priv crypto.Signer
}

func newSigner(algorithm uint8) *signer {
	s := &signer{key: miekg.DNSKEY{Hdr: miekg.RR_Header{Rrtype: miekg.TypeDNSKEY, Class: miekg.ClassINET, Ttl: 3600}, Flags: 256, Protocol: 3, Algorithm: algorithm}}
	bits := 256
	if algorithm == miekg.ECDSAP384SHA384 {
		bits = 384
	}
	priv, err := s.key.Generate(bits)
	if err != nil {
		panic(err)
	}
	s.priv = priv.(crypto.Signer)
	return s
}

// public is the DNSKEY record in a zone.
func (s *signer) public(zone string) *miekg.DNSKEY {
	k := s.key
	k.Hdr.Name = zone
	return &k
}

// sign signs a set as a zone would; change, if any, makes a lie of the signature's fields before it is made.
func (s *signer) sign(zone string, set []miekg.RR, change ...func(*miekg.RRSIG)) *miekg.RRSIG {
	h := set[0].Header()
	sig := &miekg.RRSIG{
		Hdr:         miekg.RR_Header{Name: h.Name, Rrtype: miekg.TypeRRSIG, Class: miekg.ClassINET, Ttl: h.Ttl},
		TypeCovered: h.Rrtype, Algorithm: s.key.Algorithm, Labels: uint8(miekg.CountLabel(h.Name)), OrigTtl: h.Ttl,
		Expiration: uint32(time.Now().Add(24 * time.Hour).Unix()), Inception: uint32(time.Now().Add(-time.Hour).Unix()),
		KeyTag: s.public(zone).KeyTag(), SignerName: zone,
	}
	if miekg.CountLabel(h.Name) > 0 && h.Name[0] == '*' {
		sig.Labels--
	}
	if err := sig.Sign(s.priv, set); err != nil {
		panic(err)
	}
	for _, f := range change {
		f(sig)
	}
	return sig
}

// signed is a set with its signature.
func (s *signer) signed(zone string, set ...miekg.RR) []miekg.RR {
	return append(set, s.sign(zone, set))
}

// rr reads a record.
func rr(text string) miekg.RR {
	r, err := miekg.NewRR(text)
	if err != nil {
		panic(err)
	}
	return r
}

// reply makes an answer to q; sections as given.
func reply(q *miekg.Msg, rcode int, answer, authority, extra []miekg.RR) *miekg.Msg {
	m := new(miekg.Msg).SetReply(q)
	m.Compress, m.Authoritative, m.Rcode = true, true, rcode
	m.Answer, m.Ns, m.Extra = answer, authority, extra
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
	}
	return m
}

// referral makes m a referral.
func referral(q *miekg.Msg, authority, extra []miekg.RR) *miekg.Msg {
	m := reply(q, 0, nil, authority, extra)
	m.Authoritative = false
	return m
}
