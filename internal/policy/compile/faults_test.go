package compile

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/ruledb"
)

func write(t testing.TB, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Faults in files and texts lead to their place. DIR stands for the directory of the file.
func TestFaultsHaveAPlace(t *testing.T) {
	for name, c := range map[string]struct {
		rpz, hosts, records string
		want                string
	}{
		"hosts without name":   {hosts: "\n192.0.2.1\n", want: `/p: DIR/hosts:2: "192.0.2.1": no name beside the address`},
		"hosts address":        {hosts: "192.0.2.x a\n", want: `/p: DIR/hosts:1: "192.0.2.x": not an IP address`},
		"hosts name":           {hosts: "192.0.2.1 a..b", want: `/p: DIR/hosts:1: "a..b": dns: malformed`},
		"hosts zone":           {hosts: "fe80::1%lo a", want: `/p: DIR/hosts:1: "fe80::1%lo": not a plain IP address`},
		"hosts long":           {hosts: "192.0.2.1 a\n" + strings.Repeat("a", 1<<17), want: `/p: DIR/hosts:2: `},
		"records syntax":       {records: "a A 192.0.2.1\nb A 192.0.2.x\n", want: `/p: line 2: `},
		"records two CNAMEs":   {records: "a CNAME b.\n\na CNAME c.", want: `/p: line 3: "a.": there is another record`},
		"records zero octet":   {records: `a\000b A 192.0.2.1`, want: `/p: line 1: `},
		"records include":      {records: "$INCLUDE /nonexistent\n", want: `/p: line 1: `},
		"rpz syntax":           {rpz: "$TTL 60\na CNAME .\nb CNAME\nc CNAME .\n", want: `/p: DIR/rpz:3: `},
		"rpz unknown type":     {rpz: "a CNAME .\nb NOTYPE .\n", want: `/p: DIR/rpz:2: `},
		"rpz late SOA":         {rpz: "a CNAME .\nb SOA a. b. 1 1 1 1 1\n", want: `/p: DIR/rpz:2: "b.": SOA record of another zone`},
		"rpz second SOA":       {rpz: "b SOA a. b. 1 1 1 1 1\nc SOA a. b. 1 1 1 1 1\n", want: `/p: DIR/rpz:2: "c.": SOA record of another zone`},
		"rpz two actions":      {rpz: "a CNAME .\na CNAME *.\n", want: `/p: DIR/rpz:2: "a.": another action`},
		"rpz action, records":  {rpz: "a A 192.0.2.1\na CNAME .\n", want: `/p: DIR/rpz:2: "a.": another action`},
		"rpz records, action":  {rpz: "a CNAME *.\na A 192.0.2.1", want: `/p: DIR/rpz:2: "a.": records beside`},
		"rpz two CNAMEs":       {rpz: "a CNAME b.\na CNAME c.\n", want: `/p: DIR/rpz:2: "a.": there is another record`},
		"rpz unclosed bracket": {rpz: "a TXT ( b\n", want: `/p: DIR/rpz:`},
	} {
		in := Input{Rules: []Rule{{Records: c.records, Pointer: "/p"}}}
		dir := ""
		if c.hosts != "" {
			file := write(t, "hosts", c.hosts)
			dir, in.Rules[0].Files = filepath.Dir(file), []string{file}
		}
		if c.rpz != "" {
			file := write(t, "rpz", c.rpz)
			dir, in.RPZ = filepath.Dir(file), []RPZ{{file, "/p"}}
		}
		db := new(ruledb.Memory)
		_, err := Compile(in, db)
		if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || !strings.HasPrefix(err.Error(), want) || db.Len() > 0 {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if !errors.As(err, new(*Error)) {
			t.Errorf("%s: %T", name, err)
		}
	}
}

func TestMissingFiles(t *testing.T) {
	_, err := Compile(Input{Rules: []Rule{{Files: []string{"/nonexistent/hosts"}, Pointer: "/a"}}, RPZ: []RPZ{{"/nonexistent/rpz", "/b"}}}, new(ruledb.Memory))
	want := "/a: /nonexistent/hosts: no such file or directory\n/b: /nonexistent/rpz: no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A file in another format is not told line by line.
func TestFaultsOfAFileAreBounded(t *testing.T) {
	file := write(t, "hosts", strings.Repeat("||ads.example^\n", 1000))
	_, err := Compile(Input{Rules: []Rule{{Files: []string{file}}}}, new(ruledb.Memory))
	if err == nil || strings.Count(err.Error(), "\n") != limits.HostsFileFaults-1 {
		t.Errorf("%v", err)
	}
}

// What cannot be used is left out and told.
func TestWarnings(t *testing.T) {
	file := write(t, "rpz", `$ORIGIN rpz.
@ SOA a. b. 1 1 1 1 1
@ NS a.
32.1.2.0.192.rpz-ip CNAME .
ns.rpz-nsdname CNAME .
a CNAME rpz-tcp-only.
b CNAME *.garden.
c DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
outside. CNAME .
host.example CNAME .
`)
	in := Input{
		Addresses: []Address{{Name: "host.example", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}},
		Rules:     []Rule{{Records: "a CH TXT b\nc NSEC d. A\ne.rpz-client-ip A 192.0.2.1\n", Pointer: "/r"}},
		RPZ:       []RPZ{{file, "/p"}},
	}
	report, err := Compile(in, new(ruledb.Memory))
	want := []string{
		"/r: 1 records skipped: their class is not IN",
		"/r: 1 records skipped: they belong to DNSSEC",
		"/r: 1 records skipped: triggers rpz-client-ip are not supported yet",
		file + ": 1 records skipped: CNAME to a wildcard is not supported yet",
		file + ": 1 records skipped: rules before them decide about their names",
		file + ": 1 records skipped: the action rpz-tcp-only is not supported yet",
		file + ": 1 records skipped: they are outside of the zone",
		file + ": 1 records skipped: they belong to DNSSEC",
		file + ": 1 records skipped: triggers rpz-ip are not supported yet",
		file + ": 1 records skipped: triggers rpz-nsdname are not supported yet",
	}
	if err != nil || !slices.Equal(report.Warnings, want) {
		t.Errorf("%v\n%s\nwant\n%s", err, strings.Join(report.Warnings, "\n"), strings.Join(want, "\n"))
	}
}

// check writes and opens what was built: the layout holds whatever the input.
func check(t *testing.T, b *builder) {
	t.Helper()
	db := new(ruledb.Memory)
	if err := b.write(db); err != nil {
		t.Fatal(err)
	}
	if err := db.All(func(key, value []byte) error { _, err := policy.Check(key, value); return err }); err != nil {
		t.Fatal(err)
	}
}

func FuzzHosts(f *testing.F) {
	for _, seed := range []string{"192.0.2.1 a b # c\n", "::1 localhost", "fe80::1%lo a", "a b", "\x00", "192.0.2.1 \\000.a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := newBuilder()
		b.hosts(source{header: policy.Header{Origin: b.origin("", dns.NoEDE)}}, "hosts", strings.NewReader(text))
		check(t, b)
	})
}

func FuzzZones(f *testing.F) {
	for _, seed := range []string{"a A 192.0.2.1\n", "$ORIGIN b.\n@ SOA a. b. 1 1 1 1 1\n*.c CNAME .\n", "a DNAME b.\n", "a CNAME *.", "$GENERATE 1-3 a$ A 192.0.2.$\n", "* CNAME rpz-drop."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToUpper(text), "$GENERATE") && len(text) > 30 || strings.Contains(strings.ToUpper(text), "$INCLUDE") {
			return // may be long, may read files
		}
		b := newBuilder()
		b.records(source{Rule: Rule{Records: text}, header: policy.Header{Origin: b.origin("", dns.NoEDE)}})
		b.zone(strings.NewReader(text), RPZ{"rpz", "/p"}, Input{}, 1)
		b.zone(strings.NewReader(text), RPZ{"rpz", "/p"}, Input{NoData: true}, 2)
		check(t, b)
	})
}
