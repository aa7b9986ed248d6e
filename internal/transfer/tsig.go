package transfer

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// Key is a shared secret for signing messages (TSIG, RFC 8945).
type Key struct {
	name      string // canonical
	algorithm string // as in messages
	secret    []byte
}

var hashes = map[string]func() hash.Hash{
	miekg.HmacSHA1: sha1.New, miekg.HmacSHA224: sha256.New224, miekg.HmacSHA256: sha256.New,
	miekg.HmacSHA384: sha512.New384, miekg.HmacSHA512: sha512.New,
}

// NewKey makes a key of its name, the name of its algorithm such as hmac-sha256, and its secret in base64.
func NewKey(name, algorithm, secret string) (*Key, error) {
	k := &Key{name: miekg.CanonicalName(name), algorithm: miekg.CanonicalName(algorithm)}
	if hashes[k.algorithm] == nil {
		return nil, fmt.Errorf("TSIG algorithm %q is not supported", algorithm)
	}
	var err error
	if k.secret, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(secret), "")); err != nil || len(k.secret) == 0 {
		return nil, errors.New("expected a TSIG secret in base64")
	}
	return k, nil
}

// sign packs a message, signed; m gets its signature removed again. mac is that of the request that m answers, if any.
func (k *Key) sign(m *miekg.Msg, mac string) (raw []byte, ownMAC string, err error) {
	if k == nil {
		raw, err = m.Pack()
		return raw, "", err
	}
	m.SetTsig(k.name, k.algorithm, limits.TSIGFudge, time.Now().Unix())
	return miekg.TsigGenerateWithProvider(m, provider{key: k}, mac, false)
}

var errUnsigned = errors.New("not signed with the key")

// verify checks that a message is signed with the key. mac is that of the request or message before, if any.
func (k *Key) verify(raw []byte, m *miekg.Msg, mac string, between []byte, timersOnly bool) error {
	t := m.IsTsig()
	if t == nil || miekg.CanonicalName(t.Hdr.Name) != k.name || miekg.CanonicalName(t.Algorithm) != k.algorithm {
		return errUnsigned
	}
	if t.Error != miekg.RcodeSuccess {
		return fmt.Errorf("the primary does not accept the key: %s", miekg.RcodeToString[int(t.Error)])
	}
	return miekg.TsigVerifyWithProvider(append([]byte(nil), raw...), provider{k, between}, mac, timersOnly)
}

// provider computes signatures. What is between two signed messages of a stream belongs behind the signature of the first of them.
type provider struct {
	key     *Key
	between []byte
}

// Generate implements miekg.TsigProvider.
func (p provider) Generate(message []byte, _ *miekg.TSIG) ([]byte, error) {
	h := hmac.New(hashes[p.key.algorithm], p.key.secret)
	if len(p.between) > 0 {
		mac := 2 + int(message[0])<<8 + int(message[1])
		h.Write(message[:mac])
		h.Write(p.between)
		message = message[mac:]
	}
	h.Write(message)
	return h.Sum(nil), nil
}

// Verify implements miekg.TsigProvider.
func (p provider) Verify(message []byte, t *miekg.TSIG) error {
	want, err := p.Generate(message, t)
	if err != nil {
		return err
	}
	got, err := hex.DecodeString(t.MAC)
	if err != nil || !hmac.Equal(got, want) {
		return miekg.ErrSig
	}
	return nil
}

// signatures checks those of a stream of messages that answers one request (RFC 8945 section 5.3.1): the first and the last message must be
// signed, and at least every hundredth.
type signatures struct {
	key      *Key // nil: there is nothing to check
	mac      string
	started  bool
	unsigned int
	between  []byte
}

func (s *signatures) check(raw []byte, m *miekg.Msg) error {
	if s.key == nil {
		return nil
	}
	if m.IsTsig() == nil && s.started {
		if s.unsigned++; s.unsigned >= limits.TSIGUnsigned {
			return errUnsigned
		}
		s.between = append(s.between, raw...)
		return nil
	}
	if err := s.key.verify(raw, m, s.mac, s.between, s.started); err != nil {
		return err
	}
	s.mac, s.started, s.unsigned, s.between = m.IsTsig().MAC, true, 0, nil
	return nil
}

// done says whether the stream may end here.
func (s *signatures) done() error {
	if s.key != nil && (!s.started || s.unsigned > 0) {
		return fmt.Errorf("the last message is %w", errUnsigned)
	}
	return nil
}
