package dnssec

import (
	"slices"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Options is the validation policy.
type Options struct {
	// SHA1 supports RSASHA1 (5 and 7) and SHA-1 DS digests. Without it they count as unknown
	// and zones that have nothing else are insecure (RFC 9905).
	SHA1 bool
	// NSEC3Iterations is the number of extra iterations above which a zone counts as
	// insecure (RFC 9276); 0 stands for limits.NSEC3Iterations, a negative number for none at all.
	NSEC3Iterations int
	// Override is for tests: for an algorithm it knows it returns the check that replaces the real one,
	// and makes it supported; nil otherwise.
	Override func(algorithm uint8) VerifyFunc
	// At is for tests: it returns the moment at which signatures are checked in place of now.
	At func(now time.Time) time.Time
}

// VerifyFunc says whether signature over signed was made with key.
type VerifyFunc func(key dns.DNSKEY, signed, signature []byte) bool

// Validator holds a policy. It is immutable and safe for concurrent use.
type Validator struct {
	options Options
	proven  *provenSignatures
}

// New returns a Validator with the given policy.
func New(o Options) *Validator {
	switch {
	case o.NSEC3Iterations == 0:
		o.NSEC3Iterations = limits.NSEC3Iterations
	case o.NSEC3Iterations < 0:
		o.NSEC3Iterations = 0
	}
	return &Validator{o, newProven()}
}

func (v *Validator) override(algorithm uint8) VerifyFunc {
	if v.options.Override == nil {
		return nil
	}
	return v.options.Override(algorithm)
}

// moment is when signatures are checked.
func (v *Validator) moment(now time.Time) time.Time {
	if v.options.At == nil {
		return now
	}
	return v.options.At(now)
}

// supports says whether signatures of this algorithm can be checked.
func (v *Validator) supports(algorithm uint8) bool {
	switch algorithm {
	case algRSASHA256, algRSASHA512, algECDSAP256, algECDSAP384, algED25519, algED448:
		return true
	case algRSASHA1, algRSASHA1NSEC3:
		return v.options.SHA1 || v.override(algorithm) != nil
	}
	return v.override(algorithm) != nil
}

// parse makes a key of a supported algorithm ready for use.
func (v *Validator) parse(k *key) (publicKey, error) {
	if verify := v.override(k.Algorithm); verify != nil {
		return publicKey{1, func(signed, signature []byte) bool { return verify(k.DNSKEY, signed, signature) }}, nil
	}
	return parsePublicKey(k.Algorithm, k.PublicKey)
}

// Anchor is what makes the keys of a zone trustworthy: configured, or taken from a validated DS set.
type Anchor struct {
	Zone dns.Name
	DS   []dns.DS
	Keys []dns.DNSKEY
}

// Delegation turns a validated DS set into the anchor of the child zone. Secure means that the child is
// signed; Insecure that no DS can be used (RFC 4035 section 5.2), and why.
func (v *Validator) Delegation(set *dns.RRset) (Anchor, Verdict) {
	a := Anchor{Zone: set.Owner}
	for rdata := range set.RDatas.All() {
		ds, err := dns.ParseDS(rdata)
		if err != nil {
			return Anchor{}, bogus(dns.EDEBogus, "malformed DS of %v", set.Owner)
		}
		a.DS = append(a.DS, ds)
	}
	return v.Usable(a)
}

// Usable reduces an anchor to the records the policy can use. SHA-1 digests are ignored next to better ones (RFC 4509
// section 3), and no more than limits.DSRecords are kept. Without any the verdict is Insecure.
func (v *Validator) Usable(a Anchor) (Anchor, Verdict) {
	known := slices.DeleteFunc(slices.Clone(a.DS), func(ds dns.DS) bool { return !v.supports(ds.Algorithm) })
	keys := slices.DeleteFunc(slices.Clone(a.Keys), func(k dns.DNSKEY) bool { return !v.supports(k.Algorithm) })
	if len(known)+len(keys) == 0 {
		return Anchor{Zone: a.Zone}, insecure(dns.EDEUnsupportedKeyAlg, "no DS or trust anchor of %v has a supported key algorithm", a.Zone)
	}
	usable := slices.DeleteFunc(known, func(ds dns.DS) bool { return !v.supportsDigest(ds.DigestType) })
	if slices.ContainsFunc(usable, func(ds dns.DS) bool { return ds.DigestType != digestSHA1 }) {
		usable = slices.DeleteFunc(usable, func(ds dns.DS) bool { return ds.DigestType == digestSHA1 })
	}
	if len(usable)+len(keys) == 0 {
		return Anchor{Zone: a.Zone}, insecure(dns.EDEUnsupportedDSDigest, "no DS of %v with a supported key algorithm has a supported digest", a.Zone)
	}
	return Anchor{a.Zone, usable[:min(len(usable), limits.DSRecords)], keys}, secure()
}
