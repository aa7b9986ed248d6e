package dnssec

import (
	"crypto"
	"fmt"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

// now is the moment at which the tests validate.
var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// signer signs for one zone with one key, by means of miekg/dns.
type signer struct {
	t      *testing.T
	zone   string
	key    *miekg.DNSKEY
	secret crypto.Signer
}

func newSigner(t *testing.T, zone string, algorithm uint8, bits int) *signer {
	t.Helper()
	key := &miekg.DNSKEY{
		Hdr:   miekg.RR_Header{Name: zone, Rrtype: miekg.TypeDNSKEY, Class: miekg.ClassINET, Ttl: 3600},
		Flags: 257, Protocol: 3, Algorithm: algorithm,
	}
	secret, err := key.Generate(bits)
	if err != nil {
		t.Fatalf("generate %v key: %v", algorithmName(algorithm), err)
	}
	return &signer{t, zone, key, secret.(crypto.Signer)}
}

func newP256(t *testing.T, zone string) *signer { return newSigner(t, zone, algECDSAP256, 256) }

// signature makes an RRSIG over records, valid a day around now; edit may change its fields before signing.
func (s *signer) signature(rrs []miekg.RR, edit func(*miekg.RRSIG)) *miekg.RRSIG {
	s.t.Helper()
	sig := &miekg.RRSIG{
		Hdr:       miekg.RR_Header{Ttl: 3600},
		Inception: uint32(now.Add(-24 * time.Hour).Unix()), Expiration: uint32(now.Add(24 * time.Hour).Unix()),
		KeyTag: s.key.KeyTag(), SignerName: s.zone, Algorithm: s.key.Algorithm,
	}
	if edit != nil {
		edit(sig)
	}
	if err := sig.Sign(s.secret, rrs); err != nil {
		s.t.Fatalf("sign %v: %v", rrs[0], err)
	}
	return sig
}

// sign makes a signed RRset of zone-file lines.
func (s *signer) sign(text string, edit ...func(*miekg.RRSIG)) dns.RRset {
	s.t.Helper()
	rrs := records(s.t, text)
	if len(edit) == 0 {
		edit = append(edit, nil)
	}
	set := dnstest.RRset(rrs...)
	for _, e := range edit {
		set.Sigs = set.Sigs.Append(dnstest.RData(s.signature(rrs, e)))
	}
	return set
}

// expanded makes the RRset that a name gets from a signed wildcard.
func (s *signer) expanded(text, owner string) dns.RRset {
	s.t.Helper()
	set := s.sign(text)
	set.Owner = dns.MustName(owner)
	return set
}

// dnskey is the self-signed DNSKEY set; others are further keys in it.
func (s *signer) dnskey(others ...*miekg.DNSKEY) dns.RRset {
	s.t.Helper()
	rrs := []miekg.RR{s.key}
	for _, o := range others {
		rrs = append(rrs, o)
	}
	return dnstest.RRset(append(rrs, s.signature(rrs, nil))...)
}

// anchor names the key by a SHA-256 DS.
func (s *signer) anchor() Anchor { return s.anchorWith(digestSHA256) }

func (s *signer) anchorWith(digests ...uint8) Anchor {
	s.t.Helper()
	a := Anchor{Zone: dns.MustName(s.zone)}
	for _, d := range digests {
		ds, err := dns.ParseDS(dnstest.RData(s.key.ToDS(d)))
		if err != nil {
			s.t.Fatal(err)
		}
		a.DS = append(a.DS, ds)
	}
	return a
}

func (s *signer) keys(v *Validator) *Keys {
	s.t.Helper()
	set := s.dnskey()
	keys, verdict := v.Keys(&set, s.anchor(), now, new(limits.Budget))
	wantState(s.t, verdict, Secure)
	return keys
}

func records(t *testing.T, text string) []miekg.RR {
	t.Helper()
	var rrs []miekg.RR
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		rr, err := miekg.NewRR(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

func wantState(t *testing.T, got Verdict, want State) {
	t.Helper()
	if got.State != want {
		t.Fatalf("got %v (%v: %s), want %v", got.State, got.EDE, got.Reason, want)
	}
}

func wantBogus(t *testing.T, got Verdict, code dns.EDECode, words string) {
	t.Helper()
	if got.State != Bogus || got.EDE != code || !strings.Contains(got.Reason, words) {
		t.Fatalf("got %v (%v: %s), want bogus (%v: …%s…)", got.State, got.EDE, got.Reason, code, words)
	}
}

func spent(b *limits.Budget) string {
	return fmt.Sprintf("V=%d VF=%d D=%d H=%d units=%d", b.Spent(limits.KindSignatureChecks), b.Spent(limits.KindSignatureFailures),
		b.Spent(limits.KindDigests), b.Spent(limits.KindNSEC3Blocks), b.Spent(limits.KindCryptoUnits))
}

// wantWithin fails when a budget was charged more than allowed.
func wantWithin(t *testing.T, b *limits.Budget, most map[limits.Kind]int) {
	t.Helper()
	for kind, n := range most {
		if b.Spent(kind) > n {
			t.Errorf("%v: spent %d, at most %d allowed (%s)", kind, b.Spent(kind), n, spent(b))
		}
	}
}
