//go:build !cgo

package lmdb

import "knot-resolver/internal/cache"

// Open fails with ErrUnavailable.
func Open(Options) (cache.Store, error) { return nil, ErrUnavailable }

// Dirty does nothing: without the shared cache nothing shared is written.
func Dirty([]byte) error { return nil }
