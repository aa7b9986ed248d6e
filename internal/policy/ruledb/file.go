package ruledb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"knot-resolver/internal/limits"
)

// The file, integers big-endian:
//
//	"KRRULES" and one octet: the version of the format
//	for every pair: u16 key length (not 0), u32 value length, key, value
//	u16 0
//	u64 number of pairs
//	SHA-256 of everything before
//
// Invariants: keys ascend strictly; no length exceeds its bound in limits; nothing follows the
// checksum. [Parse] checks all of them.
const (
	magic   = "KRRULES"
	version = 2

	pairHeader = 2 + 4
	trailer    = 2 + 8 + sha256.Size
	smallest   = len(magic) + 1 + trailer
)

// ErrFile is wrapped by every error about the content of a rules file.
var ErrFile = errors.New("damaged rules file")

// encoder writes the format.
type encoder struct {
	out   io.Writer
	sum   hash.Hash
	count uint64
	last  []byte
	frame []byte
}

func newEncoder(w io.Writer) (*encoder, error) {
	e := &encoder{sum: sha256.New()}
	e.out = io.MultiWriter(w, e.sum)
	_, err := e.out.Write(append([]byte(magic), version))
	return e, err
}

func (e *encoder) put(key, value []byte) error {
	switch {
	case len(key) == 0 || len(key) > limits.RuleKeyBytes:
		return fmt.Errorf("key of %d bytes", len(key))
	case len(value) > limits.RuleValueBytes:
		return fmt.Errorf("value of %d bytes", len(value))
	case e.count > 0 && bytes.Compare(key, e.last) <= 0:
		return ErrOrder
	}
	e.frame = binary.BigEndian.AppendUint16(e.frame[:0], uint16(len(key)))
	e.frame = binary.BigEndian.AppendUint32(e.frame, uint32(len(value)))
	e.frame = append(append(e.frame, key...), value...)
	e.last = append(e.last[:0], key...)
	e.count++
	_, err := e.out.Write(e.frame)
	return err
}

func (e *encoder) finish() error {
	if _, err := e.out.Write(binary.BigEndian.AppendUint64([]byte{0, 0}, e.count)); err != nil {
		return err
	}
	_, err := e.out.Write(e.sum.Sum(nil))
	return err
}

// Parse reads a rules file. The pairs refer to file, which must not change afterwards. Errors wrap
// [ErrFile].
func Parse(file []byte) (*Memory, error) {
	if len(file) < smallest || string(file[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: not a rules file", ErrFile)
	}
	if v := file[len(magic)]; v != version {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrFile, v, version)
	}
	content, sum := file[:len(file)-sha256.Size], file[len(file)-sha256.Size:]
	if sha256.Sum256(content) != [sha256.Size]byte(sum) {
		return nil, fmt.Errorf("%w: checksum does not match", ErrFile)
	}
	return parsePairs(content[len(magic)+1:])
}

// parsePairs reads the pairs, the end mark and the count.
func parsePairs(rest []byte) (*Memory, error) {
	m := new(Memory)
	for len(rest) >= pairHeader {
		keyLen, valueLen := int(binary.BigEndian.Uint16(rest)), int(binary.BigEndian.Uint32(rest[2:]))
		if keyLen == 0 {
			break
		}
		rest = rest[pairHeader:]
		if keyLen > limits.RuleKeyBytes || valueLen > limits.RuleValueBytes || keyLen+valueLen > len(rest) {
			return nil, fmt.Errorf("%w: pair %d: lengths %d and %d", ErrFile, m.Len(), keyLen, valueLen)
		}
		end := keyLen + valueLen
		if err := m.put(rest[:keyLen], rest[keyLen:end:end]); err != nil {
			return nil, fmt.Errorf("%w: pair %d: %w", ErrFile, m.Len(), err)
		}
		rest = rest[end:]
	}
	if len(rest) != trailer-sha256.Size || binary.BigEndian.Uint16(rest) != 0 || binary.BigEndian.Uint64(rest[2:]) != uint64(m.Len()) {
		return nil, fmt.Errorf("%w: bad end after %d pairs", ErrFile, m.Len())
	}
	return m, nil
}
