package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// ask takes what has changed in a zone since have, or the whole zone if that is nil, from a primary into in. The caller rolls in back when
// there is an error.
func (z *Zone) ask(ctx context.Context, primary netip.AddrPort, in *incoming) error {
	ctx, cancel := context.WithTimeout(ctx, limits.TransferTime)
	defer cancel()
	conn, err := z.connect(ctx, primary)
	if err != nil {
		return plain(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return z.exchange(conn, in)
}

func (z *Zone) connect(ctx context.Context, primary netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limits.TransferConnect)
	defer cancel()
	if z.Dial != nil {
		return z.Dial(ctx, primary)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", primary.String())
}

// request is the question for a zone.
func (z *Zone) request(in *incoming) *miekg.Msg {
	m := new(miekg.Msg)
	if in.have == nil {
		m.SetAxfr(z.Name)
		return m
	}
	soa := in.have.soa
	m.SetIxfr(z.Name, soa.Serial, soa.Ns, soa.Mbox)
	return m
}

func (z *Zone) exchange(conn net.Conn, in *incoming) error {
	m := z.request(in)
	raw, mac, err := z.Key.sign(m, "")
	if err != nil {
		return err
	}
	conn.SetWriteDeadline(time.Now().Add(limits.TransferIdle))
	if _, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)); err != nil {
		return err
	}
	signatures := signatures{key: z.Key, mac: mac}
	for total := 0; ; {
		raw, err := frame(conn)
		if err != nil {
			return cut(err)
		}
		if total += len(raw); total > z.octets() {
			return fmt.Errorf("more than %d octets", z.octets())
		}
		answer, err := z.understand(raw, m, &signatures)
		if err != nil {
			return err
		}
		for _, rr := range answer.Answer {
			if err := in.add(rr); err != nil {
				return err
			}
		}
		if in.state == complete || in.current() {
			return signatures.done()
		}
	}
}

// understand reads one message of the answer and checks that it is one.
func (z *Zone) understand(raw []byte, request *miekg.Msg, s *signatures) (*miekg.Msg, error) {
	m := new(miekg.Msg)
	if err := m.Unpack(raw); err != nil {
		return nil, fmt.Errorf("malformed message: %w", err)
	}
	switch {
	case m.Id != request.Id || !m.Response || m.Opcode != miekg.OpcodeQuery:
		return nil, errors.New("not an answer to the question")
	case len(m.Question) > 0 && (len(m.Question) > 1 || miekg.CanonicalName(m.Question[0].Name) != z.Name || m.Question[0].Qtype != request.Question[0].Qtype):
		return nil, errors.New("an answer to another question")
	case m.Rcode != miekg.RcodeSuccess:
		return nil, refusal(m.Rcode)
	case m.Truncated:
		return nil, errors.New("truncated message")
	case len(m.Answer) == 0:
		return nil, errors.New("message without records")
	}
	return m, s.check(raw, m)
}

// refusal is an answer that says why there is no transfer.
type refusal int

func (r refusal) Error() string { return "the primary says " + miekg.RcodeToString[int(r)] }

// frame reads one message. Memory grows with what really arrives, in steps of what a read gives.
func frame(conn net.Conn) ([]byte, error) {
	conn.SetReadDeadline(time.Now().Add(limits.TransferIdle))
	var prefix [2]byte
	if _, err := io.ReadFull(conn, prefix[:]); err != nil {
		return nil, err
	}
	raw := make([]byte, binary.BigEndian.Uint16(prefix[:]))
	_, err := io.ReadFull(conn, raw)
	return raw, err
}

// plain is an error of the network without addresses, which are told already.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// cut says in words that a transfer has ended too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("cut off before the final SOA record")
	}
	return plain(err)
}

// wholeHelps says whether asking for the whole zone may do better after changes could not be had.
func wholeHelps(err error) bool {
	var r refusal
	return errors.Is(err, errMisfit) || errors.As(err, &r) && (r == miekg.RcodeNotImplemented || r == miekg.RcodeFormatError || r == miekg.RcodeRefused)
}
