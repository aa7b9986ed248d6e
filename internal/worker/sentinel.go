package worker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
)

// sentinel lets a client find out whether a key of the root is trusted here (RFC 8509): a secure answer becomes SERVFAIL
// when what the first label of the name claims about the key is not so, as if the answer were bogus.
func (w *Worker) sentinel(q iterate.Question, out iterate.Outcome) iterate.Outcome {
	if !w.options.Sentinel || !out.Secure || q.Type != dns.TypeA && q.Type != dns.TypeAAAA || q.CheckingDisabled {
		return out
	}
	tag, claim, ok := sentinelLabel(q.Name.FirstLabel())
	if !ok {
		return out
	}
	anchor, _ := w.engine.Anchor(dns.Root)
	trusted := slices.Contains(anchor.Tags(), tag)
	if trusted == claim {
		return out
	}
	word := "not trusted"
	if trusted {
		word = "trusted"
	}
	return iterate.Outcome{RCode: dns.RCodeServFail, EDE: dns.EDEBogus, Reason: fmt.Sprintf("root key sentinel: key %d is %s", tag, word)}
}

// sentinelLabel takes a label apart into the tag and what is claimed about its key (RFC 8509 section 2).
func sentinelLabel(label string) (tag uint16, trusted, ok bool) {
	const digits = 5
	rest, ok := strings.CutPrefix(strings.ToLower(label), "root-key-sentinel-")
	if !ok {
		return 0, false, false
	}
	number, trusted := strings.CutPrefix(rest, "is-ta-")
	if !trusted {
		if number, ok = strings.CutPrefix(rest, "not-ta-"); !ok {
			return 0, false, false
		}
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return uint16(n), trusted, err == nil && len(number) == digits
}
