package explain

import (
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// Records prints the records of a set in zone-file format, one a line.
func Records(set *dns.RRset) []string {
	var lines []string
	for rdata := range set.RDatas.All() {
		e := dns.NewEncoder(nil, 65535)
		e.Header(0, 0)
		e.Record(dns.Answer, set.Owner, set.Type, dns.ClassIN, set.TTL, rdata)
		if rr, _, err := miekg.UnpackRR(e.Bytes(), dns.HeaderLength); err == nil {
			lines = append(lines, strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	return lines
}
