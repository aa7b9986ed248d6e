//go:build cgo

package lmdb

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -llmdb -lpthread
#cgo noescape kr_get
#cgo nocallback kr_get
#cgo noescape kr_find
#cgo nocallback kr_find
#cgo noescape kr_seek
#cgo nocallback kr_seek
#cgo noescape kr_step
#cgo nocallback kr_step
#cgo noescape kr_renew
#cgo nocallback kr_renew
#cgo noescape kr_reset
#cgo nocallback kr_reset
#cgo noescape kr_put
#cgo nocallback kr_put
#cgo noescape kr_del
#cgo nocallback kr_del
#cgo noescape kr_stat
#cgo nocallback kr_stat
#cgo noescape kr_dirty
#cgo nocallback kr_dirty
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"syscall"

	"knot-resolver/internal/cache"
)

// Errno is an error number of liblmdb, of the system, or of the guard around liblmdb.
type Errno int

// Error implements error.
func (e Errno) Error() string {
	switch e {
	case C.KR_FAULT:
		return "memory fault in liblmdb"
	case C.KR_ASSERT:
		return "assertion failed in liblmdb"
	}
	return C.GoString(C.mdb_strerror(C.int(e)))
}

// Is sorts e under the errors of package cache and the numbers of the system.
func (e Errno) Is(target error) bool {
	switch target {
	case cache.ErrDamaged:
		return e.damage()
	case cache.ErrFull:
		return e == C.MDB_MAP_FULL || e == C.MDB_TXN_FULL
	}
	n, ok := target.(syscall.Errno)
	return ok && syscall.Errno(e) == n
}

// damage tells that the file, or what is mapped of it, cannot be used any more.
func (e Errno) damage() bool {
	switch e {
	case C.KR_FAULT, C.KR_ASSERT, C.MDB_CORRUPTED, C.MDB_PAGE_NOTFOUND, C.MDB_PANIC, C.MDB_INVALID,
		C.MDB_VERSION_MISMATCH, C.MDB_CURSOR_FULL, C.MDB_PAGE_FULL, C.MDB_INCOMPATIBLE, C.MDB_BAD_DBI:
		return true
	}
	return false
}

// interrupted tells that a call of the library did not return: its structures may be half changed, so
// that not even freeing them is safe.
func interrupted(err error) bool {
	if err == nil {
		return false
	}
	var e Errno
	return errors.As(err, &e) && (e == C.KR_FAULT || e == C.KR_ASSERT)
}

const (
	errNotFound    = Errno(C.MDB_NOTFOUND)
	errCorrupted   = Errno(C.MDB_CORRUPTED)
	errFault       = Errno(C.KR_FAULT)
	errResized     = Errno(C.MDB_MAP_RESIZED)
	errReadersFull = Errno(C.MDB_READERS_FULL)
	errFull        = Errno(C.MDB_MAP_FULL)
)

// result turns a return code into an error; success is nil. The frequent one does not allocate.
func result(rc C.int) error {
	switch rc {
	case 0:
		return nil
	case C.MDB_NOTFOUND:
		return errNotFound
	}
	return Errno(rc)
}

// changed is result for calls that change the file. They take memory for a list of free pages as long as the file says: when there
// is not enough, the file is to blame.
func changed(rc C.int) error {
	if syscall.Errno(rc) == syscall.ENOMEM {
		return errCorrupted
	}
	return result(rc)
}

// txn is a transaction. Its methods return slices of the map, valid until it ends or, in a write
// transaction, until the next change.
type txn struct {
	c   *C.kr_txn
	mem region
}

func begin(env *C.MDB_env, mem region, write bool) (txn, error) {
	t := txn{mem: mem}
	flags := C.uint(C.MDB_RDONLY)
	if write {
		flags = 0
	}
	return t, result(C.kr_begin(env, flags, &t.c))
}

func (t txn) commit() error { return changed(C.kr_commit(t.c)) }
func (t txn) abort()        { C.kr_abort(t.c) }
func (t txn) renew() error  { return result(C.kr_renew(t.c)) }
func (t txn) reset() error  { return result(C.kr_reset(t.c)) }
func (t txn) drop() error   { return changed(C.kr_drop(t.c)) }

// get returns the value of key, or errNotFound.
func (t txn) get(key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, errNotFound
	}
	if err := result(C.kr_get(t.c, charPtr(key), C.size_t(len(key)))); err != nil {
		return nil, err
	}
	return t.mem.value(key, t.c.v)
}

// find is get in a transaction that changes nothing. With errNotFound comes the gap that key lies in.
func (t txn) find(key []byte) (v []byte, around gap, err error) {
	if len(key) == 0 {
		return nil, gap{}, errNotFound
	}
	switch err = result(C.kr_find(t.c, charPtr(key), C.size_t(len(key)))); err {
	case nil:
		v, err = t.mem.value(key, t.c.v)
		return v, gap{}, err
	case errNotFound:
		return nil, t.gap(), err
	}
	return nil, gap{}, err
}

// gap returns the one that find met; it holds nothing when its bounds are outside of the map.
func (t txn) gap() (g gap) {
	var err error
	if t.c.below.mv_size > 0 {
		if g.below, err = t.mem.slice(t.c.below); err != nil {
			return gap{}
		}
	}
	if g.open = t.c.above.mv_size == 0; !g.open {
		if g.above, err = t.mem.slice(t.c.above); err != nil {
			return gap{}
		}
	}
	return g
}

// seek moves the cursor to the greatest entry not above key (floor) or the smallest not below it, and
// returns it, or errNotFound. The store's own entry is left out.
func (t txn) seek(key []byte, floor bool) (k, v []byte, err error) {
	return t.found(C.kr_seek(t.c, cBool(floor), charPtr(key), C.size_t(len(key))), floor)
}

// step moves the cursor to the entry after or before the one found last.
func (t txn) step(back bool) (k, v []byte, err error) {
	return t.found(C.kr_step(t.c, cBool(back)), back)
}

func (t txn) found(rc C.int, back bool) (k, v []byte, err error) {
	if err := result(rc); err != nil {
		return nil, nil, err
	}
	if k, err = t.mem.slice(t.c.k); err != nil {
		return nil, nil, err
	}
	if string(k) == versionKey {
		return t.step(back)
	}
	v, err = t.mem.value(k, t.c.v)
	return k, v, err
}

// all calls f for the entries from the given key on while it returns true. It stops with an error when
// keys are not in order, as they may be in a damaged file, where a walk might never end.
func (t txn) all(from []byte, f func(k, v []byte) bool) error {
	k, v, err := t.seek(from, false)
	for err == nil && f(k, v) {
		last := k
		if k, v, err = t.step(false); err == nil && bytes.Compare(last, k) >= 0 {
			err = errCorrupted
		}
	}
	if err == errNotFound {
		return nil
	}
	return err
}

func (t txn) put(key, value []byte) error { return t.set(key, value, 0) }

// putKnown is put at a key that was looked up in the transaction.
func (t txn) putKnown(key, value []byte) error { return t.set(key, value, 1) }

func (t txn) set(key, value []byte, known C.int) error {
	return changed(C.kr_put(t.c, charPtr(key), C.size_t(len(key)), known, C.uint32_t(tag(key)), charPtr(value), C.size_t(len(value))))
}

// del removes key, or returns errNotFound.
func (t txn) del(key []byte) error {
	return changed(C.kr_del(t.c, charPtr(key), C.size_t(len(key))))
}

// stat returns the number of entries and of bytes in pages that hold them.
func (t txn) stat() (entries, used uint64, err error) {
	var st C.MDB_stat
	if err := result(C.kr_stat(t.c, &st)); err != nil {
		return 0, 0, err
	}
	pages := st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages
	return uint64(st.ms_entries), uint64(pages) * uint64(st.ms_psize), nil
}

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Dirty makes the page of a mapped file that begins with b ready to be written to. If that takes long, because the disk
// stalls, it takes no processor from other goroutines, as a fault in Go code does.
func Dirty(b []byte) error { return result(C.kr_dirty(charPtr(b))) }
