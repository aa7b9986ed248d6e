package resolver_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"knot-resolver/internal/testnet"
	"knot-resolver/resolver"
)

// An internet in memory takes the place of the real one, which needs no options at all.
func Example() {
	world, err := testnet.New()
	if err != nil {
		log.Fatal(err)
	}
	r, err := resolver.New(resolver.Options{
		Network:      world.Memory(53),
		RootHints:    world.RootHints(),
		TrustAnchors: world.TrustAnchor(),
		Loopback:     true,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	for _, name := range []string{"www.shop.com", "www.insecure.se", "nothing.noproof.se"} {
		result, err := r.Resolve(context.Background(), name, "A")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s, secure: %v, EDE %d\n", name, result.RCode, result.Secure, result.EDE)
		if result.Reason != "" {
			fmt.Println(" ", result.Reason)
		}
		for _, record := range result.Records {
			field := strings.Fields(record) // owner, TTL, class, type, data
			fmt.Println(" ", field[0], field[3], field[4])
		}
	}
	// Output:
	// www.shop.com: NOERROR, secure: true, EDE -1
	//   www.shop.com. CNAME shop.cdn.net.
	//   shop.cdn.net. CNAME eu.cdn.net.
	//   eu.cdn.net. CNAME edge7.cdn-eu.cz.
	//   edge7.cdn-eu.cz. A 198.51.100.77
	// www.insecure.se: NOERROR, secure: false, EDE -1
	//   www.insecure.se. A 203.0.113.30
	// nothing.noproof.se: SERVFAIL, secure: false, EDE 12
	//   no NSEC or NSEC3 of noproof.se. shows that nothing.noproof.se. does not exist
}
