package dnssec

import (
	"slices"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

func TestAnchorTags(t *testing.T) {
	s := newP256(t, "example.")
	key, err := dns.ParseDNSKEY(dnstest.RData(s.key))
	if err != nil {
		t.Fatal(err)
	}
	a := RootAnchor()
	a.DS = append(a.DS, a.DS[0])
	a.Keys = append(a.Keys, key)
	want := []uint16{20326, 38696, s.key.KeyTag()}
	slices.Sort(want)
	if got := a.Tags(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnchorNames(t *testing.T) {
	s, other := newP256(t, "example."), newP256(t, "example.")
	key, err := dns.ParseDNSKEY(dnstest.RData(s.key))
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]Anchor{
		"key": {Zone: "\x07example\x00", Keys: []dns.DNSKEY{key}}, "SHA-1": s.anchorWith(1), "SHA-256": s.anchorWith(2), "SHA-384": s.anchorWith(4),
	} {
		if !a.Names(dnstest.RData(s.key)) || a.Names(dnstest.RData(other.key)) {
			t.Errorf("%s does not name its key alone", name)
		}
	}
}

// TestSignedBy checks that a revoked key can vouch for its own revocation, and nobody else.
func TestSignedBy(t *testing.T) {
	s, other := newP256(t, "example."), newP256(t, "example.")
	s.key.Flags |= miekg.REVOKE
	v := New(Options{})
	signed, foreign := s.dnskey(other.key), other.dnskey(s.key)
	if !v.SignedBy(&signed, dnstest.RData(s.key), now, new(limits.Budget)) {
		t.Error("its own signature does not count")
	}
	if v.SignedBy(&foreign, dnstest.RData(s.key), now, new(limits.Budget)) {
		t.Error("the signature of another key counts")
	}
	if v.SignedBy(&signed, []byte{1}, now, new(limits.Budget)) {
		t.Error("a malformed key signed")
	}
}
