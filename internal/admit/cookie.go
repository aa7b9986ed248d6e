package admit

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/dchest/siphash"

	"knot-resolver/internal/dns"
)

// CookieSecretLength is the size of the secret that server cookies are made with, octets.
const CookieSecretLength = 16

// Form of cookies (RFC 7873 section 4, RFC 9018 section 4).
const (
	clientCookie     = 8
	serverCookie     = 16 // as made here; others may make 8 to 32 octets
	serverCookieMin  = 8
	serverCookieMax  = 32
	cookieVersion    = 1
	cookieLife       = time.Hour // after which a server cookie is no longer good
	cookieRenew      = time.Hour / 2
	cookieClockAhead = 5 * time.Minute // that another server of the same secret may be ahead
)

// Cookies makes and checks the cookies by which clients show that they get what is sent to their address (RFC 7873, RFC 9018).
// Servers with the same secret accept each other's.
type Cookies struct{ k0, k1 uint64 }

// NewCookies uses a secret of [CookieSecretLength] octets.
func NewCookies(secret [CookieSecretLength]byte) *Cookies {
	return &Cookies{binary.LittleEndian.Uint64(secret[:]), binary.LittleEndian.Uint64(secret[8:])}
}

// Cookie is what the cookie of a query says.
type Cookie uint8

// The cookies of queries.
const (
	CookieMalformed Cookie = iota // FORMERR (RFC 7873 section 5.2.2)
	CookieClient                  // none of the server yet, or one that is not or no longer good
	CookieGood                    // the client has got an answer at its address before
)

// Judge looks at the data of the cookie option of a query.
func (c *Cookies) Judge(data []byte, client netip.Addr, now time.Time) Cookie {
	server := len(data) - clientCookie
	switch {
	case server != 0 && (server < serverCookieMin || server > serverCookieMax):
		return CookieMalformed
	case server != serverCookie || data[clientCookie] != cookieVersion:
		return CookieClient
	}
	made := binary.BigEndian.Uint32(data[clientCookie+4:])
	age := time.Duration(int32(uint32(now.Unix())-made)) * time.Second // serial arithmetic
	if age > cookieLife || age < -cookieClockAhead {
		return CookieClient
	}
	if binary.BigEndian.Uint64(data[clientCookie+8:]) != c.hash(data[:clientCookie+8], client) {
		return CookieClient
	}
	return CookieGood
}

// Append appends the option that answers a query with the cookie data, which must not be malformed: the client's cookie with a
// server cookie, which stays the same while it is good and young.
func (c *Cookies) Append(dst, data []byte, client netip.Addr, now time.Time) []byte {
	if c.Judge(data, client, now) == CookieGood {
		made := binary.BigEndian.Uint32(data[clientCookie+4:])
		if time.Duration(int32(uint32(now.Unix())-made))*time.Second < cookieRenew {
			return dns.AppendOption(dst, dns.OptionCookie, data)
		}
	}
	var full [clientCookie + serverCookie]byte
	copy(full[:], data[:clientCookie])
	full[clientCookie] = cookieVersion
	binary.BigEndian.PutUint32(full[clientCookie+4:], uint32(now.Unix()))
	binary.BigEndian.PutUint64(full[clientCookie+8:], c.hash(full[:clientCookie+8], client))
	return dns.AppendOption(dst, dns.OptionCookie, full[:])
}

// hash is SipHash-2-4 over client cookie, version, reserved octets, time stamp and address, as it stands in a cookie (RFC 9018 section 4.4).
func (c *Cookies) hash(head []byte, client netip.Addr) uint64 {
	var input [clientCookie + 8 + 16]byte
	n := copy(input[:], head)
	if a := client.Unmap(); a.Is4() {
		octets := a.As4()
		n += copy(input[n:], octets[:])
	} else {
		octets := a.As16()
		n += copy(input[n:], octets[:])
	}
	h := siphash.Hash(c.k0, c.k1, input[:n])
	return binary.BigEndian.Uint64(binary.LittleEndian.AppendUint64(nil, h))
}
