//go:build cgo

package lmdb

// #include "shim.h"
import "C"

import (
	"encoding/binary"
	"hash/crc32"
)

// A long value has pages of its own, and the key is in another one. When one of them is on disk in a later state than the other,
// because the power failed, a whole and sound value of one key lies where that of another is looked up. Each value is
// therefore stored behind a tag, which tells its key. The tag is first, so that it is in one page with the checksum of an entry.

const tagLen = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// tag returns the one of values of a key.
func tag(key []byte) uint32 { return crc32.Checksum(key, castagnoli) }

// untag returns a stored value without its tag, if that is the one of the key.
func untag(key, stored []byte) (value []byte, ok bool) {
	if len(stored) < tagLen || binary.NativeEndian.Uint32(stored) != tag(key) {
		return nil, false
	}
	return stored[tagLen:], true
}

// value returns v, found at key, or an error when it is not inside of r or belongs to another key.
func (r region) value(key []byte, v C.MDB_val) ([]byte, error) {
	stored, err := r.slice(v)
	if err != nil {
		return nil, err
	}
	if value, ok := untag(key, stored); ok {
		return value, nil
	}
	return nil, errCorrupted
}
