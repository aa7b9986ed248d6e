package iterate

import (
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
)

// Servers that answer for several zones follow an alias themselves. With one that leads to an unsigned zone below comes the proof that
// it is unsigned, which counts for the resolution of the target: nobody has to be asked for the DS set again, and a server that gives
// none does no harm.

// attest keeps the proofs in a response whose alias leads to a delegation without DS in the same zone, as part of the alias.
func (j *job) attest(keys *dnssec.Keys, r *response, alias *dns.RRset, e *cache.Entry) {
	if alias.Type != dns.TypeCNAME || !denies(r) {
		return
	}
	target, err := dns.Target(alias.RDatas.First())
	if err != nil || !target.Below(keys.Zone) {
		return
	}
	proof, sets, ttl := j.proofSets(keys, r.authority)
	for labels := keys.Zone.Labels() + 1; labels <= target.Labels(); labels++ {
		if unsignedAt(proof, target.Suffix(labels)) {
			e.Authority, e.TTL = sets, min(e.TTL, ttl)
			return
		}
	}
}

// attested returns the denial of the DS set of a name below the zone of c, if the alias that led here came with it. The records are
// checked like those of a response.
func (j *job) attested(c *cut, child dns.Name) (cache.Entry, bool) {
	if len(j.evidence) == 0 || !c.secure {
		return cache.Entry{}, false
	}
	keys, err := j.keysOf(c)
	if err != nil {
		return cache.Entry{}, false
	}
	proof, sets, ttl := j.proofSets(keys, j.evidence)
	if !unsignedAt(proof, child) {
		return cache.Entry{}, false
	}
	denial := proof.NoDS(child)
	return cache.Entry{Kind: cache.NoData, Rank: cache.Secure, Cut: true, OptOut: denial.OptOut, Authority: sets, TTL: ttl,
		Inserted: time.Now(), EDE: denial.EDE, Reason: denial.Reason}, true
}

// unsignedAt says whether a delegation without DS is proven to be at a name, or cannot be excluded there.
func unsignedAt(proof *dnssec.Proof, name dns.Name) bool {
	d := proof.NoDS(name)
	return d.Cut && (d.State == dnssec.Secure || d.State == dnssec.Insecure)
}

// excused accepts a denial that a signed zone does not prove when the name turns out to be in an unsigned zone below, which the same
// servers answer for. err is what it lacks.
func (j *job) excused(zone *cut, name dns.Name, t dns.Type, e *cache.Entry, err error) error {
	if asFailure(err).EDE != dns.EDENSECMissing || t == dns.TypeDS || name == zone.zone {
		return err
	}
	below, other := j.descend(zone, name)
	if other != nil || below.secure {
		return err
	}
	e.Rank, e.EDE, e.Reason = cache.Insecure, below.ede, below.reason
	return nil
}
