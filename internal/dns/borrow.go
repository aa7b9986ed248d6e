package dns

import (
	"strings"
	"unsafe"
)

// Lifetime rule of this file, the only one of the package with unsafe: a borrowed name is a view of octets that belong to
// somebody else. It is good only as long as they are neither changed nor used again, which is the length of a call on the hit
// path. Whatever keeps the name longer than that, a goroutine, a map or a log, clones it first.

// Borrow returns the name in wire form as a view of its octets.
func Borrow(wire []byte) Name { return Name(unsafe.String(unsafe.SliceData(wire), len(wire))) }

// Clone returns a copy of a name that may have been borrowed.
func (n Name) Clone() Name { return Name(strings.Clone(string(n))) }
