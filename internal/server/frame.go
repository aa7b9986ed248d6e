package server

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"knot-resolver/internal/limits"
)

// errFrame is a length field no query can have: the client does not speak DNS, or attacks.
var errFrame = errors.New("length field out of range")

const lengthField = 2 // bytes before each message on a stream (RFC 1035 4.2.2)

// frameReader takes messages off a stream. A read deadline only interrupts it: a message that has
// partly arrived is kept, and next goes on where it stopped.
type frameReader struct {
	buf  *bufio.Reader // holds a whole message, so that it needs no copy
	last int           // bytes of buf that make up the message returned last
}

func newFrameReader(r io.Reader) frameReader {
	return frameReader{buf: bufio.NewReaderSize(r, lengthField+limits.QueryBytes)}
}

// next returns the next message, valid until next is called again.
func (r *frameReader) next() ([]byte, error) {
	r.release()
	field, err := r.buf.Peek(lengthField)
	if err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(field))
	if n == 0 || n > limits.QueryBytes {
		return nil, errFrame
	}
	frame, err := r.buf.Peek(lengthField + n)
	if err != nil {
		return nil, err
	}
	r.last = len(frame)
	return frame[lengthField:], nil
}

// release gives up the message returned last.
func (r *frameReader) release() {
	r.buf.Discard(r.last) // cannot fail: the bytes are buffered
	r.last = 0
}

// ready reports whether next would return without reading from the stream.
func (r *frameReader) ready() bool {
	rest := r.buf.Buffered() - r.last
	if rest < lengthField {
		return false
	}
	ahead, _ := r.buf.Peek(r.last + lengthField)
	n := int(binary.BigEndian.Uint16(ahead[r.last:]))
	return n == 0 || n > limits.QueryBytes || rest >= lengthField+n
}

// partial reports whether a message has begun to arrive.
func (r *frameReader) partial() bool { return r.buf.Buffered() > r.last }
