package rpl

import (
	"encoding/binary"
	"slices"

	"knot-resolver/internal/dns"
)

// ednsSize is the EDNS size of simulated servers, and of clients in the Unbound dialect.
const ednsSize = 1232

// query makes the message a client sends.
func (t *Template) query(d Dialect, id uint16) []byte {
	if t.Raw != nil {
		return slices.Clone(t.Raw)
	}
	var o *dns.EDNS
	switch {
	case d == Deckard:
		o = &dns.EDNS{UDPSize: 4096, DO: t.DO, Options: t.EDNS}
	case t.HasEDNS:
		o = &dns.EDNS{UDPSize: ednsSize, DO: t.DO, Options: t.EDNS}
	}
	return t.encode(id, t.Flags, t.Questions, o)
}

// answer makes the replies to a request out of the entry; none is silence.
func (e *Entry) answer(req *request) [][]byte {
	if e.Adjust.Silent {
		return nil
	}
	replies := [][]byte{e.reply(&e.Message, req)}
	for i := range e.Extra {
		replies = append(replies, e.reply(&e.Extra[i], req))
	}
	return replies
}

func (e *Entry) reply(t *Template, req *request) []byte {
	if t.Raw != nil {
		raw := slices.Clone(t.Raw)
		if (e.Adjust.CopyID || e.Adjust.RawID) && len(raw) >= 2 {
			binary.BigEndian.PutUint16(raw, req.msg.ID)
		}
		return raw
	}
	questions := slices.Clone(t.Questions)
	switch {
	case e.Adjust.CopyQuery:
		questions = req.msg.Questions
	case len(questions) == 1 && len(req.msg.Questions) == 1 && sameName(questions[0].Name, req.msg.Questions[0].Name):
		questions[0].Name = req.msg.Questions[0].Name
	}
	flags := t.Flags
	if req.msg.TCP {
		flags &^= dns.FlagTC
	}
	var o *dns.EDNS
	if asked := req.msg.OPT; asked != nil {
		o = &dns.EDNS{UDPSize: ednsSize, Version: asked.version(), DO: asked.TTL&optDO != 0, Options: t.EDNS}
	}
	return t.encode(req.msg.ID, flags, questions, o)
}

// refuse is what a Deckard server says to a request it has no entry for.
func refuse(req *request) []byte {
	t := Template{RCode: dns.RCodeServFail}
	return t.encode(req.msg.ID, dns.FlagQR, req.msg.Questions, nil)
}

// encode writes the message with the records of the template.
func (t *Template) encode(id uint16, flags dns.Flags, questions []dns.Question, o *dns.EDNS) []byte {
	e := dns.NewEncoder(nil, 65535)
	e.Header(id, (flags | dns.Flags(t.Opcode)<<11).WithRCode(t.RCode))
	for _, q := range questions {
		e.Question(q)
	}
	for section := range t.Sections {
		for _, r := range t.Sections[section] {
			e.Record(dns.Section(section), r.Owner, r.Type, r.Class, r.TTL, r.RData)
		}
	}
	if o != nil {
		o.ExtRCode = uint8(t.RCode >> 4)
		e.OPT(*o)
	}
	return e.Bytes()
}

// sameName compares names without regard to case.
func sameName(a, b dns.Name) bool { return a.Lower() == b.Lower() }
