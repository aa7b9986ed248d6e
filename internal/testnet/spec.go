package testnet

import (
	"time"

	"knot-resolver/internal/testnet/zone"
)

// zoneSpec declares a zone, how it is linked to its parent, and what a
// resolver must find in it.
type zoneSpec struct {
	origin string
	hosts  []string // its name servers, as in its NS set
	lame   []string // those of hosts that do not serve it
	text   string   // its records without SOA, NS and addresses of servers

	sign       signing
	alg        uint8 // 0 is ECDSAP256SHA256
	split      bool  // a KSK and a ZSK instead of one key for both
	iterations uint16
	link       link
	foreign    string // glue of other zones, in zone-file format
	life       lifetime
	twist      func(*zone.Zone, span) // breaks the finished zone

	expect []Expectation
}

type signing int

const (
	unsigned signing = iota
	nsec
	nsec3
	optOut
)

// link is what the parent says about the keys of a signed zone.
type link int

const (
	linkDS        link = iota // the right DS set
	linkNone                  // nothing: an island of security
	linkWrongKey              // the DS of another key
	linkOddDigest             // a digest type nobody has assigned
)

type lifetime int

const (
	valid lifetime = iota
	expired
	notYetValid
)

// span is the time a signature is valid.
type span struct{ inception, expiration time.Time }

// at is the span of a lifetime seen from now.
func (l lifetime) at(now time.Time) span {
	const hour, day = time.Hour, 24 * time.Hour
	switch l {
	case expired:
		return span{now.Add(-40 * day), now.Add(-10 * day)}
	case notYetValid:
		return span{now.Add(10 * day), now.Add(40 * day)}
	}
	return span{now.Add(-hour), now.Add(30 * day)}
}

// serverSpec declares a server.
type serverSpec struct {
	host   string
	ip     string
	quirk  Quirk // nil: answers correctly
	closed bool  // nothing listens at the address
}
