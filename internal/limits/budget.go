package limits

import (
	"fmt"
	"sync/atomic"
)

// Kind is one quantity a budget counts.
type Kind uint8

// What is counted. The instruments LQ, LC, LB, V, VF, D and H of the security specification read these.
const (
	KindUpstreamQueries Kind = iota
	KindConnects
	KindBytesIn
	KindSignatureChecks
	KindSignatureFailures
	KindCryptoUnits
	KindDigests
	KindNSEC3Blocks
	KindAliasSteps
	KindNSLookups
	KindNSLookupFailures
	kinds
)

var kindNames = [kinds]string{"upstream queries", "upstream connects", "upstream bytes", "signature checks", "failed signature checks",
	"cryptographic work", "DS digests", "NSEC3 hash blocks", "alias steps", "server address look-ups", "failed server address look-ups"}

var kindLimits = [kinds]int64{UpstreamQueries, Connects, BytesIn, SignatureChecks, SignatureFailures, CryptoUnits, Digests, NSEC3Blocks,
	AliasSteps, NSLookups, NSLookupFailures}

func (k Kind) String() string { return kindNames[k] }

// Exceeded is the error of a charge that a budget cannot pay.
type Exceeded struct {
	Kind  Kind
	Limit int
}

func (e *Exceeded) Error() string { return fmt.Sprintf("more than %d %v", e.Limit, e.Kind) }

// Budget is what one client query may cost. Every sub-query, retry and background task
// made for it charges the same Budget; nothing resets it. The zero value is a full budget.
// It is safe for concurrent use.
type Budget struct {
	spent [kinds]atomic.Int64
}

// Charge takes n units, or returns *Exceeded when that would pass the limit. What was
// refused stays counted, so that a budget once broken stays broken.
func (b *Budget) Charge(k Kind, n int) error {
	if b.spent[k].Add(int64(n)) > kindLimits[k] {
		return &Exceeded{Kind: k, Limit: int(kindLimits[k])}
	}
	return nil
}

// Spent returns how much of a kind was charged.
func (b *Budget) Spent(k Kind) int { return int(b.spent[k].Load()) }

// Left says whether anything of a kind is left.
func (b *Budget) Left(k Kind) bool { return b.spent[k].Load() < kindLimits[k] }

// Share returns how much is spent in percent, of the kind of which most is.
func (b *Budget) Share() int {
	var most int64
	for k := range kinds {
		most = max(most, 100*b.spent[k].Load()/kindLimits[k])
	}
	return int(most)
}

// Spending returns all non-zero counts by name, for traces and metrics.
func (b *Budget) Spending() map[string]int {
	m := make(map[string]int)
	for k := range kinds {
		if n := b.Spent(k); n > 0 {
			m[k.String()] = n
		}
	}
	return m
}
