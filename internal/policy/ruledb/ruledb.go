// Package ruledb stores compiled rules: sorted pairs of bytes, written once and then only read.
//
// A compilation makes a new generation, a numbered directory below <rundir>/ruledb holding one
// file. It is complete when the file has its final name, and never changes after that; a reader
// opens a generation by number and keeps it for as long as it likes. Which generation is served is
// decided elsewhere: a new one may be opened by a canary only, and removed when that fails.
//
// Readers load the file into a map. That is fast and simple up to some hundred thousand rules per
// worker; when rule counts demand it, LMDB takes the place of the file behind [KV] and [Sink],
// shared by all workers and never loaded. Keys are ordered for that reason.
package ruledb

import "errors"

// KV is the read side.
type KV interface {
	// Get returns the value of a key. It may be called from many goroutines, and the value must not
	// be modified.
	Get(key []byte) (value []byte, ok bool)
}

// Sink is the write side. Keys are put in strictly ascending order of bytes.
type Sink interface {
	Put(key, value []byte) error
	Commit() error // makes everything put visible; nothing can be put after it
}

// ErrOrder is returned by Put for a key that is not greater than the one before.
var ErrOrder = errors.New("keys out of order")

// Memory is a KV in memory. As a Sink it can be filled once; its zero value is empty.
type Memory struct {
	pairs map[string][]byte
	last  string
}

// Get implements KV.
func (m *Memory) Get(key []byte) ([]byte, bool) {
	value, ok := m.pairs[string(key)]
	return value, ok
}

// Len returns the number of pairs.
func (m *Memory) Len() int { return len(m.pairs) }

// Put implements Sink. It copies the key and the value.
func (m *Memory) Put(key, value []byte) error {
	return m.put(key, append([]byte(nil), value...))
}

// put adds a pair whose value nobody changes any more.
func (m *Memory) put(key, value []byte) error {
	if m.pairs == nil {
		m.pairs = map[string][]byte{}
	}
	name := string(key)
	if len(m.pairs) > 0 && name <= m.last {
		return ErrOrder
	}
	m.pairs[name], m.last = value, name
	return nil
}

// Commit implements Sink; it does nothing.
func (m *Memory) Commit() error { return nil }

// All calls check for every pair, in no order, until it returns an error.
func (m *Memory) All(check func(key, value []byte) error) error {
	for key, value := range m.pairs {
		if err := check([]byte(key), value); err != nil {
			return err
		}
	}
	return nil
}
