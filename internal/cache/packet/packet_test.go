package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

var epoch = time.Unix(1_800_000_000, 0)

func after(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// message encodes an answer with the given sets.
func message(rcode dns.RCode, zone string) []byte {
	sets := dnstest.Text(zone)
	e := dns.NewEncoder(nil, 65535)
	e.Header(7, (dns.FlagQR | dns.FlagRD | dns.FlagRA).WithRCode(rcode))
	e.Question(dns.Question{Name: dns.MustName("www.test"), Type: dns.TypeA, Class: dns.ClassIN})
	for i := range sets {
		section := dns.Answer
		if sets[i].Type == dns.TypeSOA {
			section = dns.Authority
		}
		e.RRset(section, &sets[i], sets[i].TTL, true, 0)
	}
	e.OPT(dns.EDNS{UDPSize: 1232})
	return e.Bytes()
}

const addresses = `
	www.test. 300 IN A 192.0.2.1
	www.test. 300 IN A 192.0.2.2
	www.test. 300 IN A 192.0.2.3`

// store scans and puts a message that must be fit for it.
func store(t *testing.T, c *Cache, key string, msg []byte, now time.Time) {
	t.Helper()
	a, ok := Scan(msg, nil)
	if !ok {
		t.Fatalf("not to be kept: %x", msg)
	}
	c.Put([]byte(key), &a, c.Epoch(), now)
}

func TestHitMissExpiry(t *testing.T) {
	c := New(1 << 20)
	msg := message(dns.RCodeNoError, "www.test. 30 IN A 192.0.2.1")
	store(t, c, "a", msg, epoch)
	for _, test := range []struct {
		key  string
		age  int
		want bool
	}{
		{"a", 0, true}, {"a", 29, true}, {"a", 30, false}, {"a", 1000, false}, {"a", -10, true},
		{"b", 0, false}, {"", 0, false}, {"aa", 0, false},
	} {
		got, ok := c.Append([]byte("before"), []byte(test.key), 0, after(test.age))
		if ok != test.want || !bytes.HasPrefix(got, []byte("before")) || !ok && len(got) != len("before") {
			t.Errorf("%q after %d s: %v %x, want %v", test.key, test.age, ok, got, test.want)
		}
	}
	c.Clear()
	if _, ok := c.Append(nil, []byte("a"), 0, epoch); ok {
		t.Error("found after Clear")
	}
	store(t, c, "a", msg, epoch)
	if _, ok := c.Append(nil, []byte("a"), 0, epoch); !ok {
		t.Error("not found when stored after Clear")
	}
}

// TestLife: an answer is repeated for limits.PacketLife seconds at most, and no longer than its least TTL.
func TestLife(t *testing.T) {
	for _, test := range []struct {
		zone string
		want uint32
	}{
		{"www.test. 3600 IN A 192.0.2.1", limits.PacketLife},
		{"www.test. 3600 IN A 192.0.2.1\ntest. 4 IN SOA ns. x. 1 2 3 4 5", 4},
	} {
		if a, ok := Scan(message(dns.RCodeNoError, test.zone), nil); !ok || a.Life != test.want {
			t.Errorf("%s: life %d, %v; want %d", test.zone, a.Life, ok, test.want)
		}
	}
}

// TestTTL: all TTLs shrink by the age and none becomes negative; OPT keeps its flags.
func TestTTL(t *testing.T) {
	c := New(1 << 20)
	store(t, c, "k", message(dns.RCodeNXDomain, "www.test. 300 IN CNAME gone.test.\ntest. 50 IN SOA ns. x. 1 2 3 4 5"), epoch)
	got, _ := c.Append(nil, []byte("k"), 0, after(20))
	var m dns.Message
	if err := m.Parse(got); err != nil {
		t.Fatal(err)
	}
	answer, _ := m.RRsets(dns.Answer)
	authority, _ := m.RRsets(dns.Authority)
	if answer[0].TTL != 280 || authority[0].TTL != 30 || m.EDNS.UDPSize != 1232 || m.EDNS.Version != 0 || m.EDNS.DO {
		t.Errorf("TTLs %d and %d, want 280 and 30; EDNS %+v", answer[0].TTL, authority[0].TTL, m.EDNS)
	}
}

func TestRotation(t *testing.T) {
	c := New(1 << 20)
	zone := "www.test. 300 IN CNAME a.test.\n" + `
		a.test. 300 IN A 192.0.2.1
		a.test. 300 IN A 192.0.2.2
		a.test. 300 IN A 192.0.2.3`
	store(t, c, "k", message(dns.RCodeNoError, zone), epoch)
	for rotate, want := range []string{"\x01\x02\x03", "\x02\x03\x01", "\x03\x01\x02", "\x01\x02\x03"} {
		got, _ := c.Append(nil, []byte("k"), rotate, epoch)
		var m dns.Message
		if err := m.Parse(got); err != nil {
			t.Fatal(err)
		}
		sets, err := m.RRsets(dns.Answer)
		if err != nil || len(sets) != 2 || sets[0].Type != dns.TypeCNAME {
			t.Fatalf("rotated by %d: %v %v", rotate, sets, err)
		}
		var order []byte
		for rdata := range sets[1].RDatas.All() {
			order = append(order, rdata[3])
		}
		if string(order) != want {
			t.Errorf("rotated by %d: %x, want %x", rotate, order, want)
		}
	}
}

// TestNotKept lists messages that must not be repeated.
func TestNotKept(t *testing.T) {
	good := message(dns.RCodeNoError, addresses)
	flag := func(bits dns.Flags) []byte {
		b := bytes.Clone(good)
		binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])|uint16(bits))
		return b
	}
	many := ""
	for i := range limits.PacketTTLs + 1 {
		many += fmt.Sprintf("www.test. 300 IN A 192.0.2.%d\n", i)
	}
	for _, test := range []struct {
		name string
		msg  []byte
	}{
		{"nothing", nil}, {"header", good[:12]}, {"cut", good[:len(good)-1]}, {"octets behind", append(bytes.Clone(good), 0)},
		{"truncated", flag(dns.FlagTC)}, {"SERVFAIL", flag(2)}, {"REFUSED", flag(5)},
		{"no records", message(dns.RCodeNoError, "")}, {"TTL 0", message(dns.RCodeNoError, "www.test. 0 IN A 192.0.2.1")},
		{"many records", message(dns.RCodeNoError, many)},
	} {
		if _, ok := Scan(test.msg, nil); ok {
			t.Errorf("%s: kept", test.name)
		}
	}
}

// TestRing writes answers of random sizes many times round the rings: what is returned is
// always exactly what was stored last for the key, and the newest answers are there.
func TestRing(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := New(limits.PacketShards << (10 + seed))
		latest := map[string][]byte{}
		hits := 0
		for i := range 15_000 {
			key := binary.BigEndian.AppendUint32(make([]byte, r.IntN(40)), r.Uint32N(500))
			msg := make([]byte, r.IntN(600))
			for j := range msg {
				msg[j] = byte(i + j)
			}
			room := header+len(key)+len(msg) <= 1<<(10+seed)/4
			c.Put(key, &Answer{Message: msg, Life: 10}, c.Epoch(), epoch)
			if room {
				latest[string(key)] = msg
			} else {
				delete(latest, string(key)) // an older one may still be there
				continue
			}
			if got, ok := c.Append(nil, key, 0, epoch); !ok || !bytes.Equal(got, msg) {
				t.Fatalf("%d: %x just stored as %x, found %x", i, key, msg, got)
			}
			for other, want := range latest {
				if got, ok := c.Append(nil, []byte(other), 0, epoch); ok {
					if hits++; !bytes.Equal(got, want) {
						t.Fatalf("%d: %x is %x, want %x", i, other, got, want)
					}
				}
				if r.IntN(4) == 0 {
					break
				}
			}
		}
		if hits < 1000 {
			t.Errorf("only %d hits of older answers", hits)
		}
	}
}

func TestConcurrent(t *testing.T) {
	c := New(limits.PacketShards << 10)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 5000 {
				key := []byte{byte(i), byte(i >> 4 & 3)}
				if g%2 == 0 {
					c.Put(key, &Answer{Message: bytes.Repeat(key, 20+i%30), Life: 10}, c.Epoch(), epoch)
				} else if got, ok := c.Append(nil, key, i, epoch); ok && (len(got) < 40 || !bytes.Equal(got, bytes.Repeat(key, len(got)/2))) {
					t.Errorf("%x: %x", key, got)
				}
				if i%1000 == 0 {
					c.Clear()
				}
			}
		})
	}
	all.Wait()
}

// TestNoAllocation pins a hit, a miss and a store at none.
func TestNoAllocation(t *testing.T) {
	c := New(1 << 20)
	msg, key := message(dns.RCodeNoError, addresses), []byte("key")
	dst, ttls := make([]byte, 0, 4096), make([]uint16, 0, limits.PacketTTLs)
	for name, f := range map[string]func(){
		"store": func() { a, _ := Scan(msg, ttls); c.Put(key, &a, c.Epoch(), epoch) },
		"hit":   func() { c.Append(dst, key, 1, after(1)) },
		"miss":  func() { c.Append(dst, key[:2], 1, epoch) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	c := New(1 << 20)
	a, _ := Scan(message(dns.RCodeNoError, addresses), nil)
	c.Put([]byte("key"), &a, c.Epoch(), epoch)
	dst, key := make([]byte, 0, 4096), []byte("key")
	b.ReportAllocs()
	for b.Loop() {
		c.Append(dst, key, 1, epoch)
	}
}

// FuzzScan: whatever the bytes, what is accepted can be stored and comes back with the same length and in place.
func FuzzScan(f *testing.F) {
	f.Add(message(dns.RCodeNoError, addresses))
	f.Add(message(dns.RCodeNXDomain, "www.test. 300 IN CNAME gone.test.\ntest. 50 IN SOA ns. x. 1 2 3 4 5"))
	f.Add([]byte{})
	f.Add(message(dns.RCodeNoError, "")[:13])
	c := New(limits.PacketShards << 20)
	f.Fuzz(func(t *testing.T, msg []byte) {
		a, ok := Scan(msg, nil)
		if !ok {
			return
		}
		c.Put([]byte("k"), &a, c.Epoch(), epoch)
		got, ok := c.Append(nil, []byte("k"), 0, epoch)
		if !ok || !bytes.Equal(got, msg) {
			t.Fatalf("stored %x, found %x", msg, got)
		}
		for rotate := range 3 {
			if got, _ := c.Append(nil, []byte("k"), rotate, epoch); len(got) != len(msg) {
				t.Fatalf("%d octets of %d", len(got), len(msg))
			}
		}
	})
}

// TestBucket: entries whose hashes meet do not push each other out until there are more of them than slots; then the oldest goes.
func TestBucket(t *testing.T) {
	var b bucket
	n := uint32(len(b))
	for hash := range n + 1 {
		b.put(slot{hash: hash + 1, end: uint64(hash + 1)})
	}
	b.put(slot{hash: 3, end: 99}) // again
	if o := b.find(1); o != (slot{}) {
		t.Errorf("the oldest is still there: %v", o)
	}
	for hash := uint32(2); hash <= n+1; hash++ {
		want := uint64(hash)
		if hash == 3 {
			want = 99
		}
		if o := b.find(hash); o.hash != hash || o.end != want {
			t.Errorf("hash %d: %v", hash, o)
		}
	}
}
