package iterate

import (
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/rebind"
)

// TestPrivateServers: a referral cannot make the resolver send queries into the local network.
func TestPrivateServers(t *testing.T) {
	const private = "10.0.0.5"
	for want, guard := range map[string]*rebind.Guard{
		"off":     nil,
		"on":      rebind.New(rebind.Options{}),
		"allowed": rebind.New(rebind.Options{Names: []dns.Name{dns.MustName("local")}}),
	} {
		servers := map[string]handler{
			rootIP:  serves(t, ".", "@ NS ns.root-servers.test.\nlocal NS ns.local.\nns.local A "+private+"\nother NS ns.local.\n"),
			private: serves(t, "local.", "@ NS ns\nns A "+private+"\nwww A 198.51.100.9\n", "other.", "@ NS ns.local.\nwww A 198.51.100.10\n"),
		}
		play(t, servers, func(t *testing.T, s *scene) {
			s.engine.Rebinding = guard
			first, second := "198.51.100.9", "198.51.100.10"
			if want == "on" {
				first, second = "", ""
			}
			s.expect("www.local", first)
			s.expect("www.other", second)
			if n := s.queries(private); (n == 0) != (want == "on") {
				t.Errorf("protection %s: %d queries to %s", want, n, private)
			}
		})
	}
}
