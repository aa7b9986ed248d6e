package transfer

import (
	"errors"
	"net"
	"net/netip"
	"slices"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// listen receives NOTIFY messages until the socket is closed.
func (k *Keeper) listen(conn net.PacketConn) {
	buf := make([]byte, limits.NotifyMessage)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of an earlier answer
		}
		source, ok := from.(*net.UDPAddr)
		if !ok {
			continue
		}
		if answer := k.notified(buf[:n], source.AddrPort().Addr().Unmap()); answer != nil {
			conn.WriteTo(answer, from) // who does not get it asks again
		}
	}
}

// notified looks at one message and returns the answer; nil for silence, which everybody gets who is no primary.
func (k *Keeper) notified(raw []byte, from netip.Addr) []byte {
	m := new(miekg.Msg)
	if m.Unpack(raw) != nil || m.Response || m.Opcode != miekg.OpcodeNotify || len(m.Question) != 1 {
		return nil
	}
	q := m.Question[0]
	i := slices.IndexFunc(k.zones, func(z *kept) bool { return z.Name == miekg.CanonicalName(q.Name) && z.primary(from) })
	if i < 0 || q.Qtype != miekg.TypeSOA || q.Qclass != miekg.ClassINET {
		return nil
	}
	z := k.zones[i]
	if z.Key != nil {
		if err := z.Key.verify(raw, m, "", nil, false); err != nil {
			z.log.Warn("NOTIFY refused", "from", from, "reason", err)
			return answerTo(m, miekg.RcodeNotAuth, nil)
		}
	}
	z.log.Debug("NOTIFY", "from", from)
	z.update(func(s *Status) { s.Notifies++ })
	select {
	case z.notify <- struct{}{}:
	default: // it is about to be asked anyway
	}
	return answerTo(m, miekg.RcodeSuccess, z.Key)
}

func (z *kept) primary(from netip.Addr) bool {
	return slices.ContainsFunc(z.Primaries, func(p netip.AddrPort) bool { return p.Addr().Unmap() == from })
}

func answerTo(m *miekg.Msg, rcode int, key *Key) []byte {
	a := new(miekg.Msg).SetRcode(m, rcode)
	a.Authoritative = true
	var mac string
	if t := m.IsTsig(); t != nil {
		mac = t.MAC
	}
	raw, _, err := key.sign(a, mac)
	if err != nil {
		return nil
	}
	return raw
}
