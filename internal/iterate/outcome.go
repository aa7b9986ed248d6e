package iterate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// Question is what to resolve. The class is always IN.
type Question struct {
	Name dns.Name // lower case
	Type dns.Type
	// CheckingDisabled accepts data that was not, or not successfully, validated.
	CheckingDisabled bool
	// Fresh asks servers even when the answer is cached. Delegations and keys still come from the cache.
	Fresh bool
	// Ahead, with Fresh, passes over delegations that end within this time too: what is refreshed before it ends must not come from
	// servers that the parent zone has replaced.
	Ahead time.Duration
	// NoFallback keeps it from the resolvers of last resort.
	NoFallback bool
	// Missed says that FromCache has just found nothing: other names' denials need not be searched again.
	Missed bool
	// WholeNames asks servers for whole names, minimisation or not.
	WholeNames bool
	// Internal says that nobody outside asked: it is counted apart.
	Internal bool
	// Policy is that of the client; nil means that of the engine.
	Policy Policy
}

func (q Question) String() string { return q.Name.String() + " " + q.Type.String() }

// Outcome is how a resolution ended: a value, also when it failed.
type Outcome struct {
	RCode  dns.RCode
	EDE    dns.EDECode // dns.NoEDE when there is nothing to tell
	Reason string      // in words, with the names concerned; never empty for SERVFAIL
	Secure bool        // everything in Answer and Authority is validated
	Cached bool        // no server was asked
	Stale  bool        // from entries that ran out
	// Refused says that it failed because the servers refuse to answer for the name.
	Refused bool
	// Expiring says that it comes from entries about to run out, which are being refreshed: the next answer may be another.
	Expiring bool

	Silent    bool  // by policy the client gets no answer
	Barred    bool  // by policy nothing is resolved for the client
	Truncated bool  // by policy the client gets an empty answer that sends it to TCP
	Judge     Judge // who decided along the way

	Answer    []dns.RRset // aliases in order, then the RRset asked for
	Authority []dns.RRset // SOA and proofs of a denial, proofs of wildcard answers
}

// Failure is a resolution that came to nothing.
type Failure struct {
	RCode  dns.RCode
	EDE    dns.EDECode
	Reason string
	// Bogus says that an answer was there but did not validate, so that asking another server may help.
	Bogus bool
	// Refused says that the servers refuse to answer for the name at all.
	Refused bool
	// Passing failures come from this query's own limits, not from the name: they are not remembered.
	Passing bool
}

func (f *Failure) Error() string { return fmt.Sprintf("%v (%v): %s", f.RCode, f.EDE, f.Reason) }

func failure(code dns.EDECode, format string, args ...any) *Failure {
	return &Failure{RCode: dns.RCodeServFail, EDE: code, Reason: fmt.Sprintf(format, args...)}
}

// bogus makes a failure of a validation verdict. Once the budget for validation is spent no other server can help.
func (j *job) bogus(v dnssec.Verdict) *Failure {
	f := &Failure{RCode: dns.RCodeServFail, EDE: v.EDE, Reason: v.Reason, Bogus: true}
	for _, k := range [...]limits.Kind{limits.KindSignatureChecks, limits.KindSignatureFailures, limits.KindCryptoUnits, limits.KindDigests, limits.KindNSEC3Blocks} {
		f.Bogus = f.Bogus && j.budget.Left(k)
	}
	return f
}

// asFailure gives every error that ends a resolution its outcome.
func asFailure(err error) *Failure {
	var f *Failure
	var spent *limits.Exceeded
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &spent):
		f = failure(dns.EDEOther, "the query needs %v", spent)
	default:
		f = failure(dns.EDENetworkError, "%v", err)
	}
	return f
}

// overspent says whether the budget ended a resolution: every further query would be one too many.
func overspent(err error) bool {
	var spent *limits.Exceeded
	return errors.As(err, &spent)
}

// outcome of a failure.
func (f *Failure) outcome() Outcome {
	return Outcome{RCode: f.RCode, EDE: f.EDE, Reason: f.Reason, Refused: f.Refused}
}

// collector builds an Outcome out of the entries along a chain of aliases.
type collector struct{ Outcome }

func newCollector() *collector {
	c := new(collector)
	c.reset()
	return c
}

// reset begins anew, with the memory of the lists at hand.
func (c *collector) reset() {
	clear(c.Answer) // they may hold on to other memory
	clear(c.Authority)
	c.Outcome = Outcome{Secure: true, EDE: dns.NoEDE, Cached: true, Answer: c.Answer[:0], Authority: c.Authority[:0]}
}

// add takes one entry, whose TTLs must already be reduced by its age.
func (c *collector) add(e *cache.Entry) {
	if e.Rank != cache.Secure || e.OptOut {
		c.Secure = false
	}
	if c.EDE == dns.NoEDE && e.EDE != dns.NoEDE {
		c.EDE, c.Reason = e.EDE, e.Reason
	}
	if e.Kind == cache.Positive && !c.has(&e.Answer) {
		c.Answer = append(c.Answer, e.Answer)
	}
	if e.Kind == cache.NXDomain {
		c.RCode = dns.RCodeNXDomain
	}
	c.Authority = append(c.Authority, e.Authority...)
}

// has says whether a set is in the answer already: a DNAME may apply several times.
func (c *collector) has(set *dns.RRset) bool {
	return slices.ContainsFunc(c.Answer, func(other dns.RRset) bool { return other.Type == set.Type && other.Owner == set.Owner })
}

// failed is the outcome when the chain cannot be followed further: what was found explains the failure (RFC 6672 section 2.2).
func (c *collector) failed(f *Failure) Outcome {
	out := f.outcome()
	out.Answer = c.Answer
	return out
}

// aged returns the entry with all TTLs reduced to what is left.
func aged(e cache.Entry, left uint32) cache.Entry {
	passed := e.TTL - left
	e.Answer.TTL -= min(e.Answer.TTL, passed)
	for i := range e.Authority {
		e.Authority[i].TTL -= min(e.Authority[i].TTL, passed)
	}
	return e
}
