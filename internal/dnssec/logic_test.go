package dnssec

import (
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

// relabelled signs a set as if it came from the wildcard with the given number of labels, signature and all:
// what a zone's owner can do who wants to reach beyond the zone.
func relabelled(s *signer, text string, labels uint8) dns.RRset {
	rrs := records(s.t, text)
	owner := dns.MustName(rrs[0].Header().Name)
	for _, rr := range rrs {
		rr.Header().Name = "*." + owner.Suffix(int(labels)).String()
	}
	set := s.expanded(strings.TrimSpace(rrs[0].String()), owner.String())
	return set
}

// DL-01: a signature must not claim a wildcard above its zone.
func TestDL01LabelsBelowSigner(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "attacker.tld.")
	set := relabelled(s, "www.attacker.tld. 300 IN A 192.0.2.1", 1)
	if sig, err := dns.ParseRRSIG(set.Sigs.First()); err != nil || sig.Labels != 1 {
		t.Fatalf("the test needs a signature with one label: %+v %v", sig, err)
	}
	_, verdict := v.Verify(&set, s.keys(v), now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "claims a wildcard above its zone")
}

// DL-02: labels of the signature against those of the owner.
func TestDL02Labels(t *testing.T) {
	v := New(Options{})
	s, root := newP256(t, "z."), newP256(t, ".")
	relabel := func(set dns.RRset, labels byte) dns.RRset { set.Sigs[2+3] = labels; return set }
	set := relabel(s.sign("www.z. 300 IN A 192.0.2.1"), 3)
	_, verdict := v.Verify(&set, s.keys(v), now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "has more labels than the name")
	cases := []struct {
		name string
		s    *signer
		set  dns.RRset
		want State
	}{
		{"owner + 1", s, relabel(s.sign("www.z. 300 IN A 192.0.2.1"), 3), Bogus},
		{"asterisk not counted", s, s.sign("*.z. 300 IN A 192.0.2.1"), Secure},
		{"asterisk counted", s, relabel(s.sign("*.z. 300 IN A 192.0.2.1"), 2), Bogus},
		{"asterisk in the middle counts", s, s.sign("a.*.z. 300 IN A 192.0.2.1"), Secure},
		{"zero labels below the root", s, relabel(s.sign("www.z. 300 IN A 192.0.2.1"), 0), Bogus},
		{"apex of the root", root, root.sign(". 300 IN NS a."), Secure},
		{"wildcard owner from a wildcard above", s, s.expanded("*.z. 300 IN A 192.0.2.1", "*.a.z."), Secure},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, verdict := v.Verify(&c.set, c.s.keys(v), now, new(limits.Budget))
			wantState(t, verdict, c.want)
		})
	}
}

// DL-03: the signer is the zone, and the zone holds the name.
func TestDL03Signer(t *testing.T) {
	v := New(Options{})
	zone, sibling, child, parent := newP256(t, "a.test."), newP256(t, "b.test."), newP256(t, "c.a.test."), newP256(t, "test.")
	cases := []struct {
		name string
		keys *Keys
		set  dns.RRset
		want string
	}{
		{"sibling signs", zone.keys(v), sibling.sign("www.a.test. 300 IN A 192.0.2.1"), "is not by zone a.test."},
		{"sibling signs, with its keys", sibling.keys(v), sibling.sign("www.a.test. 300 IN A 192.0.2.1"), "does not hold the name"},
		{"child signs its DS", child.keys(v), child.sign("c.a.test. 300 IN DS 1 8 2 00"), "must be signed by the parent zone"},
		{"parent signs data below the cut", zone.keys(v), parent.sign("www.a.test. 300 IN A 192.0.2.1"), "is not by zone a.test."},
		{"child signs for the zone", zone.keys(v), child.sign("www.c.a.test. 300 IN A 192.0.2.1"), "is not by zone a.test."},
		{"name that only ends like the zone", zone.keys(v), zone.sign("www.xa.test. 300 IN A 192.0.2.1"), "does not hold the name"},
		{"SOA below the apex", parent.keys(v), parent.sign("a.test. 300 IN SOA a. b. 1 2 3 4 5"), "must be at the apex"},
		{"DNSKEY below the apex", parent.keys(v), parent.sign("a.test. 300 IN DNSKEY 257 3 13 AAAA"), "must be at the apex"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, verdict := v.Verify(&c.set, c.keys, now, new(limits.Budget))
			wantBogus(t, verdict, dns.EDEBogus, c.want)
		})
	}
	ds := parent.sign("a.test. 300 IN DS 1 8 2 00")
	_, verdict := v.Verify(&ds, parent.keys(v), now, new(limits.Budget))
	wantState(t, verdict, Secure)
}

// DL-04: an NSEC that points out of its zone is neither accepted nor used.
func TestDL04NextOutsideZone(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "evil.test.")
	for _, next := range []string{"zzz.test.", "test.", ".", "xevil.test."} {
		set := s.sign("a.evil.test. 300 IN NSEC " + next + " A RRSIG NSEC")
		_, verdict := v.Verify(&set, s.keys(v), now, new(limits.Budget))
		wantBogus(t, verdict, dns.EDEBogus, "must point into its zone")
		p := v.NewProof(dns.MustName("evil.test."), []Verified{{Set: set}}, new(limits.Budget))
		if len(p.nsec) != 0 {
			t.Errorf("NSEC to %s is used", next)
		}
	}
	set := s.sign("a.evil.test. 300 IN NSEC evil.test. A RRSIG NSEC")
	_, verdict := v.Verify(&set, s.keys(v), now, new(limits.Budget))
	wantState(t, verdict, Secure)
}

// DL-05: the range of a zone's only NSEC is the zone, not the name space; only the last NSEC may go backwards.
func TestDL05SelfLoop(t *testing.T) {
	v := New(Options{})
	loop := []Verified{verifiedText("child.test. 300 IN NSEC child.test. NS SOA RRSIG NSEC")}
	p := v.NewProof(dns.MustName("child.test."), loop, new(limits.Budget))
	wantState(t, p.NameError(dns.MustName("www.child.test.")).Verdict, Secure)
	wantState(t, p.NameError(dns.MustName("sibling.test.")).Verdict, Bogus)
	for _, bad := range []string{"b.child.test. 300 IN NSEC b.child.test. A", "b.child.test. 300 IN NSEC a.child.test. A"} {
		p := v.NewProof(dns.MustName("child.test."), []Verified{verifiedText(bad)}, new(limits.Budget))
		if len(p.nsec) != 0 {
			t.Errorf("%s is used", bad)
		}
	}
	p = v.NewProof(dns.MustName("test."), loop, new(limits.Budget)) // as if it were the parent's
	wantState(t, p.NameError(dns.MustName("sibling.test.")).Verdict, Bogus)
}

// DL-06: an NSEC3 belongs to the zone directly above its owner and to no other.
func TestDL06NSEC3Owner(t *testing.T) {
	v := New(Options{})
	apex := strings.ToLower(miekg.HashName("test.", miekg.SHA1, 0, ""))
	child := newP256(t, apex+".test.") // its apex looks like the parent's NSEC3
	parent := newP256(t, "test.")
	line := apex + ".test. 300 IN NSEC3 1 0 0 - " + strings.ToUpper(apex) + " NS SOA"

	set := child.sign(line)
	_, verdict := v.Verify(&set, child.keys(v), now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "must be directly below the apex")
	_, verdict = v.Verify(&set, parent.keys(v), now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "is not by zone test.")

	set = parent.sign("a." + line)
	_, verdict = v.Verify(&set, parent.keys(v), now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "must be directly below the apex")
	deep := parent.sign(strings.Replace(line, ".test.", ".a.test.", 1))
	p := v.NewProof(dns.MustName("test."), []Verified{{Set: deep}}, new(limits.Budget))
	if len(p.nsec3) != 0 {
		t.Error("NSEC3 two labels below the apex is used")
	}
}

// DL-07: at a zone cut and at a DNAME nothing below is denied, and at a cut nothing but DS.
func TestDL07AncestorDelegation(t *testing.T) {
	cut, dname := verifiedText("sub.test. 300 IN NSEC zz.test. NS RRSIG NSEC"), verifiedText("sub.test. 300 IN NSEC zz.test. DNAME RRSIG NSEC")
	cut3 := newNSEC3Zone("test.", 0, "", false, "test. NS SOA", "sub.test. NS").verified()
	dname3 := newNSEC3Zone("test.", 0, "", false, "test. NS SOA", "sub.test. DNAME").verified()
	for name, records := range map[string][]Verified{"NSEC cut": {cut}, "NSEC DNAME": {dname}, "NSEC3 cut": cut3, "NSEC3 DNAME": dname3} {
		runDenials(t, "test.", []denialCase{
			{name + ": name error below", records, question{what: "NameError", name: "www.sub.test."}, Bogus, "", false},
			{name + ": no data below", records, question{what: "NoData", name: "www.sub.test.", qtype: dns.TypeA}, Bogus, "", false},
			{name + ": no DS below", records, question{what: "NoDS", name: "www.sub.test."}, Bogus, "", false},
		})
	}
	for name, records := range map[string][]Verified{"NSEC": {cut}, "NSEC3": cut3} {
		runDenials(t, "test.", []denialCase{
			{name + ": no A at the cut", records, question{what: "NoData", name: "sub.test.", qtype: dns.TypeA}, Bogus, "", false},
			{name + ": no DS at the cut", records, question{what: "NoDS", name: "sub.test."}, Secure, "", true},
		})
	}
}

// DL-07, DL-12: DS is denied by the parent zone, with its own record for the cut.
func TestDL12DSDeniedByChild(t *testing.T) {
	v := New(Options{})
	apex, noSOA := verifiedText("sub.test. 300 IN NSEC zz.test. NS SOA RRSIG NSEC"), verifiedText("sub.test. 300 IN NSEC sub.test. NS RRSIG NSEC")
	p := v.NewProof(dns.MustName("test."), []Verified{apex}, new(limits.Budget))
	wantState(t, p.NoData(dns.MustName("sub.test."), dns.TypeDS).Verdict, Bogus)
	wantState(t, p.NoDS(dns.MustName("sub.test.")).Verdict, Bogus)
	p = v.NewProof(dns.MustName("sub.test."), []Verified{noSOA}, new(limits.Budget))
	wantBogus(t, p.NoData(dns.MustName("sub.test."), dns.TypeDS).Verdict, dns.EDEBogus, "instead of its parent zone")
	wantBogus(t, p.NoDS(dns.MustName("sub.test.")).Verdict, dns.EDEBogus, "instead of its parent zone")
}

// TestUnknownKeys: when all signatures are by keys that the zone does not have, keys are missing; a wrong one by a key that it has
// says more.
func TestUnknownKeys(t *testing.T) {
	v := New(Options{})
	zone, child := newP256(t, "a.test."), newP256(t, "c.a.test.")
	const record = "www.c.a.test. 300 IN A 192.0.2.1"
	set := child.sign(record, func(sig *miekg.RRSIG) { sig.SignerName = "a.test." })
	_, verdict := v.Verify(&set, zone.keys(v), now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEDNSKEYMissing, "a key that the zone does not have")
	changed := zone.sign("www.c.a.test. 300 IN A 192.0.2.2")
	set.Sigs = set.Sigs.Append(changed.Sigs.First())
	_, verdict = v.Verify(&set, zone.keys(v), now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "")
}

// DL-08: an NSEC that was expanded from a wildcard is authentic but denies nothing.
func TestDL08ExpandedNSEC(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "test.")
	set := s.expanded("*.test. 300 IN NSEC z.test. A RRSIG NSEC", "b.test.")
	p, kept := v.Proof([]dns.RRset{set}, s.keys(v), now, new(limits.Budget))
	if len(kept) != 1 || !kept[0].Signed.Wildcard {
		t.Fatalf("got %+v, want one expanded NSEC", kept)
	}
	wantBogus(t, p.NameError(dns.MustName("victim.test.")).Verdict, dns.EDEBogus, "comes from a wildcard")
	wantBogus(t, p.NoData(dns.MustName("b.test."), dns.TypeMX).Verdict, dns.EDEBogus, "comes from a wildcard")
}

// DL-10: each proof record is verified itself, and a proof that lacks one says what was wrong with it.
func TestDL10EachRecordIsVerified(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "test.")
	keys := s.keys(v)
	good := s.sign("a.test. 300 IN NSEC c.test. A RRSIG NSEC")
	apex := s.sign("test. 300 IN NSEC a.test. NS SOA RRSIG NSEC")
	expired := s.sign("test. 300 IN NSEC a.test. NS SOA RRSIG NSEC", func(sig *miekg.RRSIG) { sig.Expiration = uint32(now.Unix()) - 1 })
	unsigned := dnstest.MustRRset("test. 300 IN NSEC a.test. NS SOA RRSIG NSEC")
	soa := s.sign("test. 300 IN SOA a. b. 1 2 3 4 5")
	qname := dns.MustName("b.test.")

	p, kept := v.Proof([]dns.RRset{soa, good, apex}, keys, now, new(limits.Budget))
	wantState(t, p.NameError(qname).Verdict, Secure)
	if len(kept) != 2 {
		t.Errorf("%d sets kept, want the two NSEC", len(kept))
	}
	p, _ = v.Proof([]dns.RRset{good, expired}, keys, now, new(limits.Budget))
	wantBogus(t, p.NameError(qname).Verdict, dns.EDESignatureExpired, "RRSIG of test. NSEC")
	p, _ = v.Proof([]dns.RRset{good, unsigned}, keys, now, new(limits.Budget))
	wantBogus(t, p.NameError(qname).Verdict, dns.EDERRSIGsMissing, "no RRSIG of test. NSEC")

	mixed := append([]Verified{{Set: good}, {Set: apex}}, newNSEC3Zone("test.", 0, "", true, "test. NS SOA").verified()...)
	wantState(t, v.NewProof(dns.MustName("test."), mixed, new(limits.Budget)).NameError(qname).Verdict, Secure)
}

// DL-24: both root keys are trusted.
func TestDL24RootAnchor(t *testing.T) {
	a, verdict := New(Options{}).Usable(RootAnchor())
	wantState(t, verdict, Secure)
	if len(a.DS) != 2 || a.Zone != dns.Root || a.DS[0].KeyTag != 20326 || a.DS[1].KeyTag != 38696 {
		t.Errorf("got %+v", a)
	}
}
