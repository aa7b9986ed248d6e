// Package compile turns configured rules into the pairs that package policy reads.
//
// Nothing is written before everything is known to be good. Rules are read in the order of the
// configuration: local data for the same clients is merged, response policy zones stay apart.
// Configured rules replace the special-use names of the same name and type.
package compile

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/ruledb"
)

// DefaultTTL is the TTL of configured rules without one, in seconds (resolver.md 6.2).
const DefaultTTL = 300

// Input is everything a generation is made of.
type Input struct {
	TTL       uint32 // of rules without their own, in seconds; 0 means DefaultTTL
	NoData    bool   // types a name of Addresses or RPZ has no records of are NODATA, not resolved
	Views     []View
	Addresses []Address
	Rules     []Rule
	RPZ       []RPZ
}

// Address gives a name its addresses, and the addresses the name (PTR).
type Address struct {
	Name    string // presentation format
	Addrs   []netip.Addr
	TTL     uint32 // in seconds; 0 means Input.TTL
	Pointer string // the place in the configuration, for errors: a JSON pointer
}

// Rule is local data: names with addresses or a rule for everything below, hosts files, or records.
type Rule struct {
	Names   []string       // presentation format
	Subtree policy.Subtree // SubtreeNone for the names alone
	Addrs   []netip.Addr   // of Names
	Files   []string       // in the format of hosts(5), absolute paths
	Records string         // text of a zone file; its origin is the root
	TTL     uint32         // in seconds; 0 means Input.TTL
	NoData  bool           // types a name has no records of are NODATA, not resolved
	Tags    []string       // names of tags: only for clients with one of them; none: for all
	Pointer string         // the place in the configuration: a JSON pointer

	origin string // instead of Pointer, for people
}

// RPZ is a response policy zone.
type RPZ struct {
	File    string   // absolute path
	Text    string   // the zone itself; File is only its name then
	Tags    []string // names of tags: only for clients with one of them; none: for all
	Pointer string   // the place in the configuration: a JSON pointer
	Absent  bool     // the file may not be there yet: it is a copy that is being made

	Override Override
	EDE      dns.EDECode // of denials
	DryRun   bool        // count and log, do nothing
	Strict   bool        // a bad record is an error; else it is skipped
	LogIP    bool        // log each hit with the client's address
	LogName  bool        // log each hit with the name asked
}

// Override is what a zone does instead of what its rules say. The zero value is what they say.
type Override struct {
	Mark  policy.Mark
	CNAME string // presentation format; leads there
}

// Error is a rule that cannot be compiled.
type Error struct {
	Pointer string // the place in the configuration
	File    string // file the rule is in; empty when it is in the configuration itself
	Line    int    // in the file or the text at Pointer, from 1; 0 when there is none
	Name    string // the name or address at fault, if any
	Reason  string
}

// Error says where and why.
func (e *Error) Error() string {
	place := e.Pointer + ": "
	switch {
	case e.File != "" && e.Line > 0:
		place += fmt.Sprintf("%s:%d: ", e.File, e.Line)
	case e.File != "":
		place += e.File + ": "
	case e.Line > 0:
		place += fmt.Sprintf("line %d: ", e.Line)
	}
	if e.Name != "" {
		place += fmt.Sprintf("%q: ", e.Name)
	}
	return place + e.Reason
}

// Report tells what a compilation produced.
type Report struct {
	Records  int // resource records of names asked, the special-use names' included
	Names    int // names with rules
	Subtrees int // rules of local data for subtrees
	Lists    []policy.List
	Warnings []string // what was left out, for the log
}

// Compile writes all rules of the input and the special-use names to the sink and commits it. All
// faults of the input are reported at once, each as an [*Error] (of a zone file the first ones), and
// nothing is put then. The caller disposes of the sink when there is an error.
func Compile(in Input, sink ruledb.Sink) (Report, error) {
	b := newBuilder()
	faults := b.views(in.Views)
	for _, r := range in.rules() {
		faults = append(faults, b.rule(r)...)
	}
	for i, z := range in.RPZ {
		faults = append(faults, b.rpz(z, in, i+1)...)
	}
	if len(faults) > 0 {
		return Report{}, errors.Join(faults...)
	}
	specialUse(b)
	if err := b.write(sink); err != nil {
		return Report{}, err
	}
	return b.report(), sink.Commit()
}

// Rules compiles the input in memory and opens the result, for a resolver without a loader.
func Rules(in Input) (*policy.Rules, Report, error) {
	db := new(ruledb.Buffer)
	report, err := Compile(in, db)
	if err != nil {
		return nil, Report{}, err
	}
	rules, err := policy.Open(db.Memory)
	return rules, report, err
}

// ttl is that of records without their own.
func (in *Input) ttl(own uint32) uint32 {
	list := []uint32{own, in.TTL, DefaultTTL}
	return list[slices.IndexFunc(list, func(v uint32) bool { return v != 0 })]
}
