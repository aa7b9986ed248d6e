package process

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	miekg "github.com/miekg/dns"
)

// silence is a root server that knows one name, and delegates every zone below silent. to a server of its own that never
// answers. It returns the configuration of a resolver that asks it.
func silence(t *testing.T) options {
	t.Helper()
	const root = "127.0.0.53"
	upstream, conn := silentPort(t, root)
	server := &miekg.Server{PacketConn: conn, Handler: miekg.HandlerFunc(delegate)}
	go server.ActivateAndServe()
	hints := t.TempDir() + "/hints"
	if err := os.WriteFile(hints, []byte(". 3600 NS ns.known.\nns.known. 3600 A "+root+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return options{extra: fmt.Sprintf(`
  do-ipv6: false
options: {root-hints: %s, query-loopback: true, upstream-port: %d}
dnssec: {enable: false}
`, hints, upstream)}
}

// silentPort opens a port on all addresses of loopback, over UDP and TCP, that nobody ever reads from, except over UDP at one
// address, of which it returns the socket.
func silentPort(t *testing.T, but string) (port int, conn net.PacketConn) {
	t.Helper()
	reuse := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) })
	}}
	var err error
	for range 20 { // a port that is free for one may not be for the other
		var mute net.PacketConn
		var stream net.Listener
		if stream, err = reuse.Listen(t.Context(), "tcp4", "0.0.0.0:0"); err != nil {
			break
		}
		t.Cleanup(func() { stream.Close() })
		port = stream.Addr().(*net.TCPAddr).Port
		if mute, err = reuse.ListenPacket(t.Context(), "udp4", fmt.Sprintf("0.0.0.0:%d", port)); err != nil {
			continue
		}
		t.Cleanup(func() { mute.Close() })
		if conn, err = reuse.ListenPacket(t.Context(), "udp4", net.JoinHostPort(but, strconv.Itoa(port))); err != nil {
			continue
		}
		t.Cleanup(func() { conn.Close() })
		return port, conn
	}
	t.Fatal(err)
	return 0, nil
}

// known is the name that is answered.
const known = "known."

// zoneOfSilence is zone i below silent.
func zoneOfSilence(i int) string { return fmt.Sprintf("z%d.silent.", i) }

// delegate answers as the root of silence.
func delegate(w miekg.ResponseWriter, q *miekg.Msg) {
	m := new(miekg.Msg).SetReply(q)
	name, typ := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
	record := func(text string) miekg.RR {
		rr, err := miekg.NewRR(text)
		if err != nil {
			panic(err)
		}
		return rr
	}
	var i int
	labels := miekg.SplitDomainName(name)
	switch n := len(labels); {
	case n >= 2 && labels[n-1] == "silent":
		fmt.Sscanf(labels[n-2], "z%d", &i)
		zone := labels[n-2] + ".silent."
		m.Ns = append(m.Ns, record(zone+" 60 NS ns."+zone))
		m.Extra = append(m.Extra, record(fmt.Sprintf("ns.%s 60 A 127.99.%d.%d", zone, i>>8, i&255)))
	case name == "." && typ == miekg.TypeNS:
		m.Authoritative = true
		m.Answer = append(m.Answer, record(". 3600 NS ns.known."))
	case strings.HasSuffix(name, known) && typ == miekg.TypeA:
		m.Authoritative = true
		m.Answer = append(m.Answer, record(name+" 3600 A 127.0.0.53"))
	default:
		m.Authoritative = true
		m.Ns = append(m.Ns, record(". 3600 SOA . . 1 3600 600 86400 60"))
	}
	w.WriteMsg(m)
}
