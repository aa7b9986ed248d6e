package lmdb

import (
	"errors"
	"log/slog"

	"knot-resolver/internal/cache"
)

// Options configure a Store.
type Options struct {
	// Dir is the directory of the files; it must exist.
	Dir string

	// Size is that of data.mdb in bytes, rounded up to whole pages, at least limits.StoreSizeMin. An
	// existing file grows to it; a larger one is replaced by an empty one. 0 takes the file as it
	// is; if it is missing Open fails with fs.ErrNotExist.
	Size int64

	// Version names the format of keys and values. A file with another one is cleared.
	Version string

	// Merge decides whether a Write replaces a stored value; it runs inside the transaction.
	Merge cache.Merge

	// Log receives what happens to the files; nil discards it.
	Log *slog.Logger
}

// Errors of Open.
var (
	ErrUnavailable = errors.New("built without cgo: use the in-memory store")
	ErrVersion     = errors.New("the store needs a version")
)
