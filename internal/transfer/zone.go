package transfer

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// Zone is one zone to keep a copy of.
type Zone struct {
	Name      string           // presentation format, lower case, with trailing dot
	Primaries []netip.AddrPort // asked in this order
	Key       *Key             // TSIG; nil for none
	File      string           // of the copy, absolute
	// Check, if set, says whether a new copy can be used; when not, the old one stays.
	Check func(file string) error

	// Dial, if set, opens connections to primaries instead of the operating system.
	Dial func(ctx context.Context, primary netip.AddrPort) (net.Conn, error)

	// Records and Octets bound a transfer; 0 means limits.TransferRecords and limits.TransferBytes.
	Records, Octets int
}

// Status is what is known of a zone.
type Status struct {
	Zone        string
	Serial      uint32 // 0 with Records 0 before the first copy
	Records     int
	Changed     time.Time // when the copy was made
	Checked     time.Time // when a primary last said that it is current
	Next        time.Time // when a primary is asked next
	Expired     bool      // no primary has confirmed the copy for longer than its SOA record allows
	Primary     string
	Error       string // of the last attempt, if it failed
	Full        int    // complete transfers, AXFR
	Incremental int    // IXFR
	Failures    int    // attempts that failed
	Notifies    int    // accepted
}

// timers of a zone, out of its SOA record, within bounds.
type timers struct{ refresh, retry, expire time.Duration }

// newer says whether serial a comes after b (RFC 1982 section 3.2).
func newer(a, b uint32) bool { return a != b && int32(a-b) > 0 }

func (z *Zone) records() int { return cmp.Or(z.Records, limits.TransferRecords) }
func (z *Zone) octets() int  { return cmp.Or(z.Octets, limits.TransferBytes) }

func serialOf(soa *miekg.SOA) uint32 {
	if soa == nil {
		return 0
	}
	return soa.Serial
}
