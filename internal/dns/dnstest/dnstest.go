// Package dnstest makes wire-form test data out of zone-file text.
package dnstest

import (
	"fmt"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// RData returns the uncompressed RDATA of one record.
func RData(rr miekg.RR) []byte {
	buf := make([]byte, miekg.MaxMsgSize)
	end, err := miekg.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		panic(fmt.Sprintf("dnstest: %v: %v", rr, err))
	}
	start := 0
	for buf[start] != 0 {
		start += int(buf[start]) + 1
	}
	return buf[start+11 : end]
}

// RRset makes one RRset of records with the same owner and type and the RRSIGs over them.
func RRset(rrs ...miekg.RR) dns.RRset {
	sets := RRsets(rrs...)
	if len(sets) != 1 {
		panic(fmt.Sprintf("dnstest: %d RRsets, want one", len(sets)))
	}
	return sets[0]
}

// RRsets groups records like [dns.Message.RRsets] does.
func RRsets(rrs ...miekg.RR) []dns.RRset {
	msg := new(miekg.Msg)
	msg.Answer = rrs
	raw, err := msg.Pack()
	if err != nil {
		panic("dnstest: " + err.Error())
	}
	var m dns.Message
	if err := m.Parse(raw); err != nil {
		panic("dnstest: " + err.Error())
	}
	sets, err := m.RRsets(dns.Answer)
	if err != nil {
		panic("dnstest: " + err.Error())
	}
	return sets
}

// Text makes RRsets out of zone-file lines, which may be indented.
func Text(zone string) []dns.RRset {
	var rrs []miekg.RR
	var lines strings.Builder
	for line := range strings.Lines(zone) {
		lines.WriteString(strings.TrimLeft(line, " \t"))
	}
	p := miekg.NewZoneParser(strings.NewReader(lines.String()), ".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rrs = append(rrs, rr)
	}
	if err := p.Err(); err != nil {
		panic("dnstest: " + err.Error())
	}
	return RRsets(rrs...)
}

// MustRRset makes one RRset out of zone-file lines.
func MustRRset(text string) dns.RRset {
	sets := Text(text)
	if len(sets) != 1 {
		panic(fmt.Sprintf("dnstest: %d RRsets in %q, want one", len(sets), text))
	}
	return sets[0]
}
