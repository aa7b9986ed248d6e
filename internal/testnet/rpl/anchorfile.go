package rpl

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/trust"
)

// anchorFile is a trust anchor that is kept up to date (RFC 5011). The keys are looked at when the
// script has moved the clock: once, as testbound does, however much time has passed.
type anchorFile struct {
	zone trust.Zone
	due  time.Time // of the next look
}

// unboundStates maps the numbers in Unbound's files.
var unboundStates = [...]trust.State{trust.Start, trust.AddPend, trust.Valid, trust.Missing, trust.Revoked, trust.Removed}

// parseAnchorFile reads Unbound's file of trust anchors.
func parseAnchorFile(lines []string) (z trust.Zone, err error) {
	for _, line := range lines {
		text := strings.TrimSpace(uncomment(line))
		if text == "" || slices.Contains(strings.Fields(text), "RRSIG") {
			continue
		}
		r, err := parseAnchorRecord(text)
		if err != nil {
			return z, err
		}
		k := trust.Key{Type: r.Type, RData: r.RData, State: trust.Valid}
		if r.Type == dns.TypeDNSKEY {
			if r.RData[1]&dns.KeyFlagSEP == 0 {
				continue
			}
			k.RData[1] &^= dns.KeyFlagRevoke
		}
		if _, rest, ok := strings.Cut(line, ";;state="); ok {
			n, err := strconv.Atoi(rest[:min(1, len(rest))])
			if err != nil || n >= len(unboundStates) {
				return z, fmt.Errorf("state of %q", line)
			}
			k.State = unboundStates[n]
		}
		z.Name = r.Owner.Lower()
		z.Keys = append(z.Keys, k)
	}
	return z, nil
}

// text lists keys with their states for comparison. What is forgotten sooner or later does not count.
func anchorText(z trust.Zone) string {
	var lines []string
	for i := range z.Keys {
		if k := &z.Keys[i]; k.State != trust.Start && k.State != trust.Removed {
			lines = append(lines, fmt.Sprintf("%v %d %v", k.Type, k.Tag(), k.State))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, ", ")
}

// look does what is due for the anchor file, with the traffic served as in step number served.
func (r *run) look() {
	f := r.anchors
	if f == nil || time.Now().Before(f.due) {
		return
	}
	done := make(chan struct{})
	r.queries.Go(func() {
		defer r.net.notify()
		defer close(done)
		f.refresh(r)
	})
	r.await(patience, r.serve, func() bool { return isClosed(done) })
}

func (f *anchorFile) refresh(r *run) {
	var seen trust.Seen
	for _, checked := range [...]bool{true, false} {
		set, err := r.worker.DNSKEY(context.Background(), f.zone.Name, checked)
		if err != nil {
			continue
		}
		if seen = trust.Look(r.validator, f.zone, &set, time.Now(), new(limits.Budget)); seen.Trusted {
			break
		}
	}
	next, again := f.zone.Step(&seen, time.Now())
	r.log("  keys of %v: trusted %v, %s", f.zone.Name, seen.Trusted, anchorText(next))
	f.zone, f.due = next, time.Now().Add(again)
	r.worker.SetAnchor(next.Anchor())
	r.twin.SetAnchor(next.Anchor())
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// checkAnchors compares the state of the anchors with the file a step expects.
func (r *run) checkAnchors(s *Step) {
	want, err := parseAnchorFile(s.File)
	switch {
	case err != nil:
		r.fail(s, nil, err.Error())
	case r.anchors == nil:
		r.fail(s, nil, "there is no file of trust anchors")
	case anchorText(want) != anchorText(r.anchors.zone):
		r.fail(s, nil, Difference{"trust anchors", anchorText(want), anchorText(r.anchors.zone)}.String())
	}
}
