package config

import "net/netip"

// checkManagementTLS looks at what only concerns an API over TCP.
func checkManagementTLS(c *checker, s *section) {
	tls := get[*section](s, "tls")
	access := get[[]*section](s, "access")
	if !s.has("interface") {
		if tls.count("cert-file", "key-file", "ca-file") > 0 {
			c.failAt(s, "tls", "only with interface")
		}
		if len(access) > 0 {
			c.failAt(s, "access", "only with interface")
		}
		return
	}
	if tls.count("cert-file", "key-file") == 1 {
		c.failAt(s, "tls", "expected both or none of cert-file and key-file")
	}
	if tls.has("ca-file") && !tls.has("cert-file") {
		c.failAt(tls, "ca-file", "only with cert-file and key-file")
	}
	for _, a := range access {
		if a.has("client") && !tls.has("ca-file") {
			c.failAt(a, "client", "only with tls/ca-file")
		}
	}
	if addr := get[endpoint](s, "interface").addr; !addr.IsLoopback() && (len(access) == 0 || !tls.has("cert-file")) {
		c.failAt(s, "interface", "%v is not a loopback address: expected access and tls as well", addr)
	}
}

func checkAccess(c *checker, s *section) {
	if s.count("token-file", "client") != 1 {
		c.fail(s.pos, s.at, "expected exactly one of token-file and client")
	}
}

func (v *Valid) management() Management {
	s := get[*section](v.root, "management")
	if !s.has("interface") {
		return Management{UnixSocket: v.path("management/unix-socket")}
	}
	e := get[endpoint](s, "interface")
	m := Management{
		Interface: netip.AddrPortFrom(e.addr, e.port),
		CertFile:  v.path("management/tls/cert-file"),
		KeyFile:   v.path("management/tls/key-file"),
		CAFile:    v.path("management/tls/ca-file"),
	}
	for _, a := range get[[]*section](s, "access") {
		m.Access = append(m.Access, Access{
			Role:      Role(get[string](a, "role")),
			TokenFile: absolute(v.doc.base, get[string](a, "token-file")),
			Client:    get[string](a, "client"),
		})
	}
	return m
}
