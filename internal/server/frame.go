package server

import (
	"encoding/binary"
	"errors"
	"io"

	"knot-resolver/internal/limits"
)

// errFrame is a length field no query can have: the client does not speak DNS, or attacks.
var errFrame = errors.New("length field out of range")

const lengthField = 2 // bytes before each message on a stream (RFC 1035 4.2.2)

// frameRoom is how long a buffer is: it holds a whole message, so that none needs a copy.
const frameRoom = lengthField + limits.QueryBytes

// frameReader takes messages off a stream by way of a buffer that it has only on loan. What has partly arrived of a
// message outlives interruptions, and the buffer.
type frameReader struct {
	from       io.Reader
	buf        []byte // of frameRoom; nil: none at present
	start, end int    // of what is in buf and not taken yet
	kept       []byte // the same while there is no buffer
}

// lend gives the reader a buffer.
func (r *frameReader) lend(buf []byte) {
	r.buf = buf
	r.start, r.end = 0, copy(buf, r.kept)
	r.kept = nil
}

// giveBack takes the buffer, and with it the message returned last, away.
func (r *frameReader) giveBack() (buf []byte) {
	if r.partial() {
		r.kept = append([]byte(nil), r.buf[r.start:r.end]...)
	}
	buf, r.buf = r.buf, nil
	r.start, r.end = 0, 0
	return buf
}

// ready reports whether next has something to say without another fill.
func (r *frameReader) ready() bool {
	rest := r.end - r.start
	if rest < lengthField {
		return false
	}
	n := r.length()
	return n == 0 || n > limits.QueryBytes || rest >= lengthField+n
}

func (r *frameReader) length() int { return int(binary.BigEndian.Uint16(r.buf[r.start:])) }

// next returns the next message, valid until fill. It is called when the reader is ready.
func (r *frameReader) next() ([]byte, error) {
	n := r.length()
	if n == 0 || n > limits.QueryBytes {
		return nil, errFrame
	}
	from := r.start + lengthField
	r.start = from + n
	return r.buf[from:r.start:r.start], nil
}

// fill reads once. It is called when the reader is not ready, and so there is room.
func (r *frameReader) fill() error {
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
	n, err := r.from.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// partial reports whether a message has begun to arrive.
func (r *frameReader) partial() bool { return r.end > r.start || len(r.kept) > 0 }
