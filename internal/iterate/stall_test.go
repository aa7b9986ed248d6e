package iterate

import (
	"fmt"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// A server that has nothing to say for a moment while hundreds ask it is asked again, and all get their answers. (Each of
// them once doubled its timeout, so that all went to TCP, where there is room for few.)
func TestServerStallsUnderLoad(t *testing.T) {
	for _, stall := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond, 350 * time.Millisecond} {
		servers := internet(t, silent)
		zone := serves(t, "victim.", victimZone+"* A 198.51.100.9\n")
		var mu sync.Mutex
		var until time.Time
		servers[victimIP] = func(q *miekg.Msg) *miekg.Msg {
			mu.Lock()
			defer mu.Unlock()
			if time.Now().Before(until) {
				return nil
			}
			return zone(q)
		}
		play(t, servers, func(t *testing.T, s *scene) {
			for i := range 20 { // its time to answer is known
				s.expect(fmt.Sprintf("a%d.victim", i), "198.51.100.9")
			}
			mu.Lock()
			until = time.Now().Add(stall)
			mu.Unlock()
			var all sync.WaitGroup
			for i := range 1000 {
				all.Go(func() {
					if out, _, got := s.resolve(fmt.Sprintf("b%d.victim", i)); got != "198.51.100.9" || out.RCode != dns.RCodeNoError {
						t.Errorf("%v of silence: %v %s", stall, out.RCode, out.Reason)
					}
				})
				time.Sleep(100 * time.Microsecond)
			}
			all.Wait()
		})
	}
}
