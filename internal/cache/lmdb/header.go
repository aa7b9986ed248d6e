//go:build cgo

package lmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// The file starts with two meta pages, written in turn, of which the one with the higher transaction
// number counts. A meta page is a page header, then (little endian on every machine we run on):
//
//	0 magic u32, 4 version u32, 8 address u64, 16 map size u64,
//	24 free list: page size u32, flags u16, depth u16, 5 numbers u64; 72 main database, likewise,
//	120 last page u64, 128 transaction u64
const (
	metaAt      = 16 // length of the page header
	metaLen     = 136
	metaMagic   = 0xBEEFC0DE
	metaVersion = 1
	pageMin     = 512
	pageMax     = 64 << 10
)

// header is what a data file says about itself.
type header struct {
	pageSize int64
	lastPage int64 // highest page ever used
	fileSize int64
}

// errHeader is wrapped by every error about a file that LMDB must not be given.
var errHeader = errors.New("not a usable LMDB file")

// readHeader reads and checks the header of the file at path. A missing or empty file is
// fs.ErrNotExist, a bad one errHeader.
func readHeader(path string) (header, error) {
	if err := own(path); err != nil {
		return header{}, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return header{}, err
	}
	if st.Size() == 0 {
		return header{}, fmt.Errorf("%s is empty: %w", path, fs.ErrNotExist)
	}
	h, err := parseHeader(f, st.Size())
	if err != nil {
		return header{}, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

// parseHeader checks both meta pages of a file of the given size: LMDB itself believes them.
func parseHeader(f io.ReaderAt, size int64) (header, error) {
	pageSize, last0, err := parseMeta(f, 0)
	if err != nil {
		return header{}, err
	}
	pageSize1, last1, err := parseMeta(f, pageSize)
	if err != nil {
		return header{}, err
	}
	h := header{pageSize: pageSize, lastPage: max(last0, last1), fileSize: size}
	switch {
	case pageSize != pageSize1:
		return h, fmt.Errorf("%w: page sizes %d and %d", errHeader, pageSize, pageSize1)
	case h.lastPage >= size/pageSize:
		return h, fmt.Errorf("%w: truncated to %d bytes, page %d is in use", errHeader, size, h.lastPage)
	}
	return h, nil
}

func parseMeta(f io.ReaderAt, at int64) (pageSize, lastPage int64, err error) {
	var buf [metaLen]byte
	if _, err := f.ReadAt(buf[:], at+metaAt); err != nil {
		return 0, 0, fmt.Errorf("%w: meta page at %d: %w", errHeader, at, err)
	}
	magic, version := binary.LittleEndian.Uint32(buf[0:]), binary.LittleEndian.Uint32(buf[4:])
	size, last := binary.LittleEndian.Uint32(buf[24:]), binary.LittleEndian.Uint64(buf[120:])
	switch {
	case magic != metaMagic:
		return 0, 0, fmt.Errorf("%w: magic number %#x at %d", errHeader, magic, at)
	case version != metaVersion:
		return 0, 0, fmt.Errorf("%w: format version %d at %d", errHeader, version, at)
	case size < pageMin || size > pageMax || size&(size-1) != 0:
		return 0, 0, fmt.Errorf("%w: page size %d at %d", errHeader, size, at)
	case last < 1 || last > 1<<48:
		return 0, 0, fmt.Errorf("%w: last page %d at %d", errHeader, last, at)
	}
	return int64(size), int64(last), nil
}
