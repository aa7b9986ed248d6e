package zone

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// checkSignatures verifies every signature of a reply with the key and demands
// one for everything in answer and authority but delegations and what a DNAME
// stands for.
func checkSignatures(t *testing.T, m *dns.Msg, k *Key) {
	t.Helper()
	all := slices.Concat(m.Answer, m.Ns)
	signed := map[string]bool{}
	id := func(rr dns.RR, qtype uint16) string { return rr.Header().Name + dns.TypeToString[qtype] }
	for _, rr := range all {
		sig, ok := rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		var set []dns.RR
		for _, other := range all {
			if other.Header().Name == sig.Hdr.Name && other.Header().Rrtype == sig.TypeCovered {
				set = append(set, dns.Copy(other))
			}
		}
		if err := sig.Verify(k.Public, set); err != nil {
			t.Errorf("%s: %v", sig, err)
		}
		signed[id(sig, sig.TypeCovered)] = true
	}
	hasDNAME := slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeDNAME })
	for _, rr := range all {
		switch qtype := rr.Header().Rrtype; {
		case qtype == dns.TypeRRSIG, qtype == dns.TypeNS && !m.Authoritative, qtype == dns.TypeCNAME && hasDNAME:
		case !signed[id(rr, qtype)]:
			t.Errorf("unsigned: %s", rr)
		}
	}
}

func TestSignatures(t *testing.T) {
	for _, alg := range []uint8{dns.ECDSAP256SHA256, dns.ED25519, dns.RSASHA256} {
		for _, denial := range []Denial{NSEC, NSEC3, NSEC3OptOut} {
			k := key(alg)
			z := newZone(t, denial, k)
			names := append(z.Names(), "none.test.", "a.wild.test.", "b.a.www.test.", "x.plain.test.", "x.only.here.test.", "x.old.test.")
			for _, name := range names {
				for _, qtype := range []uint16{dns.TypeA, dns.TypeMX, dns.TypeDS, dns.TypeDNSKEY, dns.TypeNS, dns.TypeSOA} {
					checkSignatures(t, Reply([]*Zone{z}, query(name, qtype)), k)
				}
			}
		}
	}
}

// TestNSECProofs checks by the intervals that the right things are denied.
func TestNSECProofs(t *testing.T) {
	z := newZone(t, NSEC, key(dns.ECDSAP256SHA256))
	covers := func(m *dns.Msg, name string) bool {
		return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool {
			nsec, ok := rr.(*dns.NSEC)
			if !ok {
				return false
			}
			owner, next, k := sortKey(nsec.Hdr.Name), sortKey(nsec.NextDomain), sortKey(name)
			isLast := slices.Compare(next, owner) <= 0
			return slices.Compare(owner, k) < 0 && (isLast || slices.Compare(k, next) < 0)
		})
	}
	for _, c := range []struct{ asked, denied string }{
		{"none.test.", "none.test."}, {"none.test.", "*.test."},
		{"x.www.test.", "x.www.test."}, {"x.www.test.", "*.www.test."},
		{"zzz.test.", "zzz.test."}, {"x.wild.test.", "x.wild.test."},
		{"b.c.test.", "b.c.test."}, // an empty non-terminal has no NSEC
	} {
		if m := Reply([]*Zone{z}, query(c.asked, dns.TypeA)); !covers(m, c.denied) {
			t.Errorf("%s: nothing covers %s: %v", c.asked, c.denied, m.Ns)
		}
	}
}

// TestNSEC3Proofs checks which names the NSEC3 records of a reply match and
// cover (RFC 5155 sections 8.4 to 8.9).
func TestNSEC3Proofs(t *testing.T) {
	plain := newZone(t, NSEC3, key(dns.ECDSAP256SHA256))
	optOut := newZone(t, NSEC3OptOut, key(dns.ECDSAP256SHA256))
	for _, c := range []struct {
		z               *Zone
		name            string
		qtype           uint16
		matches, covers []string
	}{
		{plain, "none.test.", dns.TypeA, []string{"test."}, []string{"none.test.", "*.test."}},
		{plain, "z.y.x.www.test.", dns.TypeA, []string{"www.test."}, []string{"x.www.test.", "*.www.test."}},
		{plain, "www.test.", dns.TypeMX, []string{"www.test."}, nil},
		{plain, "c.test.", dns.TypeMX, []string{"c.test."}, nil},
		{plain, "y.x.wild.test.", dns.TypeA, nil, []string{"x.wild.test."}},
		{plain, "y.x.wild.test.", dns.TypeMX, []string{"wild.test.", "*.wild.test."}, []string{"x.wild.test."}},
		{plain, "plain.test.", dns.TypeDS, []string{"plain.test."}, nil},
		{plain, "x.only.here.test.", dns.TypeA, []string{"only.here.test."}, nil},
		{optOut, "plain.test.", dns.TypeDS, []string{"test."}, []string{"plain.test."}},
		{optOut, "x.only.here.test.", dns.TypeA, []string{"test."}, []string{"here.test."}},
		{optOut, "here.test.", dns.TypeA, []string{"test."}, []string{"here.test."}},
		{optOut, "none.here.test.", dns.TypeA, []string{"test."}, []string{"here.test.", "*.test."}},
	} {
		m := Reply([]*Zone{c.z}, query(c.name, c.qtype))
		holds := func(f func(*dns.NSEC3) bool) bool {
			return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { n3, ok := rr.(*dns.NSEC3); return ok && f(n3) })
		}
		for _, name := range c.matches {
			if !holds(func(n3 *dns.NSEC3) bool { return n3.Match(name) }) {
				t.Errorf("%s %s: nothing matches %s: %v", c.name, dns.TypeToString[c.qtype], name, m.Ns)
			}
		}
		for _, name := range c.covers {
			if !holds(func(n3 *dns.NSEC3) bool { return n3.Cover(name) }) {
				t.Errorf("%s %s: nothing covers %s: %v", c.name, dns.TypeToString[c.qtype], name, m.Ns)
			}
		}
	}
}

// TestBreaking breaks single RRsets and looks whether exactly those are broken.
func TestBreaking(t *testing.T) {
	k := key(dns.ECDSAP256SHA256)
	z := newZone(t, NSEC, k)
	verify := func(name string) error {
		n := z.nodes[name]
		return n.sigs[dns.TypeA][0].(*dns.RRSIG).Verify(k.Public, n.sets[dns.TypeA])
	}
	z.Corrupt("www.test.", dns.TypeA)
	z.Resign("ns.test.", dns.TypeA, NewKey("test.", "stranger", dns.ECDSAP256SHA256, FlagsKSK), time.Now(), time.Now())
	z.Unsign("a.b.c.test.", dns.TypeA)
	if verify("www.test.") == nil || verify("ns.test.") == nil {
		t.Error("a broken signature verifies")
	}
	if len(z.nodes["a.b.c.test."].sigs[dns.TypeA]) > 0 {
		t.Error("still signed")
	}
	if err := verify("*.wild.test."); err != nil {
		t.Errorf("something else is broken: %v", err)
	}
	z.DropDenial()
	if got := digest(Reply([]*Zone{z}, query("none.test.", dns.TypeA))); got != "NXDOMAIN aa |  | SOA | " {
		t.Errorf("got %s", got)
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	k := key(AlgUnknown)
	z := newZone(t, NSEC, k)
	m := Reply([]*Zone{z}, query("www.test.", dns.TypeA))
	if sig := m.Answer[1].(*dns.RRSIG); sig.Algorithm != AlgUnknown || sig.KeyTag != k.Public.KeyTag() {
		t.Error(sig)
	}
	if _, err := m.Pack(); err != nil {
		t.Error(err)
	}
	if ds := k.DS(200); ds.DigestType != 200 || ds.KeyTag != k.Public.KeyTag() {
		t.Error(ds)
	}
}
