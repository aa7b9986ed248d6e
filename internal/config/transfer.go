package config

import (
	"cmp"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
)

// Transfer says from whom a copy of a zone is kept.
type Transfer struct {
	Zone      string // lower case, with trailing dot
	Primaries []netip.AddrPort
	Notify    []netip.AddrPort // where to listen
	TSIG      *TSIG            // nil = not signed
}

// TSIG is a key for signing messages.
type TSIG struct {
	Name       string // with trailing dot
	Algorithm  string
	SecretFile string // absolute
}

// Transfers lists the zones that are transferred.
func (l *LocalData) Transfers() (list []RPZ) {
	for _, z := range l.RPZ {
		if z.Transfer != nil {
			list = append(list, z)
		}
	}
	return list
}

// checkTransfers refuses two copies of one zone: they would be one file.
func checkTransfers(c *checker, s *section) {
	seen := map[string]bool{}
	for _, zone := range get[[]*section](s, "local-data/rpz") {
		t := get[*section](zone, "transfer")
		name := get[string](t, "zone")
		if t.given && seen[name] {
			v := t.value("zone")
			c.fail(v.pos, v.at, "the zone %s is transferred already", name)
		}
		seen[name] = true
	}
}

// transfer fills in what a zone has that is transferred.
func (v *Valid) transfer(s *section, z *RPZ) {
	t := get[*section](s, "transfer")
	if !t.given {
		return
	}
	z.Watch = true
	z.Transfer = &Transfer{Zone: get[string](t, "zone"), Primaries: addrPorts(t, "primaries"), Notify: addrPorts(t, "notify")}
	z.File = filepath.Join(v.path("cache/storage"), "zones", url.PathEscape(strings.TrimSuffix(z.Transfer.Zone, "."))+".zone")
	if key := get[*section](t, "tsig"); key.given {
		z.Transfer.TSIG = &TSIG{Name: get[string](key, "name"), Algorithm: get[string](key, "algorithm"), SecretFile: absolute(v.doc.base, get[string](key, "secret-file"))}
	}
}

// addrPorts are the addresses of an option, with the port of DNS where none is given.
func addrPorts(s *section, option string) (list []netip.AddrPort) {
	for _, e := range items[endpoint](s, option) {
		list = append(list, netip.AddrPortFrom(e.addr, cmp.Or(e.port, 53)))
	}
	return list
}
