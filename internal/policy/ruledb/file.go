package ruledb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// The file, integers big-endian:
//
//	"KRRULES" and one octet: the version of the format
//	for every pair: space, length of the name, u32 length of the value, name, value
//	the table: a power of two of slots of 8 octets, more than there are pairs
//	u64 number of pairs
//	u64 offset of the table
//	SHA-256 of everything before
//
// A slot is 0 when it is empty; else its upper 24 bits are those of the key's hash, and the lower 40
// the offset of the pair. A key's pair is in the slot that the lower bits of its hash say, or in the next
// after it that was free; an empty slot ends the search.
//
// Invariants: every pair has one slot, every slot that is not empty a pair, no key occurs twice, nothing
// lies between or behind these parts. [Parse] checks the checksum and the parts; [Memory.All], which
// goes through all pairs, checks the rest.
const (
	magic   = "KRRULES"
	version = 3

	start      = len(magic) + 1
	pairHeader = 1 + 1 + 4
	slotSize   = 8
	offsetBits = 40
	trailer    = 8 + 8 + sha256.Size
)

// ErrFile is wrapped by every error about the content of a rules file.
var ErrFile = errors.New("damaged rules file")

// hashOf is the hash of a key.
func hashOf(space byte, name string) uint64 { return mix(space, xxhash.Sum64String(name)) }

// mix spreads the space over all bits of a name's hash, by the golden ratio.
func mix(space byte, hash uint64) uint64 { return (hash ^ uint64(space)) * 0x9e3779b97f4a7c15 }

// place is the first slot of a hash in a table of 1<<log slots.
func place(hash uint64, log int) uint64 { return hash << offsetTag >> (64 - log) }

// offsetTag is how many upper bits of a hash are its tag; the place is made of those behind them.
const offsetTag = 64 - offsetBits

// tagOf is the part of a hash that a slot holds, in its place.
func tagOf(hash uint64) uint64 { return hash >> offsetBits << offsetBits }

func offsetOf(slot uint64) uint64 { return slot & (1<<offsetBits - 1) }

// pairRef is what a slot is made of.
type pairRef struct{ hash, offset uint64 }

// encoder writes the format.
type encoder struct {
	out   io.Writer
	sum   hash.Hash
	at    uint64 // octets written
	pairs []pairRef
	frame []byte
}

func newEncoder(w io.Writer) (*encoder, error) {
	e := &encoder{sum: sha256.New()}
	e.out = io.MultiWriter(w, e.sum)
	return e, e.write(append([]byte(magic), version))
}

func (e *encoder) write(b []byte) error {
	n, err := e.out.Write(b)
	e.at += uint64(n)
	return err
}

func (e *encoder) put(space byte, name string, value []byte) error {
	switch {
	case len(name) > MaxName:
		return fmt.Errorf("name of %d octets", len(name))
	case len(value) > MaxValue:
		return fmt.Errorf("value of %d octets", len(value))
	case e.at >= 1<<offsetBits:
		return errors.New("rules file too large")
	}
	e.pairs = append(e.pairs, pairRef{hashOf(space, name), e.at})
	e.frame = append(e.frame[:0], space, byte(len(name)))
	e.frame = binary.BigEndian.AppendUint32(e.frame, uint32(len(value)))
	e.frame = append(append(e.frame, name...), value...)
	return e.write(e.frame)
}

// tableLog says how many slots a table for pairs has: 1<<log, at least a quarter of them empty.
func tableLog(pairs int) int { return bits.Len(uint(pairs + pairs/3)) }

// finish writes what follows the pairs. Keys put twice are for the reader to find.
func (e *encoder) finish() error {
	log, offset := tableLog(len(e.pairs)), e.at
	table := make([]byte, slotSize<<log)
	for _, p := range e.pairs {
		i := place(p.hash, log)
		for binary.BigEndian.Uint64(table[i*slotSize:]) != 0 {
			i = (i + 1) & (1<<log - 1)
		}
		binary.BigEndian.PutUint64(table[i*slotSize:], tagOf(p.hash)|p.offset)
	}
	if err := e.write(table); err != nil {
		return err
	}
	if err := e.write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(len(e.pairs))), offset)); err != nil {
		return err
	}
	return e.write(e.sum.Sum(nil))
}

// Memory is a KV over the octets of a file. Values are views of the file: when it is mapped, it stays so
// for as long as the Memory is reachable, so callers that keep parts of a value copy them and call
// runtime.KeepAlive when done.
type Memory struct {
	file  []byte
	table []byte
	log   int
	count int
}

// Parse reads a rules file, which must not change afterwards. Errors wrap [ErrFile].
func Parse(file []byte) (*Memory, error) {
	if len(file) < start+slotSize+trailer || string(file[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: not a rules file", ErrFile)
	}
	if v := file[len(magic)]; v != version {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrFile, v, version)
	}
	content, sum := file[:len(file)-sha256.Size], file[len(file)-sha256.Size:]
	if sha256.Sum256(content) != [sha256.Size]byte(sum) {
		return nil, fmt.Errorf("%w: checksum does not match", ErrFile)
	}
	end := file[len(file)-trailer:]
	count, offset, size := binary.BigEndian.Uint64(end), binary.BigEndian.Uint64(end[8:]), uint64(len(file)-trailer)
	if offset < uint64(start) || offset > size || count > size {
		return nil, fmt.Errorf("%w: bad end", ErrFile)
	}
	m := &Memory{file: file[:offset], table: file[offset:size], log: tableLog(int(count)), count: int(count)}
	if len(m.table) != slotSize<<m.log {
		return nil, fmt.Errorf("%w: a table of %d octets for %d pairs", ErrFile, len(m.table), count)
	}
	return m, nil
}

// Len returns the number of pairs.
func (m *Memory) Len() int { return m.count }

// Size returns the length of the file in octets.
func (m *Memory) Size() int { return len(m.file) + len(m.table) + trailer }

// Get implements KV.
func (m *Memory) Get(space byte, name string) ([]byte, bool) {
	if m.count == 0 {
		return nil, false
	}
	hash := hashOf(space, name)
	for i := range uint64(1) << m.log {
		slot, used := m.slot(hash, i)
		if !used {
			break
		}
		if tagOf(slot) != tagOf(hash) {
			continue
		}
		if s, n, value, _, ok := m.pair(offsetOf(slot)); ok && s == space && string(n) == name {
			return value, true
		}
	}
	return nil, false
}

// slot returns the i-th slot in which a key of this hash may be.
func (m *Memory) slot(hash, i uint64) (slot uint64, used bool) {
	slot = binary.BigEndian.Uint64(m.table[(place(hash, m.log)+i)&(1<<m.log-1)*slotSize:])
	return slot, slot != 0
}

// finds says whether a look-up of the key comes to the pair at an offset, and to no other one of that key before.
func (m *Memory) finds(space byte, name []byte, offset uint64) bool {
	hash := mix(space, xxhash.Sum64(name))
	for i := range uint64(1) << m.log {
		slot, used := m.slot(hash, i)
		switch {
		case !used:
			return false
		case tagOf(slot) != tagOf(hash):
		case offsetOf(slot) == offset:
			return true
		default:
			if s, n, _, _, ok := m.pair(offsetOf(slot)); ok && s == space && bytes.Equal(n, name) {
				return false
			}
		}
	}
	return false
}

// pair reads the pair at an offset and says where the next is.
func (m *Memory) pair(offset uint64) (space byte, name, value []byte, next uint64, ok bool) {
	if offset > uint64(len(m.file)) || uint64(len(m.file))-offset < pairHeader {
		return 0, nil, nil, 0, false
	}
	rest := m.file[offset:]
	length, valueLength := uint64(rest[1]), uint64(binary.BigEndian.Uint32(rest[2:]))
	end := pairHeader + length + valueLength
	if end > uint64(len(rest)) {
		return 0, nil, nil, 0, false
	}
	return rest[0], rest[pairHeader : pairHeader+length], rest[pairHeader+length : end : end], offset + end, true
}

// All calls check for every pair, in the order written, until it returns an error. It makes sure that
// every pair is found by its key, which is so exactly when the file keeps its invariants.
func (m *Memory) All(check func(space byte, name, value []byte) error) error {
	count, at := 0, uint64(start)
	for ; at < uint64(len(m.file)); count++ {
		space, name, value, next, ok := m.pair(at)
		if !ok {
			return fmt.Errorf("%w: pair %d is cut off", ErrFile, count)
		}
		if !m.finds(space, name, at) {
			return fmt.Errorf("%w: pair %d is not where the table says", ErrFile, count)
		}
		if err := check(space, name, value); err != nil {
			return err
		}
		at = next
	}
	if used := m.slots(); count != m.count || used != count {
		return fmt.Errorf("%w: %d pairs and %d slots, want %d", ErrFile, count, used, m.count)
	}
	return nil
}

// slots counts those that are not empty.
func (m *Memory) slots() (used int) {
	for i := 0; i < len(m.table); i += slotSize {
		if binary.BigEndian.Uint64(m.table[i:]) != 0 {
			used++
		}
	}
	return used
}

// Buffer is a Sink in memory; its zero value is ready. After Commit it is what [Parse] made of it.
type Buffer struct {
	Memory *Memory
	bytes  bytes.Buffer
	enc    *encoder
}

// Put implements Sink.
func (b *Buffer) Put(space byte, name string, value []byte) (err error) {
	if b.enc == nil {
		if b.enc, err = newEncoder(&b.bytes); err != nil {
			return err
		}
	}
	return b.enc.put(space, name, value)
}

// Commit implements Sink.
func (b *Buffer) Commit() (err error) {
	if b.enc == nil {
		if b.enc, err = newEncoder(&b.bytes); err != nil {
			return err
		}
	}
	if err := b.enc.finish(); err != nil {
		return err
	}
	b.Memory, err = Parse(b.bytes.Bytes())
	return err
}
