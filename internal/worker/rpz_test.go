package worker

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// lists makes response policy zones of texts.
func lists(t testing.TB, texts ...string) (all []compile.RPZ) {
	t.Helper()
	for i, text := range texts {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("list%d", i+1))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, compile.RPZ{File: file, Pointer: fmt.Sprintf("/local-data/rpz/%d", i), EDE: dns.EDEBlocked, Strict: true})
	}
	return all
}

// result is an answer on one line: RCODE, TC, EDE codes, record data.
func result(m *miekg.Msg) string {
	if m == nil {
		return "silence"
	}
	out := miekg.RcodeToString[m.Rcode]
	if m.Truncated {
		out += " TC"
	}
	for _, e := range testnet.ExtendedErrors(m) {
		out += fmt.Sprint(" EDE ", e)
	}
	for _, rr := range m.Answer {
		if _, sig := rr.(*miekg.RRSIG); !sig {
			out += " " + strings.TrimPrefix(rr.String(), rr.Header().String())
		}
	}
	return out
}

// rpzCase is a question, who asks, and what comes of it under some lists.
type rpzCase struct {
	lists []string
	name  string // with a type behind a blank; A without
	from  string
	want  string
}

func (c rpzCase) run(t *testing.T, world *testnet.World) {
	t.Helper()
	w := newWorker(t, world)
	w.SetRules(compiled(t, compile.Input{NoData: true, RPZ: lists(t, c.lists...)}))
	name, typ, ok := strings.Cut(c.name, " ")
	if !ok {
		typ = "A"
	}
	client, tcp := strings.CutSuffix(c.from, " tcp")
	if client == "" {
		client = "10.0.0.1"
	}
	transport := server.UDP
	if tcp {
		transport = server.TCP
	}
	for try := range 3 { // resolved, from the cache, perhaps repeated
		if got := result(askAs(t, w, client, query(name, typ), transport)); got != c.want {
			t.Errorf("%q asks %s of %q, time %d: %s, want %s", c.from, c.name, c.lists, try+1, got, c.want)
			return
		}
	}
	if metrics := w.Metrics()["rpz"].(map[string]any); len(metrics) != len(c.lists) {
		t.Errorf("counters of %d lists: %v", len(c.lists), metrics)
	}
}

func TestRPZ(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	plain := result(askAs(t, newWorker(t, world), "10.0.0.1", query("www.example.se.", "A"), server.UDP))
	address := strings.TrimPrefix(plain, "NOERROR ")
	servers := askAs(t, newWorker(t, world), "10.0.0.1", query("example.se.", "NS"), server.UDP)
	host := servers.Answer[0].(*miekg.NS).Ns
	prefix := reversed(address, 32)
	nsAddress := reversed(world.Server(host).IP().String(), 32)
	const www = "www.example.se."
	for _, c := range []rpzCase{
		// Actions.
		{[]string{"www.example.se CNAME ."}, www, "", "NXDOMAIN EDE 15"},
		{[]string{"www.example.se CNAME *."}, www, "", "NOERROR EDE 15"},
		{[]string{"www.example.se CNAME rpz-passthru."}, www, "", plain},
		{[]string{"www.example.se CNAME www.example.se."}, www, "", plain},
		{[]string{"www.example.se CNAME rpz-drop."}, www, "", "silence"},
		{[]string{"www.example.se CNAME rpz-tcp-only."}, www, "", "NOERROR TC"},
		{[]string{"www.example.se CNAME rpz-tcp-only."}, www, "10.0.0.1 tcp", plain},
		{[]string{"www.example.se A 192.0.2.1"}, www, "", "NOERROR EDE 4 192.0.2.1"},
		{[]string{"www.example.se A 192.0.2.1"}, www + " AAAA", "", "NOERROR EDE 15"},
		{[]string{"a.invalid CNAME www.example.se."}, "a.invalid.", "", "NOERROR EDE 4 www.example.se. " + address},
		{[]string{"*.test CNAME *.example.se."}, "www.test.", "", "NXDOMAIN EDE 4 www.test.example.se."},
		{[]string{"*.test CNAME *." + strings.Repeat(strings.Repeat("a", 62)+".", 4)}, "www.test.", "", "YXDOMAIN EDE 0"},
		// Triggers.
		{[]string{"32.1.0.0.10.rpz-client-ip CNAME ."}, www, "", "NXDOMAIN EDE 15"},
		{[]string{"32.1.0.0.10.rpz-client-ip CNAME ."}, www, "10.0.0.2", plain},
		{[]string{"8.0.0.0.10.rpz-client-ip CNAME rpz-drop.\n32.1.0.0.10.rpz-client-ip A 192.0.2.7"}, www, "", "NOERROR EDE 4 192.0.2.7"},
		{[]string{"128.1.zz.db8.2001.rpz-client-ip CNAME *."}, www, "2001:db8::1", "NOERROR EDE 15"},
		{[]string{prefix + ".rpz-ip CNAME ."}, www, "", "NXDOMAIN EDE 15"},
		{[]string{prefix + ".rpz-ip A 192.0.2.9"}, www, "", "NOERROR EDE 4 192.0.2.9"},
		{[]string{prefix + ".rpz-ip CNAME rpz-tcp-only."}, www, "", "NOERROR TC"},
		{[]string{prefix + ".rpz-ip CNAME rpz-drop."}, www, "", "silence"},
		{[]string{prefix + ".rpz-ip CNAME ."}, "example.se. NS", "", result(servers)},
		{[]string{host + "rpz-nsdname CNAME ."}, www, "", "NXDOMAIN EDE 15"},
		{[]string{"*." + parent(host) + "rpz-nsdname A 192.0.2.5"}, www, "", "NOERROR EDE 4 192.0.2.5"},
		{[]string{host + "rpz-nsdname CNAME ."}, "nosuch.example.se.", "", "NXDOMAIN EDE 15"},
		{[]string{nsAddress + ".rpz-nsip CNAME *."}, www, "", "NOERROR EDE 15"},
		// Precedence: lists in order, then triggers, then the closest rule.
		{[]string{"www.example.se CNAME *.", "www.example.se CNAME ."}, www, "", "NOERROR EDE 15"},
		{[]string{"www.example.se CNAME rpz-passthru.", "www.example.se CNAME ."}, www, "", plain},
		{[]string{"*.se CNAME rpz-passthru.", "www.example.se CNAME ."}, www, "", plain},
		{[]string{"*.se CNAME .\nwww.example.se A 192.0.2.1"}, www, "", "NOERROR EDE 4 192.0.2.1"},
		{[]string{prefix + ".rpz-ip CNAME *.", "www.example.se CNAME ."}, www, "", "NOERROR EDE 15"},
		{[]string{"8.0.0.0.10.rpz-ip CNAME *.", "www.example.se CNAME ."}, www, "", "NXDOMAIN EDE 15"},
		{[]string{"www.example.se CNAME rpz-passthru.", prefix + ".rpz-ip CNAME ."}, www, "", plain},
		{[]string{prefix + ".rpz-ip CNAME *.\nwww.example.se CNAME ."}, www, "", "NXDOMAIN EDE 15"},
		{[]string{"32.1.0.0.10.rpz-client-ip CNAME *.\nwww.example.se CNAME ."}, www, "", "NOERROR EDE 15"},
		{[]string{nsAddress + ".rpz-nsip CNAME .\n" + host + "rpz-nsdname A 192.0.2.2\n" + prefix + ".rpz-ip CNAME *."}, www, "", "NOERROR EDE 15"},
		{[]string{nsAddress + ".rpz-nsip CNAME .\n" + host + "rpz-nsdname A 192.0.2.2"}, www, "", "NOERROR EDE 4 192.0.2.2"},
		{[]string{"32.1.0.0.10.rpz-client-ip CNAME rpz-passthru.", "www.example.se CNAME ."}, www, "", plain},
		// Along aliases.
		{[]string{"a.invalid CNAME b.invalid.\nb.invalid CNAME ."}, "a.invalid.", "", "NXDOMAIN EDE 4 b.invalid."},
		{[]string{"a.invalid CNAME b.invalid.\nb.invalid CNAME rpz-drop."}, "a.invalid.", "", "silence"},
		{[]string{"32.1.0.0.10.rpz-client-ip CNAME www.example.se."}, "ns.example.se.", "", "NOERROR EDE 4 www.example.se. " + address},
		// What fails to resolve is still denied by a rule that waited.
		{[]string{prefix + ".rpz-ip CNAME *.", "*.nosuchtld CNAME rpz-drop."}, "a.nosuchtld.", "", "silence"},
	} {
		c.run(t, world)
	}
}

// reversed is the owner of a rule for an address.
func reversed(address string, bits int) string {
	name, _ := miekg.ReverseAddr(address)
	return fmt.Sprintf("%d.%s", bits, strings.TrimSuffix(name, ".in-addr.arpa."))
}

func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

// TestRPZTags: a list with tags is for clients with one of them, and what one client got is not given to another.
func TestRPZTags(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	in := compile.Input{RPZ: lists(t, "www.example.se CNAME .", "www.example.se CNAME *."), Views: []compile.View{
		view("10.1.0.0/16", func(v *compile.View) { v.Tags = []string{"kids"} }),
		view("10.2.0.0/16", func(v *compile.View) { v.Tags = []string{"guests", "staff"} }),
		view("10.3.0.0/16", func(v *compile.View) { v.Tags = []string{"kids", "guests"} }),
		view("10.1.1.0/24", func(v *compile.View) {}),
	}, Rules: []compile.Rule{
		{Names: []string{"host.example"}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, NoData: true},
		{Names: []string{"host.example"}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.2")}, Tags: []string{"guests"}, NoData: true},
		{Names: []string{"host.example"}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.3")}, Tags: []string{"kids"}, NoData: true},
		{Names: []string{"tree.example"}, Subtree: policy.SubtreeNXDomain, Tags: []string{"kids"}},
		{Names: []string{"tree.example"}, Subtree: policy.SubtreeEmpty, Tags: []string{"guests"}},
	}}
	in.RPZ[0].Tags, in.RPZ[1].Tags = []string{"kids"}, []string{"guests"}
	w.SetRules(compiled(t, in))
	plain := result(askAs(t, w, "10.9.0.1", query("www.example.se.", "A"), server.UDP))
	for range 4 {
		for _, c := range []struct{ client, www, host, tree string }{
			{"10.1.0.1", "NXDOMAIN EDE 15", "NOERROR 192.0.2.3", "NXDOMAIN EDE 17"},
			{"10.2.0.1", "NOERROR EDE 15", "NOERROR 192.0.2.2", "NOERROR"},
			{"10.3.0.1", "NXDOMAIN EDE 15", "NOERROR 192.0.2.2", "NXDOMAIN EDE 17"},
			{"10.1.1.1", plain, "NOERROR 192.0.2.1", ""},
			{"10.9.0.1", plain, "NOERROR 192.0.2.1", ""},
		} {
			for name, want := range map[string]string{"www.example.se.": c.www, "host.example.": c.host, "tree.example.": c.tree} {
				if got := result(askAs(t, w, c.client, query(name, "A"), server.UDP)); got != want && want != "" {
					t.Errorf("%s asks %s: %s, want %s", c.client, name, got, want)
				}
			}
		}
	}
}

// TestRPZDryRun: a list in dry run counts what it would do and changes nothing, nor does it hide later lists.
func TestRPZDryRun(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	in := compile.Input{RPZ: lists(t, "www.example.se CNAME .\nother.se CNAME rpz-drop.", "www.example.se CNAME *.", "*.se CNAME rpz-passthru.")}
	in.RPZ[0].DryRun, in.RPZ[2].DryRun = true, true
	w.SetRules(compiled(t, in))
	for range 5 {
		if got := result(askAs(t, w, "10.0.0.1", query("www.example.se.", "A"), server.UDP)); got != "NOERROR EDE 15" {
			t.Fatal(got)
		}
	}
	want := map[string]any{
		"list1": map[string]any{"hits": uint64(0), "dry_run_hits": uint64(5), "rules": 2, "bad": 0},
		"list2": map[string]any{"hits": uint64(5), "dry_run_hits": uint64(0), "rules": 1, "bad": 0},
		"list3": map[string]any{"hits": uint64(0), "dry_run_hits": uint64(0), "rules": 1, "bad": 0},
	}
	if got := w.Metrics()["rpz"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
