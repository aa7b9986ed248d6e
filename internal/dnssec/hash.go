package dnssec

import (
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Hasher computes the NSEC3 hashes of one chain, each name once. It belongs to one goroutine.
type Hasher struct{ hasher hasher }

// Begin turns to a chain with these parameters, and uses the memory again. The work is charged to the budget.
func (h *Hasher) Begin(iterations uint16, salt []byte, b *limits.Budget) {
	h.hasher = hasher{set: true, iterations: iterations, salt: salt, budget: b, known: h.hasher.known[:0]}
}

// Hash computes the hash of a name (RFC 5155 section 5). It fails when the budget is used up.
func (h *Hasher) Hash(name dns.Name) (NSEC3Hash, bool) { return h.hasher.hash(name) }

// HashBlocks is the price of hashing one name with these parameters, in SHA-1 blocks.
func HashBlocks(iterations uint16, salt []byte) int { return hashBlocks(int(iterations), len(salt)) }

// OwnerHash reads the hash in the first label of an NSEC3 owner, which is in lower case.
func OwnerHash(owner dns.Name) (hash NSEC3Hash, ok bool) {
	ok = parseHash(owner.FirstLabel(), &hash)
	return hash, ok
}
