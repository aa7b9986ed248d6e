package upstream

import (
	"math/bits"
	"net/netip"
	"slices"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

// spread turns a counter into well mixed bits, so that tests of chance always do the same.
func spread(i int) uint64 {
	x := uint64(i+1) * 0x9e3779b97f4a7c15
	x = bits.RotateLeft64(x^x>>30, 27) * 0xbf58476d1ce4e5b9
	return x ^ x>>31
}

const exploit, explore = 1 << 32, 0 // as random: the best server, or any

func TestChooseBest(t *testing.T) {
	ms := time.Millisecond
	for _, test := range []struct {
		name string
		of   []Candidate
		want []int // any of them
	}{
		{"the only one, though dead", []Candidate{{Dead: true, RTO: time.Second}}, []int{0}},
		{"the fastest", []Candidate{{Known: true, RTO: 80 * ms}, {Known: true, RTO: 30 * ms}, {Known: true, RTO: 50 * ms}}, []int{1}},
		{"any of equals", []Candidate{{Known: true, RTO: 30 * ms}, {Known: true, RTO: 50 * ms}, {Known: true, RTO: 30 * ms}}, []int{0, 2}},
		{"unknown before known", []Candidate{{Known: true, RTO: 30 * ms}, {RTO: 400 * ms}}, []int{1}},
		{"known before unknown with an error", []Candidate{{Known: true, RTO: 30 * ms}, {RTO: 400 * ms, Errors: 1}}, []int{0}},
		{"fewer errors before faster", []Candidate{{Known: true, RTO: 30 * ms, Errors: 2}, {Known: true, RTO: 900 * ms, Errors: 1}}, []int{1}},
		{"dead last", []Candidate{{Dead: true, RTO: 30 * ms}, {Known: true, RTO: 9 * time.Second, Errors: 5, Avoid: true}}, []int{1}},
		{"IPv4 when IPv6 is broken", []Candidate{{Avoid: true, Known: true, RTO: 30 * ms}, {Known: true, RTO: 300 * ms, Errors: 1}}, []int{1}},
		{"IPv6 when nothing else is alive", []Candidate{{Avoid: true, Known: true, RTO: 30 * ms}, {Dead: true, Known: true, RTO: 30 * ms}}, []int{0}},
		{"all unknown", make([]Candidate, 3), []int{0, 1, 2}},
	} {
		var got []int
		for i := range 200 {
			c := Choose(test.of, exploit|uint64(uint32(spread(i))))
			if c.Capped || c.Server != test.of[c.Index].Server {
				t.Errorf("%s: %+v", test.name, c)
			}
			if !slices.Contains(got, c.Index) {
				got = append(got, c.Index)
			}
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("%s: chose %v, want %v", test.name, got, test.want)
		}
	}
}

func TestChooseTransport(t *testing.T) {
	for _, test := range []struct {
		name string
		c    Candidate
		tcp  bool
	}{
		{"usual", Candidate{RTO: 400 * time.Millisecond}, false},
		{"one timeout", Candidate{RTO: 800 * time.Millisecond, Timeouts: 1, Errors: 1}, false},
		{"two timeouts", Candidate{RTO: 1600 * time.Millisecond, Timeouts: 2, Errors: 2}, true},
		{"very slow", Candidate{RTO: 2100 * time.Millisecond}, true},
		{"known to need it", Candidate{RTO: 400 * time.Millisecond, TCPNeeded: true}, true},
		{"TCP failed", Candidate{RTO: 3 * time.Second, Timeouts: 2, Errors: 3, TCPNeeded: true, TCPFailed: true}, false},
	} {
		if got := Choose([]Candidate{test.c}, exploit); got.TCP != test.tcp || got.Timeout != test.c.RTO {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// Once in twenty another server is asked, all of them alike, with less patience, but none
// that is dead or failed in this query.
func TestChooseExplores(t *testing.T) {
	of := []Candidate{
		{Known: true, RTO: 30 * time.Millisecond},
		{Known: true, RTO: 700 * time.Millisecond},
		{Known: true, RTO: 50 * time.Millisecond},
		{Known: true, RTO: 50 * time.Millisecond, Dead: true},
		{Known: true, RTO: 50 * time.Millisecond, Errors: 1},
		{Known: true, RTO: 40 * time.Millisecond, Avoid: true},
	}
	const draws = 60_000
	var chosen [6]int
	for i := range draws {
		c := Choose(of, spread(i))
		chosen[c.Index]++
		if want := min(of[c.Index].RTO, 60*time.Millisecond); c.Timeout != want || c.Capped != (c.Index == 1) {
			t.Fatalf("%+v", c)
		}
	}
	each := draws / limits.ExploreOneIn / 4
	for _, i := range []int{1, 2, 5} {
		if chosen[i] < each*8/10 || chosen[i] > each*12/10 {
			t.Errorf("server %d explored %d times, want about %d", i, chosen[i], each)
		}
	}
	if chosen[3]+chosen[4] != 0 {
		t.Errorf("a dead or failed one explored: %v", chosen)
	}
}

func TestRTO(t *testing.T) {
	ms := time.Millisecond
	for _, test := range []struct {
		r    Record
		want time.Duration
	}{
		{Record{}, 400 * ms},
		{Record{Timeouts: 1}, 800 * ms},
		{Record{Timeouts: 4}, 6400 * ms},
		{Record{Timeouts: 5}, 10_000 * ms},
		{Record{Timeouts: 1 << 20}, 10_000 * ms},
		{Record{SRTT: ms}, 21 * ms},
		{Record{SRTT: 100 * ms, RTTVar: 3 * ms}, 120 * ms},
		{Record{SRTT: 100 * ms, RTTVar: 50 * ms}, 300 * ms},
		{Record{SRTT: 100 * ms, RTTVar: 50 * ms, Timeouts: 2}, 1200 * ms},
		{Record{SRTT: 9 * time.Second, RTTVar: time.Second}, 10_000 * ms},
	} {
		if got := test.r.RTO(); got != test.want {
			t.Errorf("%+v: %v, want %v", test.r, got, test.want)
		}
	}
}

func TestHeard(t *testing.T) {
	ms := time.Millisecond
	var r Record
	r.Timeouts = 3
	r.heard(80 * ms)
	if r.SRTT != 80*ms || r.RTTVar != 40*ms || r.Timeouts != 0 {
		t.Errorf("first: %+v", r)
	}
	r.heard(160 * ms)
	if r.SRTT != 90*ms || r.RTTVar != 50*ms {
		t.Errorf("second: %+v", r)
	}
	for range 100 {
		r.heard(0)
	}
	if r.SRTT <= 0 || r.SRTT > ms || r.RTTVar < 0 {
		t.Errorf("after many fast ones: %+v", r)
	}
}

func TestSP14Usable(t *testing.T) {
	own := netip.MustParseAddrPort("198.51.100.1:53")
	for address, want := range map[string][2]bool{ // without and with QueryLoopback
		"192.0.2.1:53":             {true, true},
		"[2001:db8::1]:53":         {true, true},
		"10.1.2.3:53":              {true, true},
		"198.51.100.1:53":          {false, false},
		"[::ffff:198.51.100.1]:53": {false, false},
		"198.51.100.1:5353":        {true, true},
		"127.0.0.1:53":             {false, true},
		"127.9.9.9:53":             {false, true},
		"[::1]:53":                 {false, true},
		"[::ffff:127.0.0.1]:53":    {false, true},
		"0.0.0.0:53":               {false, false},
		"0.1.2.3:53":               {false, false},
		"[::]:53":                  {false, false},
		"224.0.0.1:53":             {false, false},
		"[ff02::fb]:53":            {false, false},
		"255.255.255.255:53":       {false, false},
		"240.0.0.1:53":             {false, false},
		"[fe80::1]:53":             {false, false},
		"[fe80::1%eth0]:53":        {true, true},
		"192.0.2.1:0":              {false, false},
		"203.0.113.7:53":           {false, false},
		"[::ffff:203.0.113.7]:53":  {false, false},
		"203.0.114.7:53":           {true, true},
	} {
		for i, loopback := range []bool{false, true} {
			o := AddressOptions{QueryLoopback: loopback, Listen: []netip.AddrPort{own}, Never: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}
			if got := Usable(netip.MustParseAddrPort(address), o); got != want[i] {
				t.Errorf("%s, loopback %v: %v", address, loopback, got)
			}
		}
	}
	if Usable(netip.AddrPort{}, AddressOptions{QueryLoopback: true}) {
		t.Error("the zero address is usable")
	}
}
