package config

import "net/netip"

// View is how a group of clients is treated.
type View struct {
	Subnets   []netip.Prefix // of the clients
	DstSubnet netip.Prefix   // only queries to these addresses; invalid = any
	Protocols []string       // only queries over these: udp53, tcp53, dot, doh, doq; none = any
	Tags      []string
	Answer    ViewAnswer // "" when there are tags

	Minimize    bool // exceptions: as configured, unless false
	DNS64       bool
	Fallback    bool
	PriceFactor float64 // of rate limiting and deferring; 0 = never limited
}

// ViewAnswer is the fixed treatment of all queries of a view.
type ViewAnswer string

// The treatments.
const (
	ViewAllow    ViewAnswer = "allow"
	ViewRefused  ViewAnswer = "refused"
	ViewNoAnswer ViewAnswer = "noanswer"
)

func (v *Valid) views() (all []View) {
	for _, s := range get[[]*section](v.root, "views") {
		all = append(all, View{
			Subnets:     items[netip.Prefix](s, "subnets"),
			DstSubnet:   get[netip.Prefix](s, "dst-subnet"),
			Protocols:   items[string](s, "protocols"),
			Tags:        items[string](s, "tags"),
			Answer:      ViewAnswer(get[string](s, "answer")),
			Minimize:    get[bool](s, "options/minimize"),
			DNS64:       get[bool](s, "options/dns64"),
			Fallback:    get[bool](s, "options/fallback"),
			PriceFactor: get[float64](s, "options/price-factor"),
		})
	}
	return all
}
