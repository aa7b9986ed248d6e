package policy_test

import (
	"errors"
	"testing"

	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/policy/ruledb"
)

func TestCompileToGenerationAndLoad(t *testing.T) {
	store := ruledb.Store{Dir: t.TempDir() + "/ruledb"}
	w, err := store.Create()
	if err != nil {
		t.Fatal(err)
	}
	in := compile.Input{NoData: true, Addresses: []compile.Address{{Name: "a.example", Addrs: addrs("192.0.2.1")}}}
	if _, err := compile.Compile(in, w); err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Load(store, w.Number())
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(rules, "a.example A"); got != "300 192.0.2.1" {
		t.Errorf("a.example A: %s", got)
	}
	if got := describe(rules, "x.localhost AAAA"); got != "3600 ::1" {
		t.Errorf("x.localhost AAAA: %s", got)
	}
}

func TestLoadRefusesWhatBreaksTheLayout(t *testing.T) {
	store := ruledb.Store{Dir: t.TempDir()}
	mark := policy.AppendGroup(nil, policy.At, []policy.Rule{{What: policy.Marked, Kind: uint16(policy.MarkDrop)}})
	for what, fill := range map[string]func(ruledb.Sink) error{
		"unknown space":  func(s ruledb.Sink) error { return s.Put('?', "", nil) },
		"missing origin": func(s ruledb.Sink) error { return s.Put(policy.NameSpace, "\x00", mark) },
		"bad metadata":   func(s ruledb.Sink) error { return s.Put(policy.MetaSpace, "", []byte("[]")) },
		"missing list":   func(s ruledb.Sink) error { return s.Put(policy.MetaSpace, "", []byte(`{"Origins": [{"List": 1}]}`)) },
		"bad prefixes":   func(s ruledb.Sink) error { return s.Put(byte(policy.ClientAddress), "", []byte{1}) },
	} {
		w, err := store.Create()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(fill(w), w.Commit()); err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Load(store, w.Number()); !errors.Is(err, policy.ErrLayout) {
			t.Errorf("%s: %v, want ErrLayout", what, err)
		}
	}
	if _, err := policy.Load(store, 999); err == nil {
		t.Error("a generation that does not exist was loaded")
	}
}
