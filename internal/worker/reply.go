package worker

import (
	"encoding/binary"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
)

// reply turns an outcome into the message a client gets.
type reply struct {
	w     *Worker
	req   *server.Request
	query *dns.Message
	out   *iterate.Outcome
	about []byte // TXT record about the server itself, in class CHAOS; nothing else is in the answer then
	short bool   // say nothing but that the client should come over TCP
}

func (r *reply) append(dst []byte) []byte {
	size := r.size()
	var options []byte
	if r.query.HasEDNS {
		options = r.options(size)
	}
	e := dns.NewEncoder(dst, size)
	if r.query.HasEDNS {
		e.Keep(dns.OPTLength(options))
	}
	flags := r.flags()
	e.Header(r.query.ID(), flags)
	e.Question(r.query.Question)
	if r.short || r.out.Truncated || !r.sections(e) {
		e.SetFlags(flags | dns.FlagTC)
	}
	if r.query.HasEDNS {
		e.OPT(dns.EDNS{UDPSize: uint16(r.w.options.UDPSize), ExtRCode: uint8(r.out.RCode >> 4), DO: r.query.EDNS.DO, Options: options})
	}
	return e.Bytes()
}

// size is how long the answer may be.
func (r *reply) size() int {
	switch {
	case !r.req.Transport.Datagram():
		return 65535
	case !r.query.HasEDNS:
		return limits.MinUDPPayload
	}
	return max(limits.MinUDPPayload, min(int(r.query.EDNS.UDPSize), r.w.options.UDPSize))
}

func (r *reply) flags() dns.Flags {
	asked := r.query.Flags()
	f := dns.FlagQR | asked&(dns.FlagRD|dns.FlagCD) | asked&(0xf<<11)
	if !r.out.Barred {
		f |= dns.FlagRA
	}
	wanted := r.query.EDNS.DO || asked.Has(dns.FlagAD) // RFC 6840 section 5.7
	if j, ok := r.out.Judge.(*judge); ok {
		if j.own && r.out.RCode != dns.RCodeServFail {
			f |= dns.FlagAA // for the name asked (RFC 1035 section 4.1.1)
		}
		if j.local { // nobody has signed it: who wants signatures can do nothing with it, but who takes our word can
			wanted = asked.Has(dns.FlagAD)
		}
	}
	if r.out.Secure && wanted && !asked.Has(dns.FlagCD) && r.query.Question.Type != dns.TypeRRSIG {
		f |= dns.FlagAD
	}
	return f.WithRCode(r.out.RCode)
}

// sections writes the records; false means that something did not fit.
func (r *reply) sections(e *dns.Encoder) bool {
	signatures := r.query.EDNS.DO
	for i := range r.out.Answer {
		set := &r.out.Answer[i]
		rotate := 0
		if r.w.options.Reorder {
			rotate = int(r.query.ID())
		}
		if !e.RRset(dns.Answer, set, set.TTL, signatures, rotate) {
			return false
		}
	}
	if r.about != nil && !e.Record(dns.Answer, r.query.Question.Name, dns.TypeTXT, dns.ClassCH, 0, r.about) {
		return false
	}
	for i := range r.out.Authority {
		set := &r.out.Authority[i]
		if set.Type != dns.TypeSOA && !signatures {
			continue // proofs are for those who asked for DNSSEC
		}
		if !e.RRset(dns.Authority, set, set.TTL, signatures, 0) {
			return false
		}
	}
	return true
}

// options builds the EDNS options of the answer.
func (r *reply) options(size int) []byte {
	var options []byte
	if r.w.options.Keepalive > 0 && (asksKeepalive(r.query, r.req) || r.req.Keepalive != nil && r.req.Keepalive.Load()) {
		units := uint16(r.w.options.Keepalive / (100 * time.Millisecond))
		options = dns.AppendOption(options, dns.OptionKeepalive, binary.BigEndian.AppendUint16(nil, units))
	}
	if cookie, sent := r.query.EDNS.Option(dns.OptionCookie); sent && r.w.options.Cookies != nil && r.out.RCode != dns.RCodeFormErr {
		options = r.w.options.Cookies.Append(options, cookie, r.req.Client.Addr(), time.Now())
	}
	if _, asked := r.query.EDNS.Option(dns.OptionNSID); asked && len(r.w.options.NSID) > 0 {
		options = dns.AppendOption(options, dns.OptionNSID, r.w.options.NSID)
	}
	if r.out.EDE != dns.NoEDE {
		options = dns.AppendEDE(options, r.out.EDE, r.reason(size))
	}
	return options
}

// asksKeepalive says whether a query asks how long its connection may be idle.
func asksKeepalive(m *dns.Message, req *server.Request) bool {
	_, asked := m.EDNS.Option(dns.OptionKeepalive)
	return asked && req.Transport == server.TCP
}

// heed notes that a connection's client understands keepalive: it may change, so every later answer with an OPT record tells it, too
// (RFC 7828 section 3.3.2).
func (w *Worker) heed(m *dns.Message, req *server.Request) {
	if req.Keepalive != nil && w.options.Keepalive > 0 && asksKeepalive(m, req) {
		req.Keepalive.Store(true)
	}
}

// reason is the text that goes with an EDE code: as much as leaves room for an answer.
func (r *reply) reason(size int) string {
	text := r.out.Reason
	if room := size / 4; len(text) > room {
		text = text[:room]
	}
	return text
}

// wellFormed says whether the options of a query have the form that their standards demand. Other options were not read.
func (w *Worker) wellFormed(m *dns.Message, req *server.Request, now time.Time) bool {
	if data, sent := m.EDNS.Option(dns.OptionKeepalive); sent && len(data) > 0 && req.Transport == server.TCP {
		return false // RFC 7828 section 3.2.1
	}
	data, sent := m.EDNS.Option(dns.OptionCookie)
	return !sent || w.options.Cookies == nil || w.options.Cookies.Judge(data, req.Client.Addr(), now) != admit.CookieMalformed
}

// refuseHeader answers a message of which only the header is understood.
func (w *Worker) refuseHeader(dst []byte, req *server.Request, v admit.Verdict) []byte {
	if v.Action == admit.Drop || len(req.Raw) < dns.HeaderLength {
		return nil
	}
	asked := dns.Flags(binary.BigEndian.Uint16(req.Raw[2:]))
	f := dns.FlagQR | asked&(dns.FlagRD|dns.FlagCD) | asked&(0xf<<11)
	e := dns.NewEncoder(dst, limits.MinUDPPayload)
	e.Header(binary.BigEndian.Uint16(req.Raw), f.WithRCode(v.RCode))
	return e.Bytes()
}
