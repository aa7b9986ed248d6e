package dnssec

import (
	"crypto/sha256"
	"sync"

	"knot-resolver/internal/limits"
)

// provenSignatures remembers good signatures by a digest of key, signed octets and signature, so that a record met again - the SOA and
// the apex NSEC3 of a big zone come with every denial - costs a hash instead of a public-key operation. Times are not
// part of it: they are checked before. Only successes are remembered, and a digest that was
// pushed out only costs the operation again.
type provenSignatures struct {
	mu    sync.Mutex
	slots [][16]byte
}

func newProven() *provenSignatures {
	return &provenSignatures{slots: make([][16]byte, limits.ProvenSignatures)}
}

// digest of a check. Keys and signatures have fixed sizes within an algorithm, whose number is in the signed octets, and
// the signed octets are put last, so that no two different checks hash the same octets.
func (p *provenSignatures) digest(k *key, signed, signature []byte) (d [16]byte) {
	h := sha256.New()
	for _, part := range [...][]byte{k.rdata, signature} {
		h.Write([]byte{byte(len(part) >> 8), byte(len(part))})
		h.Write(part)
	}
	h.Write(signed)
	var sum [sha256.Size]byte
	copy(d[:], h.Sum(sum[:0]))
	return d
}

func (p *provenSignatures) slot(d [16]byte) *[16]byte {
	return &p.slots[(int(d[0])<<16|int(d[1])<<8|int(d[2]))%len(p.slots)]
}

func (p *provenSignatures) has(d [16]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.slot(d) == d
}

func (p *provenSignatures) add(d [16]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*p.slot(d) = d
}
