package policy

import (
	"net/netip"
	"slices"
)

// Tags is a set of tags: bit n stands for the tag of number n.
type Tags uint64

// MaxTags is how many different tags there can be.
const MaxTags = 64

// admits says whether a rule with these tags is for somebody who has the given ones.
func (t Tags) admits(client Tags) bool { return t == 0 || t&client != 0 }

// Protocol is how a query came, or a set of such.
type Protocol uint8

// The protocols, in the words of the configuration.
const (
	UDP53 Protocol = 1 << iota
	TCP53
	DoT
	DoH
	DoQ
)

// protocolNames in the order of the bits.
var protocolNames = [...]string{"udp53", "tcp53", "dot", "doh", "doq"}

// ParseProtocol reads the name of one protocol.
func ParseProtocol(name string) (Protocol, bool) {
	i := slices.Index(protocolNames[:], name)
	return 1 << max(i, 0), i >= 0
}

// Treatment is what a view does to all queries.
type Treatment string

// The treatments.
const (
	Resolve  Treatment = ""         // answer as usual, by the view's tags
	Refuse   Treatment = "refused"  // REFUSED, EDE 18
	NoAnswer Treatment = "noanswer" // say nothing
)

// PriceUnit is the price factor 1.
const PriceUnit = 1 << 16

// View is how a group of clients is treated.
type View struct {
	Number      int            // place in the configuration from 1; 0 stands for clients without a view
	Subnets     []netip.Prefix // of the clients
	Destination netip.Prefix   // only queries to these addresses, if valid
	Protocols   Protocol       // only queries over one of these; 0 means any

	Tags      Tags // rules with one of these are for the clients
	Treatment Treatment

	Minimize    bool   // minimise names in queries to servers, if that is configured
	DNS64       bool   // synthesise addresses, if that is configured
	Fallback    bool   // ask fallback servers, if there are any
	PriceFactor uint32 // of rate limiting and deferring, in units of 1/PriceUnit; 0 = never limited

	variant uint16
}

// Variant tells views apart whose clients may get different answers: two views of one Rules value with
// the same variant can share answers.
func (v *View) Variant() uint16 { return v.variant }

// fits says whether the conditions besides the client's address hold.
func (v *View) fits(local netip.Addr, p Protocol) bool {
	return (v.Protocols == 0 || v.Protocols&p != 0) && (!v.Destination.IsValid() || v.Destination.Contains(local))
}

// views selects the view of a query.
type views struct {
	all     []View
	of      []int32 // the view of each subnet of clients, by item
	clients *subnets
}

func newViews(all []View) *views {
	v := &views{all: all}
	var prefixes []netip.Prefix
	for i := range all {
		for _, p := range all[i].Subnets {
			prefixes, v.of = append(prefixes, p), append(v.of, int32(i))
		}
	}
	v.clients = newSubnets(prefixes)
	v.number()
	return v
}

// number gives each view its variant.
func (v *views) number() {
	type answers struct {
		tags            Tags
		dns64, fallback bool
	}
	variants := map[answers]uint16{{0, true, true}: 0}
	for i := range v.all {
		view := &v.all[i]
		a := answers{view.Tags, view.DNS64, view.Fallback}
		if _, ok := variants[a]; !ok {
			variants[a] = uint16(len(variants))
		}
		view.variant = variants[a]
	}
}

// everybody is the view of those who have none. Nobody writes to it.
var everybody = View{Minimize: true, DNS64: true, Fallback: true, PriceFactor: PriceUnit}

// View returns how a client is treated that asks at a local address: by the view with the longest subnet
// that holds the client's address and whose conditions hold; of views with the same subnet the first in
// the configuration. It is never nil, also without rules.
func (r *Rules) View(client, local netip.Addr, p Protocol) *View {
	if r == nil {
		return &everybody
	}
	v := r.views
	for n := v.clients.find(client); n != none; {
		node := &v.clients.nodes[n]
		for _, item := range v.clients.items[node.first:node.last] {
			if view := &v.all[v.of[item]]; view.fits(local, p) {
				return view
			}
		}
		n = node.wider
	}
	return &everybody
}

// ViewAt returns the view with a number, nil when there is none.
func (r *Rules) ViewAt(number int) *View {
	if number < 1 || number > len(r.views.all) {
		return nil
	}
	return &r.views.all[number-1]
}
