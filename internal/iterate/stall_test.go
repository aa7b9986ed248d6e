package iterate

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/testnet/memnet"
)

// A server that hears nothing over UDP for a moment while hundreds ask it is asked again, and all get their answers. (Each of
// them once doubled its timeout, so that all went to TCP, where there is room for few; and two whom TCP helped sent all others
// there for ten minutes.)
func TestServerStallsUnderLoad(t *testing.T) {
	for _, overTCP := range []bool{true, false} {
		for _, stall := range []time.Duration{150 * time.Millisecond, 350 * time.Millisecond} {
			t.Run(fmt.Sprintf("%v, TCP %t", stall, overTCP), func(t *testing.T) {
				play(t, internet(t, silent), func(t *testing.T, s *scene) {
					h := serves(t, "victim.", victimZone+"* A 198.51.100.9\n")
					start := time.Now()
					s.net.Listen(netip.MustParseAddrPort(victimIP+":53"), memnet.ServerFunc(func(transport string, query []byte) [][]byte {
						now := time.Since(start)
						if (transport == memnet.UDP || !overTCP) && now > time.Second && now < time.Second+stall {
							return nil
						}
						return s.answer(victimIP, h, transport, query)
					}))
					var all sync.WaitGroup
					for i := range 8000 {
						all.Go(func() {
							if out, _, got := s.resolve(fmt.Sprintf("b%d.victim", i)); got != "198.51.100.9" || out.RCode != dns.RCodeNoError {
								t.Errorf("after %v: %v %s", time.Since(start), out.RCode, out.Reason)
							}
						})
						time.Sleep(200 * time.Microsecond)
					}
					all.Wait()
				})
			})
		}
	}
}
