package iterate

import (
	"net/netip"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// cut is a zone with the servers to ask and what secures it.
type cut struct {
	zone     dns.Name
	servers  []nameserver
	secure   bool          // the zone is signed: anchor says with which keys
	anchor   dnssec.Anchor // of a secure zone
	ede      dns.EDECode   // why it is insecure, when that is worth telling
	reason   string
	expires  time.Time // no delegation below it lives longer
	target   *target   // configured servers, instead of those above
	ds       dns.RRset // of a secure cut whose parent zone has been asked for it
	uncached bool      // nothing of it is stored
	guessed  bool      // its servers answer for a name below it, and perhaps not for the zone itself
}

// nameserver is one server of a cut. Its addresses come from glue, the cache or a look-up.
type nameserver struct {
	name     dns.Name
	addrs    []netip.Addr
	lookedUp bool
}

func nameservers(from []cache.NS) []nameserver {
	list := make([]nameserver, 0, min(len(from), limits.NSUsed))
	for _, ns := range from[:min(len(from), limits.NSUsed)] {
		list = append(list, nameserver{name: ns.Name, addrs: ns.Addrs})
	}
	return list
}

// negative returns the negative trust anchor at or above a name.
func (e *Engine) negative(name dns.Name) (dns.Name, bool) {
	for _, n := range e.Negative {
		if name.Under(n) {
			return n, true
		}
	}
	return "", false
}

// root is the cut resolution starts from when nothing is known.
func (j *job) root() *cut {
	c := &cut{zone: dns.Root, servers: nameservers(*j.e.hints.Load()), ede: dns.NoEDE, expires: time.Now().Add(limits.RootHintsTTL * time.Second)}
	if a, ok := j.e.anchors.of(dns.Root); ok && j.validate {
		c.secure, c.anchor = true, a
	}
	return c
}

// closest returns the deepest known cut to ask for a question. A DS set belongs to the parent.
func (j *job) closest(name dns.Name, t dns.Type) (*cut, error) {
	f := j.forward(name, t)
	if f != nil && !f.Authoritative {
		return j.forwarded(f)
	}
	if t == dns.TypeDS && name != dns.Root {
		name = name.Parent()
	}
	d, ok := j.nearest(name)
	if f != nil && (!ok || !d.Zone.Below(f.Apex)) {
		return j.forwarded(f)
	}
	var c *cut
	if ok {
		c = j.restored(&d)
	} else {
		c = j.root()
	}
	j.traceCut(c, ok)
	return c, nil
}

// passed is the cached delegation that the look for an answer went by; the zero value is none.
type passed struct {
	name       dns.Name // above which it lies
	known      bool     // it was looked for
	delegation cache.Delegation
	found      bool
}

// cachedOrCut is [Engine.cached] for a question that somebody has to be asked if nothing is found: the same look then finds
// where to begin.
func (j *job) cachedOrCut(name dns.Name, t dns.Type, now time.Time) (entry cache.Entry, ok bool) {
	want := rankFor(j.validate)
	j.passed = passed{}
	j.e.Cache.View(func(v *cache.View) {
		if entry, ok = cached(v, name, t, want, now); ok || t == dns.TypeDS || j.ahead != 0 {
			return
		}
		d, found := v.Cut(name, want, now)
		j.passed = passed{name: name, known: true, delegation: d, found: found}
	})
	return entry, ok && j.e.belongs(&entry, name, t)
}

// nearest returns the deepest cached delegation at or above a name. What was passed is good once: it changes meanwhile.
func (j *job) nearest(name dns.Name) (cache.Delegation, bool) {
	p := j.passed
	j.passed = passed{}
	if p.known && p.name == name {
		return p.delegation, p.found
	}
	return j.e.Cache.Cut(name, rankFor(j.validate), time.Now().Add(j.ahead))
}

// restored makes a cut of a cached delegation.
func (j *job) restored(d *cache.Delegation) *cut {
	c := &cut{zone: d.Zone, servers: nameservers(d.Servers), ede: d.EDE, reason: d.Reason, expires: d.Expires}
	if d.Rank == cache.Secure && j.validate {
		// The set was validated before it was stored.
		if anchor, verdict := j.e.Validator.Delegation(&d.DS); verdict.State == dnssec.Secure {
			c.secure, c.anchor = true, anchor
		}
	}
	j.configured(c)
	return c
}

// configured lets trust anchors, positive and negative, decide over what the parent said.
func (j *job) configured(c *cut) {
	if !j.validate {
		return
	}
	if a, ok := j.e.anchors.of(c.zone); ok {
		c.secure, c.anchor = true, a
	}
	if n, ok := j.e.negative(c.zone); ok {
		c.secure, c.reason = false, "negative trust anchor "+n.String()
	}
}

// island returns the zone with a trust anchor of its own that holds a name, if it lies below an insecure cut
// whose servers answer for it without a referral; else the cut itself.
func (j *job) island(c *cut, name dns.Name) *cut {
	if c.secure || !j.validate {
		return c
	}
	for labels := name.Labels(); labels > c.zone.Labels(); labels-- {
		zone := name.Suffix(labels)
		if _, ok := j.e.anchors.of(zone); ok {
			below := &cut{zone: zone, servers: c.servers, target: c.target, uncached: c.uncached, ede: dns.NoEDE, expires: c.expires}
			j.configured(below)
			return below
		}
	}
	return c
}

func (j *job) traceCut(c *cut, cached bool) {
	if !j.trace.On() {
		return
	}
	s := explain.Step{Kind: explain.KindCut, Zone: c.zone.String(), Verdict: "insecure", Text: c.reason}
	if c.secure {
		s.Verdict = "secure"
	}
	if !j.validate {
		s.Verdict = "unvalidated"
	}
	if cached {
		s.Class = "cached"
	}
	j.trace.Add(s)
}
