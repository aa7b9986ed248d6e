package compile

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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
			dir, in.RPZ = filepath.Dir(file), []RPZ{{File: file, Pointer: "/p", Strict: true}}
		}
		db := new(ruledb.Buffer)
		_, err := Compile(in, db)
		if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || !strings.HasPrefix(err.Error(), want) || db.Memory != nil {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if !errors.As(err, new(*Error)) {
			t.Errorf("%s: %T", name, err)
		}
	}
}

func TestMissingFiles(t *testing.T) {
	_, err := Compile(Input{Rules: []Rule{{Files: []string{"/nonexistent/hosts"}, Pointer: "/a"}}, RPZ: []RPZ{{File: "/nonexistent/rpz", Pointer: "/b"}}}, new(ruledb.Buffer))
	want := "/a: /nonexistent/hosts: no such file or directory\n/b: /nonexistent/rpz: no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A file in another format is not told line by line.
func TestFaultsOfAFileAreBounded(t *testing.T) {
	file := write(t, "hosts", strings.Repeat("||ads.example^\n", 1000))
	_, err := Compile(Input{Rules: []Rule{{Files: []string{file}}}}, new(ruledb.Buffer))
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
		RPZ:       []RPZ{{File: file, Pointer: "/p"}},
	}
	report, err := Compile(in, new(ruledb.Buffer))
	want := []string{
		"/r: 1 records skipped: their class is not IN",
		"/r: 1 records skipped: they belong to DNSSEC",
		"/r: 1 records skipped: triggers rpz-client-ip belong into response policy zones",
		file + ": 1 records skipped: they are outside of the zone",
		file + ": 1 records skipped: they belong to DNSSEC",
	}
	if err != nil || !slices.Equal(report.Warnings, want) {
		t.Errorf("%v\n%s\nwant\n%s", err, strings.Join(report.Warnings, "\n"), strings.Join(want, "\n"))
	}
}

// TestBadLinesAreSkipped: a zone with mistakes has the rules of all other lines.
func TestBadLinesAreSkipped(t *testing.T) {
	text := "$ORIGIN rpz.\n@ SOA a. b. 1 1 1 1 1\n" + // lines 1 and 2
		"good1 CNAME .\n" +
		"bad1 CNAMEE .\n" +
		"      A 192.0.2.1\n" + // would be of bad1
		"good2 CNAME .\n" +
		"bad2 CNAME\n" +
		"good3 CNAME .\n" +
		"bad3..x CNAME .\n" +
		"good4 A 192.0.2.1\n" +
		"      A 192.0.2.256\n" +
		"good5 CNAME .\n" +
		"good5 CNAME *.\n" + // 13
		"33.1.2.0.192.rpz-ip CNAME .\n" +
		"$TTL nonsense\n" +
		"$ORIGIN sub\n" +
		"bad4 TXT (\n" +
		"good6.rpz. CNAME . )\n" +
		"good7 CNAME .\n" +
		"bad5 A\n" +
		"good8 CNAME ."
	file := write(t, "rpz", text)
	in := Input{RPZ: []RPZ{{File: file, Pointer: "/p"}}}
	rules, report, err := Rules(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"good1", "good2", "good3", "good4", "good5", "good8.sub"} {
		if !rules.Lookup(policy.Query{Name: dns.MustName(name), Type: dns.TypeA}, true).Found {
			t.Errorf("%s has no rule", name)
		}
	}
	var lines []string
	for _, w := range report.Warnings {
		if place, ok := strings.CutPrefix(w, "/p: "+file+":"); ok {
			line, _, _ := strings.Cut(place, ":")
			lines = append(lines, line)
		}
	}
	if list := report.Lists[0]; list.Bad != len(lines) || !slices.Equal(lines[:6], []string{"4", "7", "9", "11", "13", "14"}) || !slices.Contains(lines, "20") {
		t.Errorf("%d bad records, told at lines %v:\n%s", list.Bad, lines, strings.Join(report.Warnings, "\n"))
	}
	in.RPZ[0].Strict = true
	if _, _, err := Rules(in); err == nil || !strings.Contains(err.Error(), file+":4: ") || !strings.Contains(err.Error(), file+":20: ") {
		t.Errorf("strict: %v", err)
	}
}

// TestBombs: what would never end, or never begin, or grow without measure, is refused or ends (MG-10).
func TestBombs(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "itself"), []byte("$INCLUDE itself\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "good"), []byte("included CNAME .\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"device":        "$INCLUDE /dev/zero\n",
		"pipe":          "$INCLUDE pipe\n",
		"itself":        "$INCLUDE itself\n",
		"long generate": "$GENERATE 0-2147483647 a$ CNAME .\n",
		"long line":     "a TXT " + strings.Repeat("x", 10<<20) + "\n",
		"long name":     strings.Repeat("a", 10<<20) + " CNAME .\n",
		"brackets":      "a TXT " + strings.Repeat("(", 1<<20) + "\n",
		"huge TTL":      "a 99999999999 CNAME .\n",
	} {
		file := filepath.Join(dir, "zone")
		if err := os.WriteFile(file, []byte("before CNAME .\n"+text+"$INCLUDE good\nafter CNAME .\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		rules, report, err := Rules(Input{RPZ: []RPZ{{File: file, Pointer: "/p"}}})
		if err != nil || report.Lists[0].Bad != 1 {
			t.Errorf("%s: %v; %d bad records: %.500s", what, err, report.Lists[0].Bad, report.Warnings)
			continue
		}
		for _, name := range []string{"before", "included", "after"} {
			if !rules.Lookup(policy.Query{Name: dns.MustName(name), Type: dns.TypeA}, true).Found && what != "brackets" {
				t.Errorf("%s: %s has no rule", what, name)
			}
		}
	}
	for _, in := range []Input{{RPZ: []RPZ{{File: pipe}}}, {RPZ: []RPZ{{File: "/dev/zero"}}}, {Rules: []Rule{{Files: []string{pipe}}}}} {
		if _, _, err := Rules(in); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%v", err)
		}
	}
}

// TestNothingButBadLines: however many there are, they are counted, the first ones told, and the end is reached.
func TestNothingButBadLines(t *testing.T) {
	const count = 100_000
	b := newBuilder()
	faults := b.zone(strings.NewReader(strings.Repeat("<html>\n", count)), RPZ{File: "rpz", Pointer: "/p"}, Input{}, 1)
	if bad := b.meta.Lists[0].Bad; len(faults) > 0 || bad != count || len(b.warnings) != limits.PolicyZoneFaults+1 {
		t.Errorf("%v; %d bad records, %d warnings", faults, bad, len(b.warnings))
	}
}

// TestAbsentCopyKeepsItsPlace: a zone whose copy is still to come has no rules, and those behind it keep theirs.
func TestAbsentCopyKeepsItsPlace(t *testing.T) {
	rules, report, err := Rules(Input{RPZ: []RPZ{{File: "/nonexistent/copy", Absent: true, Pointer: "/a"}, {File: "second", Text: "bad CNAME ."}}})
	if err != nil || len(report.Lists) != 2 || len(report.Warnings) != 1 {
		t.Fatalf("%v, %+v", err, report)
	}
	if v := rules.Lookup(policy.Query{Name: dns.MustName("bad"), Type: dns.TypeA}, true); !v.Found || v.List != 2 {
		t.Errorf("%+v", v)
	}
}

func TestPrefix(t *testing.T) {
	for text, want := range map[string]string{
		"32.1.2.0.192": "192.0.2.1/32", "24.0.2.0.192": "192.0.2.0/24", "24.9.2.0.192": "192.0.2.0/24", "0.0.0.0.0": "0.0.0.0/0",
		"128.1.zz.db8.2001": "2001:db8::1/128", "32.zz.db8.2001": "2001:db8::/32", "0.zz": "::/0", "64.0.0.0.0.4.3.2.1": "1:2:3:4::/64",
		"128.zz.2.0.192": "192:0:2::/128", "48.1.2.3.4.5.6.zz.9": "9:0:6::/48",
		"33.1.2.0.192": "", "32.1.2.0": "", "32.1.2.0.256": "", "1.2.0.192": "", "129.zz": "", "128.zz.1.zz": "", "128.1.2.3.4.5.6.7": "",
		"128.zz.1.2.3.4.5.6.7.8": "", "x.1.2.0.192": "", "-1.1.2.0.192": "", "32": "", "64.10000.zz": "",
	} {
		p, err := parsePrefix(dns.MustName(text))
		if got := p.String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%s: %s %v, want %q", text, got, err, want)
		}
	}
}

// check writes and opens what was built: the layout holds whatever the input.
func check(t *testing.T, b *builder) {
	t.Helper()
	db := new(ruledb.Buffer)
	if err := b.write(db); err != nil {
		t.Fatal(err)
	}
	if err := db.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Verify(db.Memory); err != nil {
		t.Fatal(err)
	}
}

func FuzzHosts(f *testing.F) {
	for _, seed := range []string{"192.0.2.1 a b # c\n", "::1 localhost", "fe80::1%lo a", "a b", "\x00", "192.0.2.1 \\000.a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := newBuilder()
		b.hosts(source{origin: b.origin(policy.Origin{EDE: dns.NoEDE})}, "hosts", strings.NewReader(text))
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
		b.records(source{Rule: Rule{Records: text}, origin: b.origin(policy.Origin{EDE: dns.NoEDE})})
		b.zone(strings.NewReader(text), RPZ{File: "rpz", Pointer: "/p"}, Input{}, 1)
		b.zone(strings.NewReader(text), RPZ{File: "rpz", Pointer: "/p"}, Input{NoData: true}, 2)
		check(t, b)
	})
}
