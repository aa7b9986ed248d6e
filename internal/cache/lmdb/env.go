//go:build cgo

package lmdb

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"
	"unsafe"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// versionKey is the key of the store's own entry, which holds Options.Version.
const versionKey = "VERS"

// envFlags: the map is written in place and never synced by us, for it is a cache that must survive
// processes but not power cuts; transactions belong to snapshots, not to threads; and reading ahead
// does not pay for random look-ups.
const envFlags = C.MDB_WRITEMAP | C.MDB_NOSYNC | C.MDB_NOTLS | C.MDB_NORDAHEAD

// env is an opened data file.
type env struct {
	c        *C.MDB_env
	mem      region
	id       identity
	size     int64
	pageSize int64
	pool     pool
}

// opener opens the files of a store.
type opener struct {
	files
	size    int64 // of a new file, see mapSize; 0 takes the file as it is
	version string
	log     *slog.Logger
}

// open opens the data file or creates it. It sets a bad file aside, and also the one that is known to
// be damaged, if it is still there. With follow set an existing file keeps its size. The caller is
// locked to its thread.
func (o *opener) open(damaged identity, follow bool) (*env, error) {
	unlock, err := o.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if id, _, err := o.stat(); err == nil && id == damaged {
		if err := o.replace("damage met while in use"); err != nil {
			return nil, err
		}
	}
	size, err := o.prepare(follow)
	if err != nil {
		return nil, err
	}
	e, err := o.mapFile(size)
	if damage(err) || errors.Is(err, cache.ErrFull) { // full: a file in order has room for its version
		if err := o.replace(err.Error()); err != nil {
			return nil, err
		}
		e, err = o.mapFile(size)
	}
	return e, err
}

// damage tells that the file is to blame for err, which may be nil.
func damage(err error) bool {
	var no Errno
	return errors.As(err, &no) && no.damage()
}

// replace sets the data file aside.
func (o *opener) replace(why string) error {
	name, err := o.setAside(time.Now())
	if err != nil {
		return fmt.Errorf("set damaged cache aside: %w", err)
	}
	o.log.Warn("cache file is damaged, starting with an empty one", "file", o.data(), "reason", why, "kept", name)
	return nil
}

// prepare makes sure that the data file is missing or good, and returns the size to map.
func (o *opener) prepare(follow bool) (size int64, err error) {
	h, err := readHeader(o.data())
	if err == nil {
		err = own(o.readers())
	}
	switch {
	case errors.Is(err, errHeader):
		if err := o.replace(err.Error()); err != nil {
			return 0, err
		}
		if o.size == 0 {
			return 0, fmt.Errorf("%s was damaged: %w", o.data(), fs.ErrNotExist)
		}
	case errors.Is(err, fs.ErrNotExist):
		if o.size == 0 {
			return 0, err
		}
		if err := o.remove(); err != nil { // a lock file alone belongs to a file that somebody removed
			return 0, err
		}
	case err != nil:
		return 0, err
	case follow || o.size == 0 || o.size == h.fileSize:
		return roundUp(h.fileSize), nil
	case h.fileSize > o.size:
		o.log.Info("cache file shrinks, starting with an empty one", "file", o.data(), "from", h.fileSize, "to", o.size)
		if err := o.remove(); err != nil {
			return 0, err
		}
	}
	return o.size, nil
}

// mapSize returns the size in which a file is made for a configured one. 0 stays 0.
func mapSize(configured int64) int64 {
	if configured == 0 {
		return 0
	}
	return roundUp(max(configured, limits.StoreSizeMin))
}

// roundUp rounds a size up to whole pages.
func roundUp(size int64) int64 {
	page := int64(os.Getpagesize())
	return (size + page - 1) / page * page
}

// mapFile maps the data file, which is created if it is missing.
func (o *opener) mapFile(size int64) (*env, error) {
	_, before, statErr := o.stat()
	e := &env{size: size, pageSize: int64(os.Getpagesize())}
	dir := C.CString(o.dir)
	defer C.free(unsafe.Pointer(dir))
	if err := result(C.kr_env_open(dir, C.size_t(size), limits.StoreReaderSlots, envFlags, &e.c)); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.data(), err)
	}
	if err := preallocate(int(C.kr_env_fd(e.c)), o.data(), size); err != nil {
		C.kr_env_close(e.c)
		if statErr != nil {
			return nil, errors.Join(err, o.remove())
		}
		return nil, errors.Join(err, os.Truncate(o.data(), before))
	}
	if err := o.start(e); err != nil {
		if !damage(err) {
			C.kr_env_close(e.c)
		}
		return nil, fmt.Errorf("open %s: %w", o.data(), err)
	}
	e.pool.start(e)
	return e, nil
}

// start completes e after it was mapped.
func (o *opener) start(e *env) (err error) {
	if e.id, _, err = o.stat(); err != nil {
		return err
	}
	if h, err := readHeader(o.data()); err == nil {
		e.pageSize = h.pageSize
	}
	if _, err := e.dropDeadReaders(); err != nil {
		return err
	}
	t, err := begin(e.c, region{}, true)
	if err != nil {
		return err
	}
	if err := o.checkVersion(e, t); err != nil {
		t.abort()
		return err
	}
	if err := t.commit(); err != nil {
		return err
	}
	t, err = begin(e.c, region{}, false)
	if err != nil {
		return err
	}
	defer t.abort()
	_, err = e.locate(t)
	return err
}

// checkVersion clears the file if it is of another version.
func (o *opener) checkVersion(e *env, t txn) error {
	stored, err := e.locate(t)
	if err != nil && err != errNotFound {
		return err
	}
	version, ok := untag([]byte(versionKey), stored) // there were no tags once
	if ok && string(version) == o.version {
		return nil
	}
	entries, _, err := t.stat()
	if err != nil {
		return err
	}
	if entries > 0 {
		o.log.Info("cache has another version, clearing it", "file", o.data(), "version", string(version), "wanted", o.version)
		if err := t.drop(); err != nil {
			return err
		}
	}
	return t.put([]byte(versionKey), []byte(o.version))
}

// locate finds out where the file is mapped and returns the version it holds, with its tag.
func (e *env) locate(t txn) ([]byte, error) {
	if err := result(C.kr_get(t.c, charPtr([]byte(versionKey)), C.size_t(len(versionKey)))); err != nil {
		return nil, err
	}
	e.mem = mapped(t, e.pageSize, e.size)
	return e.mem.slice(t.c.v)
}

// dropDeadReaders frees the slots of readers whose process is gone, which keep pages from being reused.
func (e *env) dropDeadReaders() (int, error) {
	var dead C.int
	err := result(C.kr_reader_check(e.c, &dead))
	return int(dead), err
}

// close unmaps the file. No snapshot may be in use.
func (e *env) close() {
	e.pool.close()
	C.kr_env_close(e.c)
}
