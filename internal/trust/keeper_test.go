package trust_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/server"
	"knot-resolver/internal/trust"
	"knot-resolver/internal/worker"
)

const day = 24 * time.Hour

// pass lets days go by, and the keeper do what it does in them.
func pass(days int) {
	time.Sleep(time.Duration(days) * day)
	synctest.Wait()
}

// expect checks the states in a file.
func expect(t *testing.T, r *rollingRoot, file, want string) {
	t.Helper()
	if got := fileStates(t, r, file); got != want {
		t.Errorf("%v: the file has %q, want %q", time.Now(), got, want)
	}
}

// fileStates returns words of a key and its state.
func fileStates(t *testing.T, r *rollingRoot, file string) string {
	t.Helper()
	z, err := trust.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for i := range z.Keys {
		for name := range r.keys {
			if r.tag(name) == z.Keys[i].Tag() {
				words = append(words, name+":"+z.Keys[i].State.String())
			}
		}
	}
	return strings.Join(words, " ")
}

// resolves asks for an address and wants this RCODE, and AD with NOERROR.
func resolves(t *testing.T, w *worker.Worker, name string, want int) *miekg.Msg {
	t.Helper()
	q := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
	q.SetEdns0(1232, true)
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	req := &server.Request{Raw: raw, Client: netip.MustParseAddrPort("192.0.2.9:4000"), Transport: server.UDP}
	answer, done := w.Inline(nil, req)
	if !done {
		answer = w.Resolve(t.Context(), nil, req)
	}
	m := new(miekg.Msg)
	if err := m.Unpack(answer); err != nil {
		t.Fatal(err)
	}
	if m.Rcode != want || m.AuthenticatedData != (want == miekg.RcodeSuccess) {
		t.Errorf("%v %s: %v", time.Now(), name, m)
	}
	return m
}

// TestRollover follows a whole rollover under a running worker: its anchors switch without a restart.
func TestRollover(t *testing.T) {
	play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
		keep(t, w, file)
		synctest.Wait()
		expect(t, r, file, "a:Valid") // the key in place of its digest
		if text, _ := os.ReadFile(file); !strings.Contains(string(text), "DNSKEY\t257") {
			t.Errorf("the file has\n%s", text)
		}
		resolves(t, w, "one.", miekg.RcodeSuccess)

		r.publish("a b", "a b")
		pass(1)
		expect(t, r, file, "a:Valid b:AddPend")
		pass(28)
		expect(t, r, file, "a:Valid b:AddPend")
		pass(2)
		expect(t, r, file, "a:Valid b:Valid")

		r.publish("-a b", "-a b")
		pass(1)
		expect(t, r, file, "a:Revoked b:Valid")
		resolves(t, w, "two.", miekg.RcodeSuccess)
		pass(31)
		expect(t, r, file, "b:Valid")

		r.publish("b", "b")
		pass(200)
		expect(t, r, file, "b:Valid")
		resolves(t, w, "three.", miekg.RcodeSuccess)

		r.publish("a", "a") // the old key is worth nothing now
		pass(1)
		expect(t, r, file, "b:Valid")
		resolves(t, w, "four.", miekg.RcodeServerFailure)
	})
}

// TestRevocationAlone revokes the only key: nothing else in the set is trusted (Unbound: autotrust_revoked_with_invalid).
func TestRevocationAlone(t *testing.T) {
	play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
		keep(t, w, file)
		r.publish("a b", "")
		pass(32)
		expect(t, r, file, "a:Valid b:Valid")
		r.publish("-a c", "")
		pass(1)
		expect(t, r, file, "a:Revoked b:Valid")
		resolves(t, w, "one.", miekg.RcodeServerFailure)
	})
}

// TestTwoWorkers shares a file between two keepers: one asks, the other follows, and takes over when the first is gone.
func TestTwoWorkers(t *testing.T) {
	play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
		switched := make(chan string, 9)
		var asked atomic.Int32
		fetch := func(ctx context.Context, zone dns.Name, checked bool) (dns.RRset, error) {
			asked.Add(1)
			return w.DNSKEY(ctx, zone, checked)
		}
		second, err := trust.Open(trust.Options{File: file, Validator: dnssec.New(dnssec.Options{}), Log: discard(), Fetch: fetch, Switch: collect(switched)})
		if err != nil {
			t.Fatal(err)
		}
		stop := keep(t, w, file)
		synctest.Wait() // the first has put the key in place of its digest
		go second.Run(t.Context())
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got, want := <-switched, fmt.Sprint(sorted(r.tag("a"))); got != want || asked.Load() != 0 {
			t.Errorf("the second has %s, want %s; it asked %d times", got, want, asked.Load())
		}
		r.publish("a b", "")
		stop()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		expect(t, r, file, "a:Valid b:AddPend")
		if asked.Load() != 1 {
			t.Errorf("the second asked %d times", asked.Load())
		}
	})
}

// TestDamagedFile damages the file under a running keeper: the anchors stay.
func TestDamagedFile(t *testing.T) {
	play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
		keep(t, w, file)
		synctest.Wait()
		if err := os.WriteFile(file, []byte("; . IN DNSKEY 257 3 15 AAAA ; Valid: ; AddPend:1 ; KeyTag:1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		pass(1)
		resolves(t, w, "one.", miekg.RcodeSuccess)
		r.publish("a b", "") // the next change heals the file
		pass(1)
		expect(t, r, file, "a:Valid b:AddPend")
	})
}

// TestSignal checks that servers are told the trusted keys, once for each time their keys are fetched (RFC 8145).
func TestSignal(t *testing.T) {
	play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
		keep(t, w, file)
		synctest.Wait()
		if want := fmt.Sprintf("_ta-%04x.", r.tag("a")); r.signalled != want {
			t.Errorf("signalled %q, want %q", r.signalled, want)
		}
		r.publish("a b", "")
		for i := range 40 {
			time.Sleep(day)
			resolves(t, w, fmt.Sprintf("name%d.", i), miekg.RcodeSuccess)
		}
		synctest.Wait()
		tags := sorted(r.tag("a"), r.tag("b"))
		if want := fmt.Sprintf("_ta-%04x-%04x.", tags[0], tags[1]); r.signalled != want {
			t.Errorf("signalled %q, want %q", r.signalled, want)
		}
		if keys, signals := r.count(miekg.TypeDNSKEY), r.count(miekg.TypeNULL); signals > keys || signals == 0 {
			t.Errorf("%d signals for %d DNSKEY queries", signals, keys)
		}
	})
}

// TestSentinel asks which keys are trusted (RFC 8509), before and after the anchors change.
func TestSentinel(t *testing.T) {
	play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
		keep(t, w, file)
		synctest.Wait()
		is := func(key string) string { return fmt.Sprintf("root-key-sentinel-is-ta-%05d.", r.tag(key)) }
		not := func(key string) string { return fmt.Sprintf("Root-Key-Sentinel-not-ta-%05d.", r.tag(key)) }
		for range 2 { // resolved, then cached
			resolves(t, w, is("a"), miekg.RcodeSuccess)
			resolves(t, w, not("b"), miekg.RcodeSuccess)
			resolves(t, w, is("b"), miekg.RcodeServerFailure)
			m := resolves(t, w, not("a"), miekg.RcodeServerFailure)
			if !strings.Contains(fmt.Sprint(m.IsEdns0()), fmt.Sprintf("key %d is trusted", r.tag("a"))) {
				t.Errorf("no reason in %v", m)
			}
		}
		resolves(t, w, "root-key-sentinel-is-ta-1.", miekg.RcodeSuccess) // not five digits
		resolves(t, w, "x."+is("b"), miekg.RcodeSuccess)                 // not the first label
		r.publish("a b", "")
		pass(32)
		resolves(t, w, is("b"), miekg.RcodeSuccess)
	})
}

// TestDirectoryGone takes the directory away for a while: what was learnt meanwhile is written later (FT-19).
func TestDirectoryGone(t *testing.T) {
	play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
		keep(t, w, file)
		synctest.Wait()
		dir := filepath.Dir(file)
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		r.publish("a b", "")
		pass(5)
		resolves(t, w, "one.", miekg.RcodeSuccess)
		r.publish("a b c", "")
		pass(2)
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Fatal(err)
		}
		pass(1)
		expect(t, r, file, "a:Valid b:AddPend c:AddPend")
		pass(25) // b counts from the first day
		expect(t, r, file, "a:Valid b:Valid c:AddPend")
	})
}

// TestOpen checks what keeps a worker from starting.
func TestOpen(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := trust.Open(trust.Options{File: missing}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(missing, []byte("; nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := trust.Open(trust.Options{File: missing}); !errors.Is(err, trust.ErrFile) {
		t.Errorf("no key: %v", err)
	}
}

// TestAbsentSigner has a set without the trusted key: signed by it, the set shows that the key is missing; signed by nobody
// trusted, it shows nothing.
func TestAbsentSigner(t *testing.T) {
	for signers, want := range map[string]string{"a b": "a:Missing", "b": "a:Valid"} {
		play(t, func(t *testing.T, r *rollingRoot, w *worker.Worker, file string) {
			stop := keep(t, w, file)
			defer stop()
			pass(1)
			r.publish("b", signers)
			pass(20)
			got := strings.Fields(fileStates(t, r, file))
			if len(got) == 0 || got[0] != want {
				t.Errorf("set of b signed by %s: %v, want %s", signers, got, want)
			}
		})
	}
}
