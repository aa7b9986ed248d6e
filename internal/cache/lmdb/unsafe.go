//go:build cgo

package lmdb

// #include "shim.h"
import "C"

import "unsafe"

// Lifetime rule of this file, the only one with unsafe: a slice made here is a view of the mapped
// file, not Go memory. It may be read while the transaction it came from is neither reset nor
// changed, with debug.SetPanicOnFault set, and must never be written. The file stays mapped while a
// transaction is open because env.close waits for all of them.

// region is the mapped file; slices are only made inside of it. The zero region has no inside.
type region struct{ base, size uintptr }

// mapped returns the region of size bytes in which t found its last value.
func mapped(t txn, pageSize, size int64) region {
	return region{uintptr(unsafe.Pointer(C.kr_base(t.c, C.size_t(pageSize)))), uintptr(size)}
}

// contains tells whether a fault at addr is one of the mapped file.
func (r region) contains(addr uintptr) bool { return addr >= r.base && addr-r.base < r.size }

// slice returns v as a slice, or an error when it is not inside of r.
func (r region) slice(v C.MDB_val) ([]byte, error) {
	at, n := uintptr(v.mv_data), uintptr(v.mv_size)
	if r.base == 0 || at < r.base || n > r.size || at-r.base > r.size-n {
		return nil, errCorrupted
	}
	return unsafe.Slice((*byte)(v.mv_data), n), nil
}

// charPtr passes b to a C function, which must not keep it. The type keeps cgo from looking for
// pointers in the object that b is part of.
func charPtr(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }
