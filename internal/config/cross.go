package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// The functions of this file and of cross_policy.go check the options of one
// section together. Each option by itself is valid when they run.

// has reports whether the option has a value.
func (s *section) has(name string) bool { return s.fields[name].v != nil }

// count counts how many of the options have a value.
func (s *section) count(names ...string) int {
	n := 0
	for _, name := range names {
		if s.has(name) {
			n++
		}
	}
	return n
}

// failAt reports a mistake at one option of the section, or at the section when
// the option was not written.
func (c *checker) failAt(s *section, name, format string, args ...any) {
	v := s.fields[name]
	if !v.given {
		v.at, v.pos = s.at, s.pos
	}
	c.fail(v.pos, v.at, format, args...)
}

// exclusive refuses two options at once.
func (c *checker) exclusive(s *section, a, b string) {
	if s.has(a) && s.has(b) {
		c.failAt(s, b, "expected only one of %s and %s", a, b)
	}
}

func checkRoot(c *checker, s *section) {
	workers := s.fields["workers"]
	const each = 10
	if n, ok := workers.v.(int64); ok && n > int64(each*c.cpus) {
		c.failAt(s, "workers", "expected at most %d, %d for each CPU", each*c.cpus, each)
	}
	socket := absolute(c.base, get[string](s, "management/unix-socket"))
	if get[*section](s, "management").has("interface") {
		socket = ""
	}
	if rundir := absolute(c.base, get[string](s, "rundir")); socket != "" && filepath.Dir(socket) != filepath.Clean(rundir) {
		at := s.value("management/unix-socket")
		c.warn(at.pos, at.at, "%s is not directly in the rundir %s", socket, rundir)
	}
	checkTags(c, s)
	checkTransfers(c, s)
}

func checkManagement(c *checker, s *section) {
	const longest = 107 // bytes in sockaddr_un without the final zero
	if s.fields["interface"].given && s.fields["unix-socket"].given {
		c.failAt(s, "interface", "expected only one of unix-socket and interface")
	}
	if socket := absolute(c.base, get[string](s, "unix-socket")); len(socket) > longest {
		c.failAt(s, "unix-socket", "%s is longer than %d bytes, the most for a Unix socket", socket, longest)
	}
	checkManagementTLS(c, s)
}

func checkListen(c *checker, s *section) {
	if s.count("interface", "unix-socket") != 1 {
		c.fail(s.pos, s.at, "expected exactly one of interface and unix-socket")
		return
	}
	if s.has("unix-socket") {
		if s.has("port") {
			c.failAt(s, "port", "a Unix socket has no port")
		}
		return
	}
	withPort := 0
	interfaces := get[[]value](s, "interface")
	for _, i := range interfaces {
		if i.v.(endpoint).port != 0 {
			withPort++
		}
	}
	switch {
	case withPort > 0 && s.has("port"):
		c.failAt(s, "port", "the port is in interface already; expected only one of them")
	case withPort > 0 && withPort < len(interfaces):
		c.failAt(s, "interface", "expected @port at all interfaces or at none; use several items for different ports")
	}
}

// checkRenumbering wants one family; a destination with an exclamation mark is still a text.
func checkRenumbering(c *checker, s *section) {
	if to, _ := destination(s); to.Is4() != get[netip.Prefix](s, "source").Addr().Is4() {
		c.failAt(s, "destination", "expected an address of the family of source %s", get[netip.Prefix](s, "source"))
	}
}

// destination reads where a rule of renumbering leads; exact says that it is the address itself.
func destination(s *section) (to netip.Addr, exact bool) {
	if text, ok := s.value("destination").v.(string); ok {
		return netip.MustParseAddr(strings.TrimSuffix(text, "!")), true
	}
	return get[netip.Addr](s, "destination"), false
}

func checkTLS(c *checker, s *section) {
	if s.count("cert-file", "key-file") == 1 {
		c.fail(s.pos, s.at, "expected both cert-file and key-file, or none")
	}
	c.exclusive(s, "sticket-secret", "sticket-secret-file")
}

func checkProxy(c *checker, s *section) {
	if get[bool](s, "enable") && !s.has("allow") {
		c.failAt(s, "enable", "expected allow with the addresses of trusted proxies")
	}
}

func checkCache(c *checker, s *section) {
	if zones := get[[]*section](s, "prefill"); len(zones) > 1 {
		c.fail(zones[1].pos, zones[1].at, "expected one item: there is one root")
	}
	low, high := get[time.Duration](s, "ttl-min"), get[time.Duration](s, "ttl-max")
	if low.Truncate(time.Second) > high.Truncate(time.Second) {
		name := "ttl-min"
		if !s.fields[name].given {
			name = "ttl-max"
		}
		c.failAt(s, name, "ttl-min (%s) is larger than ttl-max (%s)", durationText(low), durationText(high))
	}
}

func checkPrefill(c *checker, s *section) {
	if get[string](s, "origin") != "." {
		c.failAt(s, "origin", `expected "." (the root)`)
	}
	if s.count("url", "file") != 1 {
		c.fail(s.pos, s.at, "%s", oneOf("url", "file"))
		return
	}
	if s.has("file") && s.has("ca-file") {
		c.failAt(s, "ca-file", "a file needs no certificates")
	}
	if u, err := url.Parse(get[string](s, "url")); s.has("url") && (err != nil || u.Scheme != "https" || u.Hostname() == "") {
		c.failAt(s, "url", "expected an address that begins with https:// and a host")
	}
}

func checkAnchorFile(c *checker, s *section) {
	if !c.strict || get[bool](s, "read-only") || !s.has("file") {
		return
	}
	dir := filepath.Dir(absolute(c.base, get[string](s, "file")))
	if err := checkWritableDir(dir); err != nil {
		c.failAt(s, "file", "automatic updates (RFC 5011) need a writable directory: %v; or set read-only: true", err)
	}
}

func checkDnstap(c *checker, s *section) {
	if get[bool](s, "enable") && !s.has("unix-socket") {
		c.failAt(s, "enable", "expected unix-socket")
	}
}

func checkGraphite(c *checker, s *section) {
	if get[bool](s, "enable") && !s.has("host") {
		c.failAt(s, "enable", "expected host")
	}
}

func checkRateLimiting(c *checker, s *section) {
	const ratio = 1000
	if get[bool](s, "enable") && !s.has("rate-limit") {
		c.failAt(s, "enable", "expected rate-limit")
	}
	if most := ratio * get[int64](s, "instant-limit"); get[int64](s, "rate-limit") > most {
		c.failAt(s, "rate-limit", "expected at most %d, %d times instant-limit", most, ratio)
	}
}

func checkLua(c *checker, s *section) {
	c.exclusive(s, "script", "script-file")
	c.exclusive(s, "policy-script", "policy-script-file")
}

// oneOf names options in a message.
func oneOf(names ...string) string {
	return fmt.Sprintf("expected exactly one of %s", strings.Join(names, ", "))
}
