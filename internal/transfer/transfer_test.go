package transfer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

const apex = "rpz.example."

var testKey = &Key{name: "key.example.", algorithm: miekg.HmacSHA256, secret: []byte("secret")}

func soa(serial int) string {
	return fmt.Sprintf("%s 60 IN SOA ns.example. root.example. %d 3600 600 86400 60", apex, serial)
}

func rule(name string) string { return name + ".example." + apex + " 60 IN CNAME ." }

func parse(t testing.TB, lines ...string) (list []miekg.RR) {
	t.Helper()
	for _, line := range lines {
		rr, err := miekg.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, rr)
	}
	return list
}

// copyOf is a copy of version 5 with the rules a, b and c.
func copyOf(t testing.TB) *content {
	t.Helper()
	var text bytes.Buffer
	for _, line := range []string{soa(5), rule("a"), rule("b"), rule("c")} {
		fmt.Fprintln(&text, line)
	}
	c, err := read(&text, apex, 100)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rules(c *content) string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(c.records)) {
		name, _, _ := strings.Cut(key, ".")
		names = append(names, name)
	}
	return fmt.Sprintf("%d: %s", c.soa.Serial, strings.Join(names, " "))
}

// forms are the forms a transfer may have, with what it leads to from a copy of version 5.
var forms = map[string]struct {
	records []string
	want    string
}{
	"whole":              {[]string{soa(7), rule("x"), rule("y"), soa(7)}, "7: x y"},
	"whole, empty":       {[]string{soa(7), soa(7)}, "7: "},
	"changes":            {[]string{soa(7), soa(5), rule("a"), soa(7), rule("x"), soa(7)}, "7: b c x"},
	"several versions":   {[]string{soa(7), soa(5), rule("a"), soa(6), rule("x"), soa(6), rule("x"), rule("b"), soa(7), rule("a"), soa(7)}, "7: a c"},
	"nothing but serial": {[]string{soa(6), soa(5), soa(6), soa(6)}, "6: a b c"},
	"other TTL":          {[]string{soa(6), soa(5), strings.Replace(rule("a"), "60", "61", 1), soa(6), strings.Replace(rule("a"), "60", "30", 1), soa(6)}, "6: a b c"},
	"wrapped serial":     {[]string{soa(1 << 31), soa(5), soa(1 << 31), soa(1 << 31)}, "2147483648: a b c"},
	"foreign records":    {[]string{soa(7), "www.victim.test. 60 IN A 192.0.2.6", rule("x"), soa(7)}, "7: x"},
}

func TestForms(t *testing.T) {
	for name, form := range forms {
		in := (&Zone{Name: apex}).incoming(copyOf(t))
		for i, rr := range parse(t, form.records...) {
			if in.state == complete {
				t.Errorf("%s: complete after %d records", name, i)
			}
			if err := in.add(rr); err != nil {
				t.Fatalf("%s, record %d: %v", name, i, err)
			}
		}
		if in.state != complete {
			t.Errorf("%s: not complete", name)
		} else if got := rules(in.result()); got != form.want {
			t.Errorf("%s: %s, want %s", name, got, form.want)
		}
		in.rollBack()
		if in.whole == nil && rules(in.have) != "5: a b c" {
			t.Errorf("%s: taken back it is %s", name, rules(in.have))
		}
	}
}

// TestMG11Misfits: what is not a transfer of the zone is refused and leaves the copy as it was.
func TestMG11Misfits(t *testing.T) {
	for name, records := range map[string][]string{
		"no SOA":                {rule("x")},
		"SOA of another zone":   {strings.Replace(soa(7), apex, "other.example.", 1)},
		"other serial at end":   {soa(7), rule("x"), soa(8)},
		"from another version":  {soa(7), soa(4), rule("a"), soa(7), soa(7)},
		"deletes what is not":   {soa(7), soa(5), rule("x")},
		"deletes twice":         {soa(7), soa(5), rule("a"), rule("a")},
		"adds what is there":    {soa(7), soa(5), soa(7), rule("a")},
		"backwards":             {soa(7), soa(5), soa(4)},
		"skips a version":       {soa(8), soa(5), soa(6), rule("x"), soa(7)},
		"another class":         {soa(7), "x." + apex + " 60 CH TXT x"},
		"SOA of another inside": {soa(7), rule("x"), strings.Replace(soa(7), apex, "x."+apex, 1)},
		"too many":              {soa(7), rule("1"), rule("2"), rule("3"), rule("4"), rule("5"), rule("6")},
		"too many changes":      {soa(7), soa(5), rule("a"), rule("b"), rule("c"), soa(6), rule("a"), rule("b"), rule("c")},
	} {
		in := (&Zone{Name: apex, Records: 5}).incoming(copyOf(t))
		var err error
		for _, rr := range parse(t, records...) {
			if err = in.add(rr); err != nil {
				break
			}
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		in.rollBack()
		if got := rules(in.have); got != "5: a b c" {
			t.Errorf("%s: the copy is %s", name, got)
		}
	}
}

// primary answers one request on a connection with messages, of which sign says whether they are signed.
func primary(t testing.TB, conn net.Conn, messages [][]miekg.RR, sign func(i int) bool) {
	defer conn.Close()
	raw, err := frame(conn)
	if err != nil {
		return
	}
	request := new(miekg.Msg)
	if request.Unpack(raw) != nil || request.IsTsig() == nil {
		t.Error("the request is no signed message")
		return
	}
	mac, between := request.IsTsig().MAC, []byte(nil)
	for i, answer := range messages {
		m := new(miekg.Msg).SetReply(request)
		m.Answer = answer
		if sign(i) {
			m.SetTsig(testKey.name, testKey.algorithm, 300, time.Now().Unix())
			raw, mac, err = miekg.TsigGenerateWithProvider(m, provider{testKey, between}, mac, i > 0)
			between = nil
		} else {
			raw, err = m.Pack()
			between = append(between, raw...)
		}
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)); err != nil {
			return
		}
	}
}

func each(records []miekg.RR) (messages [][]miekg.RR) {
	for _, rr := range records {
		messages = append(messages, []miekg.RR{rr})
	}
	return messages
}

func exchange(t testing.TB, z *Zone, in *incoming, messages [][]miekg.RR, sign func(int) bool) error {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go primary(t, server, messages, sign)
	return z.exchange(client, in)
}

// TestSignatures: the first and the last message have to be signed, and every hundredth; what is between counts.
func TestSignatures(t *testing.T) {
	many := parse(t, soa(7))
	for i := range 250 {
		many = append(many, parse(t, rule(fmt.Sprint("n", i)))...)
	}
	many = append(many, parse(t, soa(7))...)
	last := len(many) - 1
	for name, test := range map[string]struct {
		sign func(int) bool
		ok   bool
	}{
		"all":               {func(int) bool { return true }, true},
		"every hundredth":   {func(i int) bool { return i%100 == 0 || i == last }, true},
		"too few":           {func(i int) bool { return i == 0 || i == last }, false},
		"not the first":     {func(i int) bool { return i > 0 }, false},
		"not the last":      {func(i int) bool { return i < last }, false},
		"none":              {func(int) bool { return false }, false},
		"nothing but first": {func(i int) bool { return i == 0 }, false},
	} {
		z := &Zone{Name: apex, Key: testKey}
		err := exchange(t, z, z.incoming(nil), each(many), test.sign)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	z := &Zone{Name: apex, Key: &Key{name: testKey.name, algorithm: testKey.algorithm, secret: []byte("other")}}
	if err := exchange(t, z, z.incoming(nil), each(many), func(int) bool { return true }); !errors.Is(err, miekg.ErrSig) {
		t.Errorf("another secret: %v", err)
	}
}

// TestMG11Cut cuts transfers of all forms off after each record: the copy stays, and the file with it.
func TestMG11Cut(t *testing.T) {
	for name, form := range forms {
		for cut := range len(form.records) {
			z := &Zone{Name: apex, Key: testKey}
			in := z.incoming(copyOf(t))
			err := exchange(t, z, in, each(parse(t, form.records...))[:cut], func(int) bool { return true })
			if err == nil {
				t.Errorf("%s: complete after %d of %d records", name, cut, len(form.records))
			}
			in.rollBack()
			if got := rules(in.have); got != "5: a b c" {
				t.Errorf("%s, %d records: the copy is %s", name, cut, got)
			}
		}
	}
}

// TestMG11Endless: a stream without end is left when it is longer than any zone may be.
func TestMG11Endless(t *testing.T) {
	endless := each(parse(t, soa(7)))
	for range 10000 {
		endless = append(endless, parse(t, rule("same")))
	}
	z := &Zone{Name: apex, Key: testKey, Octets: 100_000}
	if err := exchange(t, z, z.incoming(nil), endless, func(int) bool { return true }); err == nil || !strings.Contains(err.Error(), "more than 100000 octets") {
		t.Errorf("%v", err)
	}
}

// TestKeep: a copy that the check refuses is taken back, one that it accepts replaces the file.
func TestKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zone")
	good := true
	z := &kept{Zone: Zone{Name: apex, File: file}, log: slog.New(slog.DiscardHandler), content: copyOf(t)}
	z.Check = func(string) error {
		if !good {
			return errors.New("no good")
		}
		return nil
	}
	take := func(form string) error {
		in := z.incoming(z.content)
		for _, rr := range parse(t, forms[form].records...) {
			if err := in.add(rr); err != nil {
				t.Fatal(err)
			}
		}
		err := z.keep(in, netip.AddrPort{})
		if err != nil {
			in.rollBack()
		}
		return err
	}
	if err := z.content.save(file, nil); err != nil {
		t.Fatal(err)
	}
	onDisk := func(want string) {
		t.Helper()
		c, err := load(file, apex, 100)
		if err != nil || rules(c) != want || rules(z.content) != want {
			t.Errorf("%v: %s in memory, %v on disk; want %s", err, rules(z.content), c, want)
		}
		if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
			t.Errorf("files: %v", left)
		}
	}
	good = false
	for form := range forms {
		if take(form) == nil {
			t.Errorf("%s: kept", form)
		}
		onDisk("5: a b c")
	}
	good = true
	if err := take("several versions"); err != nil {
		t.Error(err)
	}
	onDisk("7: a c")
	if s := z.status; s.Serial != 7 || s.Records != 2 || s.Incremental != 1 {
		t.Errorf("%+v", s)
	}
}

func TestNotify(t *testing.T) {
	z := &kept{Zone: Zone{Name: apex, Key: testKey, Primaries: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}}, log: slog.New(slog.DiscardHandler), notify: make(chan struct{}, 1)}
	k := &Keeper{zones: []*kept{z}}
	them, stranger := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	message := func(change func(*miekg.Msg), key *Key) []byte {
		m := new(miekg.Msg).SetNotify(apex)
		change(m)
		raw, _, err := key.sign(m, "")
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	nothing := func(*miekg.Msg) {}
	for name, test := range map[string]struct {
		raw   []byte
		from  netip.Addr
		rcode int // -1: silence
	}{
		"good":          {message(nothing, testKey), them, miekg.RcodeSuccess},
		"again":         {message(nothing, testKey), them, miekg.RcodeSuccess},
		"upper case":    {message(func(m *miekg.Msg) { m.Question[0].Name = "RPZ.example." }, testKey), them, miekg.RcodeSuccess},
		"stranger":      {message(nothing, testKey), stranger, -1},
		"unsigned":      {message(nothing, nil), them, miekg.RcodeNotAuth},
		"other key":     {message(nothing, &Key{"key.example.", miekg.HmacSHA256, []byte("x")}), them, miekg.RcodeNotAuth},
		"other name":    {message(nothing, &Key{"x.example.", miekg.HmacSHA256, []byte("secret")}), them, miekg.RcodeNotAuth},
		"other zone":    {message(func(m *miekg.Msg) { m.Question[0].Name = "x." }, testKey), them, -1},
		"other type":    {message(func(m *miekg.Msg) { m.Question[0].Qtype = miekg.TypeA }, testKey), them, -1},
		"response":      {message(func(m *miekg.Msg) { m.Response = true }, testKey), them, -1},
		"query":         {message(func(m *miekg.Msg) { m.Opcode = miekg.OpcodeQuery }, testKey), them, -1},
		"no question":   {message(func(m *miekg.Msg) { m.Question = nil }, testKey), them, -1},
		"no message":    {[]byte("x"), them, -1},
		"cut signature": {message(nothing, testKey)[:60], them, -1},
	} {
		before := z.status.Notifies
		answer := k.notified(test.raw, test.from)
		if accepted := z.status.Notifies > before; accepted != (test.rcode == miekg.RcodeSuccess) {
			t.Errorf("%s: accepted %v", name, accepted)
		}
		m := new(miekg.Msg)
		if answer == nil {
			m.Rcode = -1
		} else if err := m.Unpack(answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if m.Rcode != test.rcode {
			t.Errorf("%s: %d, want %d", name, m.Rcode, test.rcode)
		}
	}
	if len(z.notify) != 1 {
		t.Error("nobody is told")
	}
}

func TestSchedule(t *testing.T) {
	zone := func(refresh, retry, expire uint32) *miekg.SOA {
		return &miekg.SOA{Refresh: refresh, Retry: retry, Expire: expire}
	}
	for _, test := range []struct {
		soa      *miekg.SOA
		failures int
		want     time.Duration
	}{
		{nil, 1, limits.TransferFirst},
		{nil, 2, 2 * limits.TransferFirst},
		{nil, 1000, limits.TransferFirstMost},
		{zone(3600, 600, 86400), 0, time.Hour},
		{zone(3600, 600, 86400), 3, 10 * time.Minute},
		{zone(0, 0, 0), 0, limits.TransferRefreshLeast},
		{zone(0, 0, 0), 1, limits.TransferRefreshLeast},
		{zone(1<<31, 1<<31, 0), 0, limits.TransferRefreshMost},
		{zone(60, 3600, 0), 1, time.Minute},
	} {
		if got := wait(test.soa, test.failures); got != test.want {
			t.Errorf("%v after %d failures: %v, want %v", test.soa, test.failures, got, test.want)
		}
	}
	if e := timersOf(zone(86400, 3600, 1)).expire; e < 25*time.Hour {
		t.Errorf("expires before it is refreshed: %v", e)
	}
}

// FuzzTransfer takes any octets for the answer of a primary: the copy stays what it was, or becomes what a complete transfer says (FZ-29).
func FuzzTransfer(f *testing.F) {
	for _, form := range forms {
		var stream []byte
		for _, rr := range parse(f, form.records...) {
			m := new(miekg.Msg).SetAxfr(apex)
			m.Id, m.Response, m.Answer = 0, true, []miekg.RR{rr}
			raw, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			stream = append(binary.BigEndian.AppendUint16(stream, uint16(len(raw))), raw...)
		}
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		z := &Zone{Name: apex, Records: 100}
		in := z.incoming(copyOf(t))
		request := new(miekg.Msg).SetAxfr(apex)
		request.Id = 0
		for len(stream) > 2 && in.state != complete {
			n := min(int(binary.BigEndian.Uint16(stream)), len(stream)-2)
			m, err := z.understand(stream[2:2+n], request, new(signatures))
			for i := 0; err == nil && i < len(m.Answer) && in.state != complete; i++ {
				err = in.add(m.Answer[i])
			}
			if err != nil {
				break
			}
			stream = stream[2+n:]
		}
		if in.state == complete {
			var text bytes.Buffer
			if err := in.result().write(&text); err != nil {
				t.Fatal(err)
			}
			back, err := read(&text, apex, 100)
			if err != nil || !maps.Equal(back.records, in.result().records) {
				t.Fatalf("%v: written and read again it is different:\n%v\n%v", err, back, in.result().records)
			}
		}
		in.rollBack()
		if got := rules(in.have); got != "5: a b c" {
			t.Fatalf("the copy is %s", got)
		}
	})
}
