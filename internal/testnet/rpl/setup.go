package rpl

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/trust"
	"knot-resolver/internal/worker"
)

// Setup is the resolver that the options of a scenario describe.
type Setup struct {
	Hints    []cache.NS
	Forwards []iterate.Forward // names that configured servers are asked for
	Anchors  []dnssec.Anchor
	Negative []dns.Name
	Validate bool // validation is not switched off
	// Unverified lists algorithms whose signatures count as good unseen (FORMAT.md section 16).
	Unverified []uint8
	Start      time.Time
	Frozen     bool // signatures are always checked at Start
	Epoch      bool // without a date, signatures are checked at the time since 1970 that the script has passed
	Untimed    bool // the times of signatures do not matter
	Minimise   Choice
	IPv4       bool
	IPv6       bool
	Loopback   bool // servers at loopback addresses may be asked
	Glue       iterate.Glue
	MinTTL     time.Duration
	MaxTTL     time.Duration
	Prefetch   bool // refresh entries that are in use before they run out
	Stale      iterate.Stale
	NSID       []byte         // identity (RFC 5001)
	Chaos      worker.Chaos   // what is told in class CHAOS
	Keepalive  time.Duration  // told to clients (RFC 7828)
	Cookies    *admit.Cookies // of the server
	AllowNoRD  bool           // queries without RD are answered from the cache

	answering

	Kept *trust.Zone // a trust anchor that is kept up to date

	Policy policySetup // views, local data, response policy zones

	reasons []string // why the resolver cannot be set up like that
}

// Choice is an option that may be left open: then the scenario must pass with both values.
type Choice uint8

// The choices.
const (
	Both Choice = iota
	On
	Off
)

// NotApplicable lists why this resolver cannot be set up as the scenario wants it.
func (s *Setup) NotApplicable() []string { return s.reasons }

// Setup reads the options. An option that is not known is an error.
func (s *Scenario) Setup() (*Setup, error) {
	up := &Setup{Validate: true, IPv4: true, IPv6: true, MaxTTL: 24 * time.Hour, Stale: iterate.DefaultStale()}
	up.Stale.Serve = false
	var err error
	if s.Dialect == Deckard {
		err = up.deckard(s)
	} else {
		err = up.unbound(s)
	}
	for _, ns := range up.Hints {
		if ns.Addrs[0].IsLoopback() { // who configures it wants it asked
			up.Loopback = true
		}
	}
	if len(up.Hints) == 0 && s.Dialect == Deckard {
		up.Hints = iterate.BuiltinHints()
	}
	if len(up.Hints) == 0 { // the root must not be reached: an address nobody has
		up.hint("k.root-servers.net", netip.MustParseAddr("192.0.2.254"))
	}
	return up, err
}

func (up *Setup) missing(format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	for _, known := range up.reasons {
		if known == reason {
			return
		}
	}
	up.reasons = append(up.reasons, reason)
}

func (up *Setup) hint(name string, addrs ...netip.Addr) {
	up.Hints = append(up.Hints, cache.NS{Name: dns.MustName(name).Lower(), Addrs: addrs})
}

// anchor adds a trust anchor, as tolerant as records of the script are read.
func (up *Setup) anchor(text string, d Dialect) error {
	r, err := parseAnchorRecord(strings.TrimSpace(uncomment(text)))
	if err != nil {
		return err
	}
	return up.addAnchor(r, d)
}

func parseAnchorRecord(text string) (r Record, err error) {
	p := parser{dialect: Unbound, origin: dns.Root, file: "trust anchor"}
	defer func() {
		if e, ok := recover().(*SyntaxError); ok {
			err = e
		} else if e != nil {
			panic(e)
		}
	}()
	if text == "" {
		return r, fmt.Errorf("empty trust anchor")
	}
	return p.record(text), nil
}

func (up *Setup) addAnchor(r Record, d Dialect) error {
	a := up.anchorOf(r.Owner.Lower())
	switch r.Type {
	case dns.TypeDS:
		ds, err := dns.ParseDS(r.RData)
		a.DS = append(a.DS, ds)
		up.trust(d, ds.Algorithm)
		return err
	case dns.TypeDNSKEY:
		k, err := dns.ParseDNSKEY(r.RData)
		a.Keys = append(a.Keys, k)
		up.trust(d, k.Algorithm)
		return err
	}
	return fmt.Errorf("trust anchor of type %v", r.Type)
}

// Algorithms that are known in the files but not to the validator, or not as the files use them.
const (
	dsa, rsaSHA1, dsaNSEC3, rsaSHA1NSEC3 = 3, 5, 6, 7
)

// trust lets DSA pass where Deckard's anchors use it, which expect failures for other
// reasons; zones with an algorithm that is not supported would be insecure instead.
func (up *Setup) trust(d Dialect, algorithm uint8) {
	if d == Deckard && (algorithm == dsa || algorithm == dsaNSEC3) {
		up.Unverified = []uint8{dsa, dsaNSEC3}
	}
}

func (up *Setup) anchorOf(zone dns.Name) *dnssec.Anchor {
	for i := range up.Anchors {
		if up.Anchors[i].Zone == zone {
			return &up.Anchors[i]
		}
	}
	up.Anchors = append(up.Anchors, dnssec.Anchor{Zone: zone})
	return &up.Anchors[len(up.Anchors)-1]
}

func (up *Setup) insecure(name string) error {
	n, err := dns.ParseName(name)
	up.Negative = append(up.Negative, n.Lower())
	return err
}

func (up *Setup) date(text string) (err error) {
	up.Start, err = time.Parse("20060102150405", text)
	return err
}

// forward adds a server to a rule.
func forward(f *iterate.Forward, address string) error {
	host, port, ported := strings.Cut(address, "@")
	a, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	number := uint64(53)
	if ported {
		if number, err = strconv.ParseUint(port, 10, 16); err != nil {
			return err
		}
	}
	f.Servers = append(f.Servers, iterate.Server{Addr: netip.AddrPortFrom(a, uint16(number))})
	return nil
}

// rule returns the forward rule of a zone, made anew if there is none.
func (up *Setup) rule(zone string, authoritative bool) (*iterate.Forward, error) {
	apex, err := dns.ParseName(zone)
	if err != nil {
		return nil, err
	}
	for i := range up.Forwards {
		if f := &up.Forwards[i]; f.Apex == apex.Lower() {
			return f, nil
		}
	}
	up.Forwards = append(up.Forwards, iterate.Forward{Apex: apex.Lower(), Authoritative: authoritative})
	return &up.Forwards[len(up.Forwards)-1], nil
}
