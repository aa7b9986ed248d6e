package dnssec

import (
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// HashName computes the NSEC3 hash of a name (RFC 5155 section 5). It fails when the budget is used up.
func HashName(name dns.Name, iterations uint16, salt []byte, b *limits.Budget) (hash []byte, ok bool) {
	h := hasher{iterations: iterations, salt: salt, known: make(map[dns.Name]nsec3Hash), budget: b}
	sum, ok := h.hash(name)
	return sum[:], ok
}

// HashBlocks is the price of hashing one name with these parameters, in SHA-1 blocks.
func HashBlocks(iterations uint16, salt []byte) int { return hashBlocks(int(iterations), len(salt)) }

// OwnerHash reads the hash in the first label of an NSEC3 owner.
func OwnerHash(owner dns.Name) (hash []byte, ok bool) {
	var sum nsec3Hash
	ok = parseHash(owner.FirstLabel(), &sum)
	return sum[:], ok
}
