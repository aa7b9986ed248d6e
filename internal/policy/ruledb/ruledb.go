// Package ruledb stores compiled rules: pairs of a key and a value, written once and then only read.
//
// A compilation makes a new generation, a numbered directory below <rundir>/ruledb holding one
// file. It is complete when the file has its final name, and never changes after that; a reader
// opens a generation by number and keeps it for as long as it likes. Which generation is served is
// decided elsewhere: a new one may be opened by a canary only, and removed when that fails.
//
// The file is a hash table that readers map into memory. All processes share the one copy that the
// kernel keeps of it, opening copies nothing, and a look-up touches two places of it. The reasons
// are in docs/decisions/0010-rules.md.
package ruledb

// A key is a name within a space, which is one octet: names of different spaces have nothing in common.

// KV is the read side.
type KV interface {
	// Get returns the value of a key. It may be called from many goroutines. The value is a view
	// that must not be modified, nor used when the KV has become unreachable: see [Memory].
	Get(space byte, name string) (value []byte, ok bool)
}

// Sink is the write side. Keys come in any order, each once.
type Sink interface {
	Put(space byte, name string, value []byte) error
	Commit() error // makes everything put visible; nothing can be put after it
}

// Bounds of a pair, in octets. The name's length is written in one octet; a value has four.
const (
	MaxName  = 255
	MaxValue = 1<<31 - 1
)
