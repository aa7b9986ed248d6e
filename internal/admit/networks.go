package admit

import (
	"net/netip"

	"knot-resolver/internal/kru"
)

// network is one of the networks that an address is counted in: the longer the prefix, the dearer what is done for it.
// A network of multiplier 32 may have 32 times as much as a single address.
type network struct {
	bits       int
	multiplier uint32
}

// The networks of both families, shortest prefix first (resolver.md 9).
var (
	networks4 = [...]network{{18, 768}, {20, 256}, {24, 32}, {32, 1}}
	networks6 = [...]network{{32, 64}, {48, 4}, {56, 3}, {64, 2}, {128, 1}}
)

// mostNetworks is how many networks an address is counted in at most.
const mostNetworks = len(networks6)

func networksOf(ip netip.Addr) []network {
	if ip.Is4() {
		return networks4[:]
	}
	return networks6[:]
}

// keys are the keys of the networks of an address, in one account.
func keys(t *kru.Table, ip netip.Addr, account uint8, into *[mostNetworks]kru.Key) []kru.Key {
	list := networksOf(ip)
	for i, n := range list {
		into[i] = t.Key(ip, n.bits, account)
	}
	return into[:len(list)]
}
