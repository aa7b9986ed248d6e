package compile

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/ruledb"
)

func TestCompileReportsEveryFault(t *testing.T) {
	good := netip.MustParseAddr("192.0.2.1")
	many := Address{Name: "many.example", Pointer: "/m"}
	for i := range limits.RRsetRecords + 1 {
		many.Addrs = append(many.Addrs, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	in := Input{Addresses: []Address{
		{Name: "a..example", Addrs: []netip.Addr{good}, Pointer: "/0"},
		{Name: "good.example", Addrs: []netip.Addr{good}, Pointer: "/1"},
		{Name: `zero\000.example`, Addrs: []netip.Addr{good}, Pointer: "/2"},
		{Name: "zone.example", Addrs: []netip.Addr{good, netip.MustParseAddr("fe80::1%eth0")}, Pointer: "/3"},
		{Name: "none.example", Addrs: []netip.Addr{{}}, Pointer: "/4"},
		many,
	}}
	db := new(ruledb.Buffer)
	_, err := Compile(in, db)
	for _, pointer := range []string{"/0", "/2", "/3", "/4", "/m"} {
		if err == nil || !strings.Contains(err.Error(), pointer+": ") {
			t.Errorf("no error about %s in: %v", pointer, err)
		}
	}
	var first *Error
	if !errors.As(err, &first) || first.Name != "a..example" {
		t.Errorf("first error %v", first)
	}
	if strings.Contains(err.Error(), "/1: ") || db.Memory != nil {
		t.Errorf("written %v, error: %v", db.Memory, err)
	}
}

func TestReport(t *testing.T) {
	var in Input
	for i := range limits.RRsetRecords + 44 {
		in.Addresses = append(in.Addresses, Address{Name: fmt.Sprintf("ads%d.example", i), Addrs: []netip.Addr{netip.IPv4Unspecified()}})
	}
	db := new(ruledb.Buffer)
	report, err := Compile(in, db)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "0.0.0.0.in-addr.arpa. PTR: 44 ") {
		t.Errorf("warnings: %q", report.Warnings)
	}
	empty, _ := Compile(Input{}, new(ruledb.Buffer))
	if report.Subtrees != empty.Subtrees || report.Names != empty.Names+len(in.Addresses)+1 ||
		report.Records != empty.Records+len(in.Addresses)+limits.RRsetRecords {
		t.Errorf("%+v, without rules %+v", report, empty)
	}
	if _, err := policy.Verify(db.Memory); err != nil {
		t.Error(err)
	}
}

type failing struct{ ruledb.Buffer }

var errSink = errors.New("disk full")

func (*failing) Put(byte, string, []byte) error { return errSink }

func TestCompileReturnsTheSinksError(t *testing.T) {
	if _, err := Compile(Input{}, new(failing)); !errors.Is(err, errSink) {
		t.Errorf("error %v", err)
	}
}
