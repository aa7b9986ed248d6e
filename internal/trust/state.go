package trust

import (
	"bytes"
	"slices"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
)

// State of a key (RFC 5011 section 4).
type State uint8

// States. The zero value is that of a key never seen.
const (
	Start   State = iota
	AddPend       // seen, but not for long enough
	Valid         // trusted
	Missing       // trusted, although it is not published any more
	Revoked       // its owner revoked it
	Removed       // forgotten
)

var stateNames = [...]string{"Start", "AddPend", "Valid", "Missing", "Revoked", "Removed"}

func (s State) String() string { return stateNames[s] }

// Trusted says whether signatures by a key in this state count.
func (s State) Trusted() bool { return s == Valid || s == Missing }

// timed says whether the state ends at a set time.
func (s State) timed() bool { return s == AddPend || s == Missing || s == Revoked }

// Key is one key of a zone, or the digest of one.
type Key struct {
	Type  dns.Type // DNSKEY, or DS until the key itself is seen
	RData []byte   // of a DNSKEY never with the REVOKE bit
	State State
	Until time.Time // when AddPend, Missing and Revoked end; zero in other states
}

// Tag returns the key tag.
func (k *Key) Tag() uint16 {
	if k.Type == dns.TypeDS {
		ds, _ := dns.ParseDS(k.RData) // checked when it was read
		return ds.KeyTag
	}
	return dns.KeyTag(k.RData)
}

// is says whether k means the key with this RDATA.
func (k *Key) is(zone dns.Name, rdata []byte) bool {
	if k.Type == dns.TypeDNSKEY {
		return bytes.Equal(k.RData, rdata)
	}
	return anchorOf(zone, *k).Names(rdata)
}

func (k *Key) enter(s State, until time.Time) { k.State, k.Until = s, until }

// Zone is all keys known of a zone.
type Zone struct {
	Name dns.Name
	Keys []Key
}

// Anchor returns the trusted keys.
func (z Zone) Anchor() dnssec.Anchor {
	trusted := slices.DeleteFunc(slices.Clone(z.Keys), func(k Key) bool { return !k.State.Trusted() })
	return anchorOf(z.Name, trusted...)
}

func anchorOf(zone dns.Name, keys ...Key) dnssec.Anchor {
	a := dnssec.Anchor{Zone: zone}
	for i := range keys {
		switch k := &keys[i]; k.Type {
		case dns.TypeDS:
			if ds, err := dns.ParseDS(k.RData); err == nil {
				a.DS = append(a.DS, ds)
			}
		case dns.TypeDNSKEY:
			if key, err := dns.ParseDNSKEY(k.RData); err == nil {
				a.Keys = append(a.Keys, key)
			}
		}
	}
	return a
}
