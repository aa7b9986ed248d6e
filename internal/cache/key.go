package cache

import (
	"encoding/binary"

	"knot-resolver/internal/dns"
)

// A key is the name in canonical order, a 0x00 octet, a tag and for tagSet the type.
// In the name part every label ends with 0x00 and no label begins with 0x00 (see
// [dns.Name.AppendKey]), so the entries of a name come directly before those of the names
// below it, and a subtree is one range of keys.
const (
	tagSet        = 'E' // answer or NODATA of one type
	tagNXDomain   = 'X' // the name does not exist
	tagDelegation = 'D' // zone cut: servers, glue, DS
	tagFailure    = 'F' // resolution of one type failed
)

// maxKey holds any name without binary labels: twice the longest name would be needed otherwise.
const maxKey = 2*dns.MaxNameLength + 4

// buffer is where a look-up builds its keys, on the stack of the caller.
type buffer [maxKey]byte

func (b *buffer) name(n dns.Name) []byte { return n.AppendKey(b[:0]) }

func tagged(name []byte, tag byte, t dns.Type) []byte {
	name = append(name, 0, tag)
	if tag == tagSet || tag == tagFailure {
		name = binary.BigEndian.AppendUint16(name, uint16(t))
	}
	return name
}

// parent cuts the last label off the name part of a key.
func parent(name []byte) []byte {
	if len(name) == 0 {
		return name
	}
	i := len(name) - 1
	for i > 0 && name[i-1] != 0 {
		i--
	}
	return name[:i]
}
