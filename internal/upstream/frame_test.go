package upstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// FuzzFrames compares the reader with a plain splitting of the same bytes, however they
// arrive, and bounds its memory by what arrived.
func FuzzFrames(f *testing.F) {
	message := bytes.Repeat([]byte{7}, 12)
	f.Add([]byte{}, false)
	f.Add([]byte{0}, false)
	f.Add(frame(message), true)
	f.Add(append(frame(message), frame(bytes.Repeat(message, 30))...), false)
	f.Add([]byte{0, 11, 1, 2, 3}, false)
	f.Add([]byte{0xff, 0xff, 1, 2, 3}, true)
	f.Add(append(frame(message), 0, 12, 1), true)
	f.Fuzz(func(t *testing.T, data []byte, slow bool) {
		var in io.Reader = bytes.NewReader(data)
		if slow {
			in = iotest.OneByteReader(in)
		}
		r := frames{in: in}
		for rest := data; ; {
			got, err := r.next()
			if len(r.buf) > 3*len(data)+2*frameStep {
				t.Fatalf("buffer of %d for %d octets", len(r.buf), len(data))
			}
			if len(rest) < 2 {
				if err != io.EOF && err != io.ErrUnexpectedEOF {
					t.Fatalf("at the end: %v", err)
				}
				return
			}
			n := int(binary.BigEndian.Uint16(rest))
			switch rest = rest[2:]; {
			case n < 12:
				if !errors.Is(err, ErrMalformed) {
					t.Fatalf("frame of %d: %v", n, err)
				}
				return
			case n > len(rest):
				if err != io.ErrUnexpectedEOF {
					t.Fatalf("cut frame: %v", err)
				}
				return
			case err != nil || !bytes.Equal(got, rest[:n]):
				t.Fatalf("frame of %d: %v", n, err)
			}
			rest = rest[n:]
		}
	})
}

// FuzzMatch looks for packets that pass as the answer without its id and question.
func FuzzMatch(f *testing.F) {
	query := theQuery.append(nil, 0x1234)
	asked := questionOf(query, theName, true)
	f.Add(respond(query, 0, theRData))
	for _, m := range malformations() {
		f.Add(m.make(query))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		v := match(packet, &asked)
		if v != answers && v != truncated {
			return
		}
		if binary.BigEndian.Uint16(packet) != 0x1234 || packet[2]&0xf8 != 0x80 || !bytes.Equal(packet[12:12+len(asked.wire)], asked.wire) {
			t.Fatalf("accepted %x", packet)
		}
		if r, err := newReply(packet, theName, v); err == nil && r.Msg.Question.Name != theName {
			t.Fatalf("question became %v", r.Msg.Question.Name)
		}
	})
}

// The longest message comes whole, and an announcement alone takes no memory.
func TestFramesLong(t *testing.T) {
	long := bytes.Repeat([]byte{1, 2, 3}, 65535/3)
	r := frames{in: iotest.HalfReader(bytes.NewReader(append(frame(long), 0xff, 0xff, 1)))}
	if got, err := r.next(); err != nil || !bytes.Equal(got, long) {
		t.Errorf("%d octets, %v", len(got), err)
	}
	r = frames{in: bytes.NewReader([]byte{0xff, 0xff, 1})}
	if _, err := r.next(); err != io.ErrUnexpectedEOF || len(r.buf) > 2*frameStep {
		t.Errorf("%v with a buffer of %d", err, len(r.buf))
	}
}
