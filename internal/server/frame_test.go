package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"knot-resolver/internal/limits"
)

// split is the obvious way to do what frameReader does.
func split(stream []byte) (messages [][]byte, bad bool) {
	for len(stream) >= 2 {
		n := int(binary.BigEndian.Uint16(stream))
		if n == 0 || n > limits.QueryBytes {
			return messages, true
		}
		if len(stream) < 2+n {
			break
		}
		messages = append(messages, stream[2:2+n])
		stream = stream[2+n:]
	}
	return messages, false
}

func checkFrames(t *testing.T, stream []byte, wrap func(io.Reader) io.Reader) {
	t.Helper()
	want, wantBad := split(stream)
	r := frameReader{from: wrap(bytes.NewReader(stream))}
	r.lend(make([]byte, frameRoom))
	var got [][]byte
	for fills := 0; ; {
		if !r.ready() {
			err := r.fill()
			if err != nil && err != iotest.ErrTimeout {
				if wantBad {
					t.Fatalf("ended with %v instead of a bad length", err)
				}
				break
			}
			if fills++; fills%2 == 0 { // between two queries, or in the middle of one
				r.giveBack()
				r.lend(make([]byte, frameRoom))
			}
			continue
		}
		m, err := r.next()
		if err != nil {
			if !wantBad || !errors.Is(err, errFrame) {
				t.Fatalf("ended with %v, bad length: %v", err, wantBad)
			}
			break
		}
		got = append(got, bytes.Clone(m))
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
}

func frameSeeds() [][]byte {
	longest := make([]byte, limits.QueryBytes)
	return [][]byte{
		nil,
		{0},
		{0, 0},
		{0, 1, 7},
		{0, 2, 7},
		{255, 255},
		framed(message(1), message(2)),
		append(framed(message(1)), 0, 0),
		framed(longest, message(3), longest),
		framed(append(longest, 1)),
	}
}

func TestFrames(t *testing.T) {
	for _, seed := range frameSeeds() {
		checkFrames(t, seed, func(r io.Reader) io.Reader { return r })
		checkFrames(t, seed, iotest.OneByteReader)
		checkFrames(t, seed, func(r io.Reader) io.Reader { return iotest.TimeoutReader(iotest.HalfReader(r)) })
	}
}

func FuzzFrames(f *testing.F) {
	for _, seed := range frameSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		checkFrames(t, stream, func(r io.Reader) io.Reader { return r })
		checkFrames(t, stream, iotest.OneByteReader)
		checkFrames(t, stream, func(r io.Reader) io.Reader { return iotest.TimeoutReader(iotest.HalfReader(r)) })
	})
}
