package upstream

import (
	"encoding/binary"
	"fmt"
	"io"

	"knot-resolver/internal/dns"
)

// frames reads length-prefixed messages from a stream (RFC 1035 section 4.2.2).
type frames struct {
	in  io.Reader
	buf []byte // grows with what really arrives
}

// frameStep is how much is taken on trust of an announced length: a server that announces
// 64 KiB and sends nothing costs no 64 KiB.
const frameStep = 2048

// next returns the next message, valid until the next call. A message that cannot hold a
// DNS header is ErrMalformed; end of stream between messages is io.EOF.
func (f *frames) next() ([]byte, error) {
	f.grow(2)
	if _, err := io.ReadFull(f.in, f.buf[:2]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(f.buf))
	if length < dns.HeaderLength {
		return nil, fmt.Errorf("%w: frame of %d octets", ErrMalformed, length)
	}
	for have := 0; have < length; {
		step := min(length-have, max(frameStep, have))
		f.grow(have + step)
		if _, err := io.ReadFull(f.in, f.buf[have:have+step]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		have += step
	}
	return f.buf[:length], nil
}

func (f *frames) grow(n int) {
	if n > len(f.buf) {
		f.buf = append(f.buf, make([]byte, n-len(f.buf))...)
		f.buf = f.buf[:cap(f.buf)]
	}
}

// appendFrame appends the message write makes, behind its length.
func appendFrame(dst []byte, write func([]byte) []byte) []byte {
	at := len(dst)
	dst = write(append(dst, 0, 0))
	binary.BigEndian.PutUint16(dst[at:], uint16(len(dst)-at-2))
	return dst
}
