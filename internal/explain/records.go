package explain

import (
	"fmt"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// Records prints the records of a set in zone-file format, one a line. RDATA that is not
// of its type is printed as that of an unknown one (RFC 3597 section 5).
func Records(set *dns.RRset) []string {
	var lines []string
	for rdata := range set.RDatas.All() {
		e := dns.NewEncoder(nil, 65535)
		e.Header(0, 0)
		e.Record(dns.Answer, set.Owner, set.Type, dns.ClassIN, set.TTL, rdata)
		line := fmt.Sprintf("%v %d IN %v \\# %d %x", set.Owner, set.TTL, set.Type, len(rdata), rdata)
		if rr, _, err := miekg.UnpackRR(e.Bytes(), dns.HeaderLength); err == nil {
			line = strings.ReplaceAll(rr.String(), "\t", " ")
		}
		lines = append(lines, line)
	}
	return lines
}
