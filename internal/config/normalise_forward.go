package config

import (
	"cmp"
	"encoding/base64"
	"net/netip"
)

// forward expands the forward rules, one for each subtree, in the order written.
func (v *Valid) forward() []Forward {
	var all []Forward
	for _, s := range get[[]*section](v.root, "forward") {
		f := Forward{Servers: v.servers(s), Authoritative: get[bool](s, "options/authoritative"), DNSSEC: get[bool](s, "options/dnssec"),
			Tags: items[string](s, "tags"), First: get[bool](s, "options/first"), Cache: get[bool](s, "options/cache")}
		for _, name := range items[string](s, "subtree") {
			f.Subtree = name
			all = append(all, f)
		}
	}
	return all
}

func (v *Valid) fallback() *Fallback {
	s := get[*section](v.root, "fallback")
	if !get[bool](s, "enable") {
		return nil
	}
	return &Fallback{Servers: v.servers(s), DNSSEC: get[bool](s, "options/dnssec")}
}

// servers expands the servers of a section, one for each address.
func (v *Valid) servers(s *section) []ForwardServer {
	var all []ForwardServer
	for _, server := range get[[]*section](s, "servers") {
		usual, tls := uint16(53), v.serverTLS(server)
		if tls != nil {
			usual = 853
		}
		for _, e := range items[endpoint](server, "address") {
			all = append(all, ForwardServer{Addr: netip.AddrPortFrom(e.addr, cmp.Or(e.port, usual)), TLS: tls, TCP: get[string](server, "transport") == "tcp"})
		}
	}
	return all
}

func (v *Valid) serverTLS(s *section) *ForwardTLS {
	if get[string](s, "transport") != "tls" {
		return nil
	}
	t := &ForwardTLS{Hostname: get[string](s, "hostname"), CAFile: absolute(v.doc.base, get[string](s, "ca-file"))}
	for _, pin := range items[string](s, "pin-sha256") {
		raw, _ := base64.StdEncoding.DecodeString(pin) // was checked with the document
		t.Pins = append(t.Pins, raw)
	}
	return t
}
