package rpl

import (
	"net/netip"

	"knot-resolver/internal/dns"
)

// Dialect is whose rules a scenario is written for.
type Dialect uint8

// The dialects.
const (
	Deckard Dialect = iota
	Unbound
)

func (d Dialect) String() string { return [...]string{"deckard", "unbound"}[d] }

// Scenario is a parsed file.
type Scenario struct {
	Name    string // of the file, without directory and ending
	Title   string
	Dialect Dialect
	Options []Option
	Files   map[string][]string // contents of the files that options refer to, by their ids
	Ranges  []*Range            // in file order
	Steps   []*Step             // in file order
}

// Option is one configuration directive.
type Option struct {
	Section string // clause it stands in, such as "server"; empty in the Deckard dialect
	Clause  int    // number of the clause, to tell clauses of one kind apart
	Key     string
	Value   string
	Line    int
}

// Range is what a server replies during some steps.
type Range struct {
	First, Last int
	Addrs       []netip.Addr // none means any, in the Unbound dialect
	Entries     []*Entry
	Line        int
}

func (r *Range) holds(step int) bool { return r.First <= step && step <= r.Last }

// StepType is what a step does.
type StepType uint8

// The steps.
const (
	Query StepType = iota
	CheckAnswer
	CheckOutQuery
	Reply
	Timeout
	Error
	TimePasses
	Traffic
	Nothing
	Assign
	CheckAutotrust
	CheckTempfile
)

var stepTypes = map[string]StepType{"QUERY": Query, "CHECK_ANSWER": CheckAnswer, "CHECK_OUT_QUERY": CheckOutQuery, "REPLY": Reply,
	"TIMEOUT": Timeout, "ERROR": Error, "TIME_PASSES": TimePasses, "TRAFFIC": Traffic, "NOTHING": Nothing, "ASSIGN": Assign,
	"CHECK_AUTOTRUST": CheckAutotrust, "CHECK_TEMPFILE": CheckTempfile}

func (t StepType) String() string {
	for name, known := range stepTypes {
		if known == t {
			return name
		}
	}
	return "unknown step"
}

func (t StepType) hasEntry() bool {
	return t == Query || t == CheckAnswer || t == CheckOutQuery || t == Reply
}

// Step is one step of the script.
type Step struct {
	Number int
	Type   StepType
	Args   []string   // words after the type
	Addr   netip.Addr // of the client or server, if given
	Entry  *Entry     // of the steps that have one
	File   []string   // expected content, for CHECK_AUTOTRUST and CHECK_TEMPFILE
	Line   int
}

// Entry is a message with what to compare and what to adjust in it.
type Entry struct {
	Match     Match
	Adjust    Adjust
	Message   Template
	Extra     []Template // further messages on the same stream
	Mandatory bool
	Line      int
}

// Adjust says what a reply takes from the request.
type Adjust struct {
	CopyID, CopyQuery, RawID, Silent bool
}

// Template is a message as written in a scenario.
type Template struct {
	Flags     dns.Flags
	RCode     dns.RCode
	Opcode    dns.Opcode
	DO        bool
	Questions []dns.Question
	Sections  [3][]Record
	Raw       []byte // when set, the octets to send instead
	EDNS      []byte // options of the OPT record
	HasEDNS   bool   // EDNS was written, if only to be empty
}

// Record is one resource record. Names keep their case; names in RData are not compressed.
type Record struct {
	Owner dns.Name
	Type  dns.Type
	Class dns.Class
	TTL   uint32
	RData []byte
}

// Match says what to compare.
type Match struct {
	Given bool // there was a MATCH line

	Opcode, QType, QName, QCase, Subdomain, Question bool
	Flags, RCode, Answer, Authority, Additional      bool
	All, AllNoEDNS, TTL, EDNS                        bool
	DO, CO, NoEDNS, EDNSData, UDP, TCP               bool
	ClientCookie, ServerCookie                       bool
	EDE                                              EDEMatch
	Serial                                           *uint32
}

// EDEMatch asks for an Extended DNS Error.
type EDEMatch struct {
	Wanted, Any bool
	Code        dns.EDECode
}
