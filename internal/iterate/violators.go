package iterate

import (
	"slices"
	"strings"

	"knot-resolver/internal/dns"
)

// violators are zones whose servers do not answer names in mixed case (violations DVE-2017-0003 and DVE-2017-0006 of the list that
// DNS-OARC keeps). Elsewhere a question that comes back in another case is asked over TCP instead.
const violators = `avqs.mcafee.com avts.mcafee.com cdnga.com cdngc.com cdngd.com cdngl.com cdngm.com cdngc.net panthercdn.com magazine-fashion.net`

func violatorNames() []dns.Name {
	var names []dns.Name
	for text := range strings.FieldsSeq(violators) {
		names = append(names, dns.MustName(text))
	}
	return names
}

// mixesCase says whether a question is to be sent in random letter case.
func (e *Engine) mixesCase(name dns.Name) bool {
	return e.Case0x20 && !slices.ContainsFunc(e.plainCase, name.Under)
}
