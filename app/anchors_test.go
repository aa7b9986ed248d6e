package app

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/testnet"
)

// TestTrustAnchors checks which anchors a zone ends up with, and what is said about files that cannot be used.
func TestTrustAnchors(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := file("good", world.TrustAnchor()), file("bad", "; nothing\n")
	twoZones := file("two", world.TrustAnchor()+strings.Replace(world.TrustAnchor(), ".", "se.", 1))
	for name, c := range map[string]struct {
		cfg     config.DNSSEC
		tags    int // of the root
		mistake string
	}{
		"built in":       {cfg: config.DNSSEC{Enable: true}, tags: 2},
		"off":            {cfg: config.DNSSEC{TrustAnchorFiles: []config.AnchorFile{{File: bad}}}},
		"string":         {cfg: config.DNSSEC{Enable: true, TrustAnchors: []string{world.TrustAnchor()}}, tags: 1},
		"read-only file": {cfg: config.DNSSEC{Enable: true, TrustAnchorFiles: []config.AnchorFile{{File: good, ReadOnly: true}}}, tags: 1},
		"managed file":   {cfg: config.DNSSEC{Enable: true, TrustAnchorFiles: []config.AnchorFile{{File: good}}}, tags: 1},
		"negative":       {cfg: config.DNSSEC{Enable: true, NegativeTrustAnchors: []string{"se."}}, tags: 2},
		"both":           {cfg: config.DNSSEC{Enable: true, NegativeTrustAnchors: []string{"se.", "."}}, tags: 2, mistake: "anchors[1]: . has"},
		"missing file":   {cfg: config.DNSSEC{Enable: true, TrustAnchorFiles: []config.AnchorFile{{File: good}, {File: good + "x"}}}, tags: 1, mistake: "files[1]/file"},
		"bad file":       {cfg: config.DNSSEC{Enable: true, TrustAnchorFiles: []config.AnchorFile{{File: bad}}}, tags: 2, mistake: "files[0]/file"},
		"two zones":      {cfg: config.DNSSEC{Enable: true, TrustAnchorFiles: []config.AnchorFile{{File: twoZones}}}, tags: 2, mistake: "files[0]/file"},
		"bad read-only":  {cfg: config.DNSSEC{Enable: true, TrustAnchorFiles: []config.AnchorFile{{File: bad, ReadOnly: true}}}, tags: 2, mistake: "files[0]/file"},
		"two read-only":  {cfg: config.DNSSEC{Enable: true, TrustAnchorFiles: []config.AnchorFile{{File: twoZones, ReadOnly: true}}}, tags: 2, mistake: "files[0]/file"},
	} {
		anchors, _, err := trustAnchors(&c.cfg)
		tags := 0
		for _, a := range anchors {
			if a.Zone == dns.Root {
				tags += len(a.Tags())
			}
		}
		if tags != c.tags || (err == nil) != (c.mistake == "") || err != nil && !strings.Contains(err.Error(), c.mistake) {
			t.Errorf("%s: %d tags, %v", name, tags, err)
		}
	}
}

// TestManagedAnchors runs the engine of a worker with an anchor file that is kept up to date.
func TestManagedAnchors(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Start(0); err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	dir := t.TempDir()
	keys, hints, cached := filepath.Join(dir, "root.keys"), filepath.Join(dir, "hints"), filepath.Join(dir, "cache")
	for _, err := range []error{world.WriteTrustAnchor(keys), world.WriteHints(hints), os.Mkdir(cached, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	doc, err := config.Parse(fmt.Appendf(nil, `
rundir: %s
management: {unix-socket: %[1]s/api.sock}
cache: {storage: %s, size-max: 16M}
network: {do-ipv6: false}
dnssec: {trust-anchors-files: [{file: %s}]}
options: {root-hints: %s, query-loopback: true, upstream-port: %d}
`, dir, cached, keys, hints, world.Port()), "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := doc.Normalise(config.ValidateOptions{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Resolving(EngineOptions{Version: control.Version{Config: *cfg}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	deadline := time.Now().Add(5 * time.Second)
	for {
		text, err := os.ReadFile(keys)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "DNSKEY") && strings.Contains(string(text), " ; Valid: ; KeyTag:") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the file stays\n%s", text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
