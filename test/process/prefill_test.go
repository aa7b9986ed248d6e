package process

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet"
)

// rootAsked counts the queries that the servers of the root got.
func rootAsked(world *testnet.World) (count int) {
	for _, server := range world.Servers() {
		if ip := server.IP().String(); ip == "127.77.0.1" || ip == "127.77.0.2" {
			count += len(server.Queries())
		}
	}
	return count
}

// TestPrefill serves the root zone by HTTPS with a certificate of its own: one of two workers loads it, and then nobody asks the root
// about delegations and names that do not exist. A zone that was tampered with is not taken.
func TestPrefill(t *testing.T) {
	t.Parallel()
	world, o := internet(t)
	text := world.Zone(".").Text()
	var tampered atomic.Bool
	var downloads atomic.Int32
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		downloads.Add(1)
		if tampered.Load() {
			io.WriteString(w, strings.Replace(text, "127.77.1.1", "127.77.66.6", 1))
			return
		}
		io.WriteString(w, text)
	}))
	defer web.Close()
	ca := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o.extra = strings.Replace(o.extra, "root-hints", "priming: false, root-hints", 1)
	base := prepare(t, o)
	configure := func(url string) {
		base.configure(2, port, o.extra)
		config, err := os.ReadFile(base.config)
		if err != nil {
			t.Fatal(err)
		}
		base.file("config.yaml", strings.Replace(string(config), "  storage: cache\n", fmt.Sprintf("  storage: cache\n  prefill: [{origin: ., url: %q, ca-file: %s}]\n", url, ca), 1))
	}
	tampered.Store(true)
	configure(web.URL)
	base.launch("")
	base.waitLog("everything started")
	base.eventually("the bad zone is refused", func() bool { return strings.Contains(base.logged(), "is not what its ZONEMD record says") })
	tampered.Store(false)
	base.must("reload", "--force")
	base.eventually("the zone is loaded", func() bool { return strings.Contains(base.logged(), "zone loaded into the cache") })
	if n := downloads.Load(); n != 2 {
		t.Errorf("%d downloads by two workers, twice started", n)
	}
	before := rootAsked(world)
	base.written()
	for name, want := range map[string]string{
		"www.example.se.": "NOERROR", "www.example.cz.": "NOERROR", "www.insecure.zz.": "", "a.no-such-tld.": "NXDOMAIN", "nothing.": "NXDOMAIN",
	} {
		m := base.resolve(name)
		if got := miekg.RcodeToString[m.Rcode]; want != "" && (got != want || !m.AuthenticatedData) {
			t.Errorf("%s: %v", name, m)
		}
	}
	if n := rootAsked(world) - before; n > 0 {
		t.Errorf("the root was asked %d times", n)
	}
	if text, err := os.ReadFile(base.path("run/root.zone")); err != nil || len(text) == 0 {
		t.Errorf("no copy: %v", err)
	}
	// Started again it uses the copy.
	base.must("reload", "--force")
	base.eventually("the copy is loaded", func() bool { return strings.Count(base.logged(), "zone loaded into the cache") == 2 })
	if n := downloads.Load(); n != 2 {
		t.Errorf("%d downloads although there is a fresh copy", n)
	}
}
