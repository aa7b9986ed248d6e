package rpl

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/worker"
)

// unbound reads the options of the Unbound dialect.
func (up *Setup) unbound(s *Scenario) error {
	up.Minimise = On
	up.Stale.Bogus = true
	if err := up.unboundDNS64(s); err != nil {
		return err
	}
	for _, o := range s.Options {
		var err error
		switch o.Section {
		case "server":
			if err = up.server(o); o.Key == "auto-trust-anchor-file" {
				err = up.keep(s.Files[o.Value])
			}
		case "stub-zone", "forward-zone":
			err = up.servers(s, o)
		case "auth-zone":
			up.missing("zones held locally are not implemented (auth-zone)")
		case "rpz", "view": // read as a whole below
		case "":
			err = up.server(o) // trust-anchor files stand outside of clauses, too
		}
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", o.Line, o.Key, err)
		}
	}
	if err := up.overTCP(s); err != nil {
		return err
	}
	up.hide(s)
	if err := up.policies(s); err != nil {
		return err
	}
	if !up.Validate {
		up.Anchors = nil
	}
	up.Epoch = !up.Frozen
	up.askable(s)
	if up.Untimed {
		up.missing("signatures without regard to their times (val-override-date: -1)")
	}
	return nil
}

// askable looks for questions that are not resolved here at all.
func (up *Setup) askable(s *Scenario) {
	for i, step := range s.Steps[:max(0, len(s.Steps)-1)] {
		if step.Type != Query {
			continue
		}
		if q, ok := questionOf(step.Entry.Message.Questions); ok && q.Type == dns.TypeANY && expected(s.Steps[i+1:]) != dns.RCodeNotImp {
			up.missing("resolving questions of type ANY (NOTIMP as in the original, resolver.md section 1.2)")
		}
	}
}

// expected is the RCODE of the next answer that is checked.
func expected(steps []*Step) dns.RCode {
	for _, step := range steps {
		if step.Type == CheckAnswer {
			return step.Entry.Message.RCode
		}
	}
	return dns.RCodeNotImp
}

// irrelevant lists options on which results do not depend, or only in ways the portable comparison leaves out.
var irrelevant = words(`target-fetch-policy trust-anchor-signaling minimal-responses iter-scrub-promiscuous rrset-roundrobin
	harden-referral-path harden-unknown-additional harden-below-nxdomain aggressive-nsec tcp-upstream msg-cache-size rrset-cache-size
	num-queries-per-thread verbosity log-time-ascii log-servfail log-queries val-log-level zonemd-permissive-mode discard-timeout ede
	ede-serve-expired use-caps-for-id harden-dnssec-stripped outbound-msg-retry val-max-restart infra-cache-min-rtt prefetch-key`)

// absent lists options of what the resolver does not have, and says what that is.
var absent = map[string]string{
	"response-ip-tag":         "tags of answer addresses",
	"serve-expired-ttl-reset": "a new life for stale answers", "serve-original-ttl": "serving original TTLs",
	"dns-error-reporting":          "DNS error reporting (RFC 9567)",
	"val-nsec3-keysize-iterations": "NSEC3 limits by key size",
	"harden-algo-downgrade":        "demanding every algorithm of the DS set (RFC 6840 section 5.11 advises against it)",
	"cache-max-negative-ttl":       "an option for negative TTLs",
	"cache-min-negative-ttl":       "an option for negative TTLs", "root-hints": "files of root hints",
}

func words(text string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(text) {
		set[w] = true
	}
	return set
}

// server reads one option of the clause `server`.
func (up *Setup) server(o Option) (err error) {
	if mine, err := up.unboundAnswering(o); mine {
		return err
	}
	switch o.Key {
	case "auto-trust-anchor-file": // its content is read elsewhere
	case "trust-anchor":
		return up.anchor(o.Value, Unbound)
	case "domain-insecure":
		return up.insecure(o.Value)
	case "val-override-date":
		if up.Untimed = o.Value == "-1"; up.Untimed {
			return nil
		}
		up.Frozen = true
		return up.date(o.Value)
	case "fake-sha1":
		if isTrue(o.Value) {
			up.Unverified = []uint8{dsa, rsaSHA1, dsaNSEC3, rsaSHA1NSEC3}
		}
	case "qname-minimisation":
		up.Minimise = Off
		if isTrue(o.Value) {
			up.Minimise = On
		}
	case "prefetch":
		up.Prefetch = isTrue(o.Value)
	case "serve-expired":
		up.Stale.Serve = isTrue(o.Value)
	case "serve-expired-ttl":
		up.Stale.Window, err = seconds(o.Value)
	case "serve-expired-reply-ttl":
		var ttl time.Duration
		ttl, err = seconds(o.Value)
		up.Stale.TTL = uint32(ttl / time.Second)
	case "serve-expired-client-timeout":
		var ms int
		ms, err = strconv.Atoi(o.Value)
		up.Stale.After = time.Duration(ms) * time.Millisecond
	case "nsid":
		up.NSID, err = nsid(o.Value)
	case "identity":
		up.Chaos.Identity = o.Value
	case "version":
		up.Chaos.Version = o.Value
	case "hide-identity", "hide-version": // read with the section
	case "edns-tcp-keepalive":
		up.Keepalive = max(up.Keepalive, limits.StreamIdle)
	case "edns-tcp-keepalive-timeout":
		var ms int
		ms, err = strconv.Atoi(o.Value)
		up.Keepalive = time.Duration(ms) * time.Millisecond
	case "answer-cookie": // goes with the secret
	case "cookie-secret":
		up.Cookies, err = cookies(o.Value)
	case "do-ip4":
		up.IPv4 = isTrue(o.Value)
	case "do-ip6":
		up.IPv6 = isTrue(o.Value)
	case "do-not-query-localhost":
		up.Loopback = !isTrue(o.Value)
	case "harden-unverified-glue":
		if isTrue(o.Value) {
			up.Glue = iterate.GlueStrict
		}
	case "cache-max-ttl":
		up.MaxTTL, err = seconds(o.Value)
	case "cache-min-ttl":
		up.MinTTL, err = seconds(o.Value)
	case "module-config":
		up.modules(o.Value)
	case "local-zone", "local-data", "local-zone-override", "local-zone-tag", "access-control", "access-control-tag", "access-control-view", "access-control-tag-action", "access-control-tag-data", "define-tag",
		"response-ip", "response-ip-data": // read as a whole in policies
	default:
		what, known := absent[o.Key]
		switch {
		case known && o.Value != "no":
			up.missing("%s (%s)", what, o.Key)
		case !known && !irrelevant[o.Key]:
			up.missing("option %s is not mapped", o.Key)
		}
	}
	return err
}

// nsid reads the identity: hexadecimal, or text after a prefix.
func nsid(value string) ([]byte, error) {
	if text, ok := strings.CutPrefix(value, "ascii_"); ok {
		return []byte(text), nil
	}
	return hex.DecodeString(value)
}

func cookies(value string) (*admit.Cookies, error) {
	var secret [admit.CookieSecretLength]byte
	if n, err := hex.Decode(secret[:], []byte(value)); err != nil || n != len(secret) {
		return nil, fmt.Errorf("secret %q: %v", value, err)
	}
	return admit.NewCookies(secret), nil
}

// hide drops what is not to be told. With nothing to tell there is no class CHAOS here (NOTIMP, resolver.md section 1.2), not a class
// in which everything is refused.
func (up *Setup) hide(s *Scenario) {
	told := up.Chaos
	for _, o := range s.Options {
		switch {
		case o.Key == "hide-identity" && isTrue(o.Value):
			up.Chaos.Identity = ""
		case o.Key == "hide-version" && isTrue(o.Value):
			up.Chaos.Version = ""
		}
	}
	if told != (worker.Chaos{}) && up.Chaos == (worker.Chaos{}) {
		up.missing("a server that answers in class CHAOS and tells nothing (hide-identity, hide-version)")
	}
}

func seconds(value string) (time.Duration, error) {
	n, err := strconv.Atoi(value)
	return time.Duration(n) * time.Second, err
}

func (up *Setup) modules(list string) {
	up.Validate = false
	for m := range strings.FieldsSeq(list) {
		switch m {
		case "validator":
			up.Validate = true
		case "iterator", "respip": // respip does nothing without rules, and those are options of their own
		case "dns64": // its options stand elsewhere
		default:
			up.missing("module %s is not mapped", m)
		}
	}
}

// servers reads stub and forward zones, of which the stub for the root gives the root hints.
func (up *Setup) servers(s *Scenario, o Option) error {
	zone := zoneOf(s, o)
	if o.Section == "stub-zone" && zone == "." {
		return up.rootStub(o)
	}
	if o.Key == "name" {
		return nil
	}
	f, err := up.rule(zone, o.Section == "stub-zone")
	if err != nil {
		return err
	}
	switch _, what, _ := strings.Cut(o.Key, "-"); what {
	case "addr":
		return forward(f, o.Value)
	case "first":
		f.First = isTrue(o.Value)
	case "no-cache":
		f.Uncached = isTrue(o.Value)
	case "tcp-upstream":
		return nil // when all servers are known
	case "prime": // the servers of a rule are those configured, whatever the zone says
	default:
		up.missing("%s is not mapped (%s)", o.Section, o.Key)
	}
	return nil
}

// zoneOf returns the name in the clause of an option.
func zoneOf(s *Scenario, o Option) string {
	for _, other := range s.Options {
		if other.Clause == o.Clause && other.Key == "name" {
			return other.Value
		}
	}
	return "."
}

// overTCP makes the servers of clauses that say so be asked over TCP.
func (up *Setup) overTCP(s *Scenario) error {
	for _, o := range s.Options {
		stub := o.Section == "stub-zone"
		if !strings.HasSuffix(o.Key, "-tcp-upstream") || !isTrue(o.Value) || stub && zoneOf(s, o) == "." {
			continue
		}
		f, err := up.rule(zoneOf(s, o), stub)
		if err != nil {
			return err
		}
		for i := range f.Servers {
			f.Servers[i].TCP = true
		}
	}
	return nil
}

// rootStub takes the stub for the root for the root hints.
func (up *Setup) rootStub(o Option) error {
	switch o.Key {
	case "stub-addr":
		a, err := netip.ParseAddr(o.Value)
		if err != nil {
			return err
		}
		up.hint(fmt.Sprintf("hint%d.root-servers.net", len(up.Hints)+1), a)
	case "stub-host":
		up.missing("root servers by name (stub-host)")
	case "stub-prime":
		if isTrue(o.Value) {
			up.missing("priming of stubs (stub-prime)")
		}
	case "name", "stub-first", "stub-no-cache", "stub-tcp-upstream": // nothing is asked before or instead of the root
	default:
		up.missing("%s is not mapped (%s)", o.Section, o.Key)
	}
	return nil
}

// keep takes over a file of trust anchors.
func (up *Setup) keep(lines []string) error {
	if up.Kept != nil {
		return fmt.Errorf("more than one file of trust anchors")
	}
	zone, err := parseAnchorFile(lines)
	if err != nil {
		return err
	}
	up.Kept = &zone
	if a := zone.Anchor(); len(a.DS)+len(a.Keys) > 0 {
		up.Anchors = append(up.Anchors, a)
	}
	return nil
}
