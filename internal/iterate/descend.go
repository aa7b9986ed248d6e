package iterate

import (
	"errors"
	"slices"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// descend goes from a cut towards a name that the same servers answer for, over zone
// cuts they did not refer to. In a signed zone each cut shows by its DS set or the proof that
// there is none; the result is the deepest zone on the way, or the first unsigned one.
func (j *job) descend(c *cut, target dns.Name) (*cut, error) {
	if !target.Below(c.zone) {
		return c, nil
	}
	if c = j.island(c, target); !c.secure {
		return &cut{zone: target, servers: c.servers, target: c.target, uncached: c.uncached, ede: c.ede, reason: c.reason, expires: c.expires}, nil
	}
	for labels := c.zone.Labels() + 1; labels <= target.Labels(); labels++ {
		child := target.Suffix(labels)
		next, err := j.cutAt(c, child)
		if err != nil {
			return nil, err
		}
		if next == nil {
			continue
		}
		if c = next; !c.secure {
			return c, nil
		}
	}
	return c, nil
}

// cutAt finds out whether there is a cut at child, a name below c: nil if not.
func (j *job) cutAt(c *cut, child dns.Name) (*cut, error) {
	entry, err := j.dsAt(c, child)
	if err != nil {
		return nil, err
	}
	d := &cache.Delegation{Zone: child, Rank: cache.Insecure, EDE: c.ede, Reason: c.reason, Servers: c.known()}
	switch {
	case entry.Kind == cache.Positive:
		if err := j.signedBy(d, &entry.Answer); err != nil {
			return nil, err
		}
	case entry.Kind == cache.NXDomain:
		return nil, &Failure{RCode: dns.RCodeServFail, EDE: dns.EDEBogus, Bogus: true,
			Reason: "servers of " + c.zone.String() + " answer for names at or below " + child.String() + " but prove that it does not exist"}
	case !entry.Cut && !entry.OptOut:
		return nil, nil
	case entry.EDE != dns.NoEDE:
		d.EDE, d.Reason = entry.EDE, entry.Reason
	}
	now := time.Now()
	left, _ := entry.Remaining(now)
	d.Expires = now.Add(time.Duration(left) * time.Second)
	if c.zone != dns.Root && c.expires.Before(d.Expires) {
		d.Expires = c.expires
	}
	next := j.restored(d)
	next.target, next.ds, next.uncached, next.guessed = c.target, d.DS, c.uncached, true
	j.traceCut(next, false)
	return next, nil
}

// dsAt returns the validated DS set of a child, or its denial, from the servers of c if they are those of its zone.
func (j *job) dsAt(c *cut, child dns.Name) (cache.Entry, error) {
	entry, err := j.dsFrom(c, child)
	if err != nil && c.guessed {
		return j.fromRoot(child, dns.TypeDS, err)
	}
	return entry, err
}

// fromRoot resolves a question about a zone step by step when those who answered for a name below it, who need not know the zone, have
// failed with an error. If nobody else helps that is what counts.
func (j *job) fromRoot(zone dns.Name, t dns.Type, failed error) (cache.Entry, error) {
	if overspent(failed) {
		return cache.Entry{}, failed
	}
	sub := *j
	sub.minimise = true
	entry, err := sub.find(zone, t)
	if err != nil && !overspent(err) {
		err = failed
	}
	return entry, err
}

// dsFrom asks the servers of c.
func (j *job) dsFrom(c *cut, child dns.Name) (cache.Entry, error) {
	if entry, ok := j.e.cached(child, dns.TypeDS, rankFor(j.validate), time.Now()); ok && entry.Kind != cache.Failure {
		return entry, nil
	}
	if entry, ok := j.attested(c, child); ok {
		return entry, nil
	}
	s := j.session(c, child, dns.TypeDS)
	for {
		r, err := s.next()
		if err != nil {
			return cache.Entry{}, withoutDS(err)
		}
		if r.class == referral {
			err = &Failure{RCode: dns.RCodeServFail, EDE: dns.EDEBogus, Bogus: true, Reason: r.server.String() + " refers to " + child.String() + " when asked for its DS"}
		} else {
			var entry cache.Entry
			if entry, err = j.accept(c, r, child, dns.TypeDS); err == nil {
				return entry, nil
			}
		}
		if err = s.reject(err); err != nil {
			return cache.Entry{}, err
		}
	}
}

// withoutDS marks the failure to find out whether a zone is signed: there are servers that answer, but others do not.
func withoutDS(err error) error {
	var f *Failure
	if !errors.As(err, &f) || f.EDE != dns.EDENoReachableAuthority || f.Passing {
		return err
	}
	missing := *f
	missing.EDE = dns.EDENetworkError
	return &missing
}

// settle remembers a cut below the zone c that showed by its own NS set, at a server of c, so that the next name below it needs no
// such question. The NS set says only which servers of c serve the zone below, too (BW-02).
func (j *job) settle(c, below *cut, ns *dns.RRset) {
	if ns == nil || c.target != nil || c.uncached || below.zone != ns.Owner || below.secure && len(below.ds.RDatas) == 0 {
		return
	}
	d := &cache.Delegation{Zone: below.zone, Rank: cache.Unvalidated, EDE: below.ede, Reason: below.reason, DS: below.ds}
	for rdata := range ns.RDatas.All() {
		name, err := dns.Target(rdata)
		if i := slices.IndexFunc(c.servers, func(s nameserver) bool { return s.name == name }); err == nil && i >= 0 {
			d.Servers = append(d.Servers, cache.NS{Name: name, Addrs: c.servers[i].addrs})
		}
	}
	switch {
	case len(d.Servers) == 0:
		return
	case below.secure:
		d.Rank = cache.Secure
	case j.validate:
		d.Rank = cache.Insecure
	}
	now := time.Now()
	d.Expires = now.Add(time.Duration(min(ns.TTL, limits.NegativeTTL)) * time.Second)
	if below.expires.Before(d.Expires) {
		d.Expires = below.expires
	}
	j.e.Cache.PutDelegation(d, now)
}

// known returns the servers of a cut with their addresses.
func (c *cut) known() []cache.NS {
	servers := make([]cache.NS, len(c.servers))
	for i, ns := range c.servers {
		servers[i] = cache.NS{Name: ns.name, Addrs: ns.addrs}
	}
	return servers
}

// sameAnchor says whether two anchors name the same keys.
func sameAnchor(a, b dnssec.Anchor) bool {
	if len(a.DS) != len(b.DS) || len(a.Keys) != len(b.Keys) {
		return false
	}
	for i := range a.DS {
		if a.DS[i].KeyTag != b.DS[i].KeyTag || a.DS[i].DigestType != b.DS[i].DigestType || string(a.DS[i].Digest) != string(b.DS[i].Digest) {
			return false
		}
	}
	for i := range a.Keys {
		if string(a.Keys[i].PublicKey) != string(b.Keys[i].PublicKey) {
			return false
		}
	}
	return true
}
