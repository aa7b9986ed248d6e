package testnet

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/testnet/zone"
)

// World is one instance of the miniature internet.
type World struct {
	root    []*zone.Key
	zones   map[string]*zone.Zone
	servers []*Server
	listeners
}

// New makes the world, signed for the present time. It takes some tens of
// milliseconds and opens nothing.
func New() (*World, error) {
	return build(world(), serverTable(), time.Now())
}

// Zone is a zone by its absolute name, or nil.
func (w *World) Zone(origin string) *zone.Zone { return w.zones[origin] }

// Servers are all servers, root first.
func (w *World) Servers() []*Server { return w.servers }

// Server is a server by its absolute host name, or nil.
func (w *World) Server(host string) *Server {
	for _, s := range w.servers {
		if s.host == host {
			return s
		}
	}
	return nil
}

// Memory is the world on a new network in memory, at the given port. Inside a
// testing/synctest bubble make the world in the bubble, too: its signatures
// are for the time of the bubble.
func (w *World) Memory(port uint16) *memnet.Net {
	n := memnet.New(uint64(port))
	for _, s := range w.servers {
		if s.closed {
			n.SetLink(s.ip, memnet.Link{Refused: true})
			continue
		}
		n.Listen(netip.AddrPortFrom(s.ip, port), s)
	}
	return n
}

// RootHints is the hints file of the world: names and addresses of the root
// servers in zone-file format.
func (w *World) RootHints() string {
	var b strings.Builder
	for _, s := range w.servers {
		if strings.HasSuffix(s.host, ".root-servers.net.") {
			fmt.Fprintf(&b, ".\t3600000\tIN\tNS\t%s\n%s\t3600000\tIN\tA\t%s\n", s.host, s.host, s.ip)
		}
	}
	return b.String()
}

// TrustAnchor is the DS set of the root in zone-file format. It never changes.
func (w *World) TrustAnchor() string {
	var b strings.Builder
	for _, k := range w.root {
		if k.Public.Flags == zone.FlagsKSK {
			fmt.Fprintln(&b, k.DS(dns.SHA256))
		}
	}
	return b.String()
}

// WriteHints writes RootHints to a file.
func (w *World) WriteHints(path string) error {
	return os.WriteFile(path, []byte(w.RootHints()), 0o644)
}

// WriteTrustAnchor writes TrustAnchor to a file.
func (w *World) WriteTrustAnchor(path string) error {
	return os.WriteFile(path, []byte(w.TrustAnchor()), 0o644)
}
