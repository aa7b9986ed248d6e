package batch

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// Area is the memory that batches are received into. It may be shared with other processes: pointers in it point into it.
//
// The invariant is: what has been received and not forgotten has a length in its header that is not 0. The kernel
// writes that length last of all, before a signal can end the process; it is zeroed when the answers of the batch
// have been sent. So whoever reads the area after the death of its process finds every datagram that is unanswered.
type Area struct {
	in      [limits.UDPBatch]header
	vecs    [limits.UDPBatch]unix.Iovec
	taken   int64 // when the process first saw the batch, in nanoseconds since 1970; 0: it has not yet
	origins [limits.UDPBatch]Origin
	buffers [limits.UDPBatch][limits.QueryBytes]byte
}

// Left returns a datagram of the last batch that has not been forgotten, if there is one in place i. Nothing in the area
// is trusted. The bytes are those of the area.
func (a *Area) Left(i int) (raw []byte, from Origin, ok bool) {
	h := &a.in[i]
	if h.len == 0 || h.len > limits.QueryBytes || h.msg.Flags&unix.MSG_TRUNC != 0 {
		return nil, from, false
	}
	from = a.origins[i]
	from.nameLen = uint8(min(h.msg.Namelen, nameLen))
	from.controlLen = uint8(min(h.msg.Controllen, controlLen))
	return a.buffers[i][:h.len], from, true
}

// Taken returns when the last batch was received; the zero time if its process has not come to look at it.
func (a *Area) Taken() time.Time {
	if a.taken == 0 {
		return time.Time{}
	}
	return time.Unix(0, a.taken)
}

// Reset forgets everything, whatever it is. The headers are cleared as bytes: pointers that another process left must
// never be seen by the garbage collector, and its write barrier looks at what is overwritten.
func (a *Area) Reset() {
	a.taken = 0
	clear(unsafe.Slice((*byte)(unsafe.Pointer(&a.in)), unsafe.Sizeof(a.in)))
	clear(unsafe.Slice((*byte)(unsafe.Pointer(&a.vecs)), unsafe.Sizeof(a.vecs)))
}
