package dnssec

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// NSEC3Hash is the hash of an owner name; SHA-1 is the only algorithm there is (RFC 5155 section 11).
type NSEC3Hash [sha1.Size]byte

const nsec3SHA1 = 1

// nsec3Record is an NSEC3 with known hash algorithm and flags.
type nsec3Record struct {
	owner      dns.Name
	hash, next NSEC3Hash
	optOut     bool
	types      dns.TypeBitmap
}

// hasher computes hashes with the parameters of one zone, each name once.
type hasher struct {
	set        bool // parameters are known
	iterations uint16
	salt       []byte
	known      []knownHash // few, so that a search is quicker than a map
	budget     *limits.Budget
	exceeded   error
}

type knownHash struct {
	name dns.Name
	hash NSEC3Hash
}

// addNSEC3 keeps a record if it can deny anything. Unknown hash algorithms and flags are ignored (RFC 5155 section 8.1 and
// 8.2), and so are records whose parameters differ from the first: a proof is made with one chain.
func (p *Proof) addNSEC3(owner dns.Name, rdata []byte, iterations int) {
	nsec3, err := dns.ParseNSEC3(rdata)
	if err != nil || owner == dns.Root || owner.Parent() != p.zone || nsec3.Flags&^dns.NSEC3OptOut != 0 {
		return
	}
	if nsec3.Hash != nsec3SHA1 {
		if p.blanket.State == Indeterminate && len(p.nsec3) == 0 {
			p.blanket = insecure(dns.NoEDE, "NSEC3 of %v has unknown hash algorithm %d", p.zone, nsec3.Hash)
		}
		return
	}
	if hashBlocks(int(nsec3.Iterations), len(nsec3.Salt)) > iterations+1 {
		p.blanket = insecure(dns.EDEUnsupportedIterations, "NSEC3 of %v has %d iterations and %d octets of salt", p.zone, nsec3.Iterations, len(nsec3.Salt))
		return
	}
	r := nsec3Record{owner: owner, optOut: nsec3.Flags&dns.NSEC3OptOut != 0, types: nsec3.Types}
	if !parseHash(owner.FirstLabel(), &r.hash) || len(nsec3.Next) != len(r.next) || !p.hasher.parameters(&nsec3) {
		return
	}
	copy(r.next[:], nsec3.Next)
	p.nsec3 = append(p.nsec3, r)
	if p.blanket.EDE == dns.NoEDE { // only unknown hash algorithms so far, and now a known one
		p.blanket = Verdict{}
	}
}

// hashEncoding is base32hex in lower case.
var hashEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// parseHash reads the first label of an NSEC3 owner, which is in lower case here.
func parseHash(label string, hash *NSEC3Hash) bool {
	if len(label) != hashEncoding.EncodedLen(len(hash)) {
		return false
	}
	n, err := hashEncoding.Decode(hash[:], []byte(label))
	return err == nil && n == len(hash)
}

// parameters takes the parameters of the first record and says whether a record has the same.
func (h *hasher) parameters(nsec3 *dns.NSEC3) bool {
	if !h.set {
		h.set, h.iterations, h.salt = true, nsec3.Iterations, nsec3.Salt
	}
	return h.iterations == nsec3.Iterations && bytes.Equal(h.salt, nsec3.Salt)
}

// hashBlocks is the price of hashing one name: SHA-1 invocations times their blocks.
func hashBlocks(iterations, salt int) int {
	return (iterations + 1) * ((sha1.Size + salt + sha1.BlockSize - 1) / sha1.BlockSize)
}

// hash computes the hash of a name (RFC 5155 section 5). It fails when the budget is used up.
func (h *hasher) hash(name dns.Name) (NSEC3Hash, bool) {
	for i := range h.known {
		if h.known[i].name == name {
			return h.known[i].hash, true
		}
	}
	if h.exceeded == nil {
		h.exceeded = h.budget.Charge(limits.KindNSEC3Blocks, hashBlocks(int(h.iterations), len(h.salt)))
	}
	if h.exceeded != nil {
		return NSEC3Hash{}, false
	}
	var space [dns.MaxNameLength + 255]byte
	buf := space[:0]
	sum := NSEC3Hash(sha1.Sum(append(append(buf, name...), h.salt...)))
	for range h.iterations {
		sum = sha1.Sum(append(append(buf, sum[:]...), h.salt...))
	}
	if cap(h.known) == 0 {
		h.known = make([]knownHash, 0, 4) // apex, name and wildcard, and one more
	}
	h.known = append(h.known, knownHash{name, sum})
	return sum, true
}

// covers says whether a hash lies strictly between owner and next, around the end of the chain if need be.
func (r *nsec3Record) covers(hash *NSEC3Hash) bool {
	after, before := bytes.Compare(hash[:], r.hash[:]) > 0, bytes.Compare(hash[:], r.next[:]) < 0
	if bytes.Compare(r.hash[:], r.next[:]) < 0 {
		return after && before
	}
	return after || before
}
