// Package explain records what a resolution did as a tree of typed steps, and prints
// it for people and programs.
package explain

import (
	"sync"
	"time"
)

// Kind says what a step is about.
type Kind string

// Kinds of steps.
const (
	KindResolve  Kind = "resolve"  // a question and everything done for it
	KindCache    Kind = "cache"    // a look-up in the cache
	KindRule     Kind = "rule"     // a local rule decided
	KindCut      Kind = "cut"      // the zone cut resolution goes on from
	KindMinimise Kind = "minimise" // a shorter name is asked first
	KindAsk      Kind = "ask"      // a server was asked
	KindReferral Kind = "referral" // a delegation was found
	KindAlias    Kind = "alias"    // a CNAME or DNAME is followed
	KindVerify   Kind = "verify"   // a signature verdict
	KindProof    Kind = "proof"    // a denial was proven, or not
	KindKeys     Kind = "keys"     // keys of a zone
	KindServer   Kind = "server"   // the address of a server is looked up
	KindJoin     Kind = "join"     // waited for the same resolution of somebody else
	KindBudget   Kind = "budget"   // a bound was met
	KindFallback Kind = "fallback" // resolvers of last resort are asked
	KindOutcome  Kind = "outcome"  // how it ended
)

// Step is one thing that happened. Fields that do not apply are empty.
type Step struct {
	Kind      Kind    `json:"kind"`
	AtMicros  int64   `json:"at_us"` // since the start of the trace
	Name      string  `json:"name,omitempty"`
	Type      string  `json:"type,omitempty"`
	Zone      string  `json:"zone,omitempty"`
	Server    string  `json:"server,omitempty"`
	Transport string  `json:"transport,omitempty"`
	RTTMicros int64   `json:"rtt_us,omitempty"`
	RCode     string  `json:"rcode,omitempty"`
	Class     string  `json:"class,omitempty"` // response class: answer, referral, nodata, nxdomain, lame …
	Verdict   string  `json:"verdict,omitempty"`
	EDE       string  `json:"ede,omitempty"`
	Text      string  `json:"text,omitempty"`
	Steps     []*Step `json:"steps,omitempty"`
}

// Trace is the record of one resolution.
type Trace struct {
	Name   string         `json:"name"`
	Type   string         `json:"type"`
	Root   *Step          `json:"trace"`
	RCode  string         `json:"rcode"`
	Secure bool           `json:"secure"`
	EDE    string         `json:"ede,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Answer []string       `json:"answer,omitempty"`
	Spent  map[string]int `json:"spent,omitempty"`
	Micros int64          `json:"duration_us"`
}

// Node is a place in a trace where steps are added. A nil Node records nothing, so
// that code need not ask whether tracing is on.
type Node struct {
	step  *Step
	start time.Time
	lock  *sync.Mutex
}

// New starts a recording.
func New() *Node {
	return &Node{step: &Step{Kind: KindResolve}, start: time.Now(), lock: new(sync.Mutex)}
}

// On says whether steps are recorded: for callers to whom making a Step costs something.
func (n *Node) On() bool { return n != nil }

// Add records a step under n and returns its place for steps below it.
func (n *Node) Add(s Step) *Node {
	if n == nil {
		return nil
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	s.AtMicros = time.Since(n.start).Microseconds()
	n.step.Steps = append(n.step.Steps, &s)
	return &Node{step: &s, start: n.start, lock: n.lock}
}

// Root returns the recorded tree. The recording must have ended.
func (n *Node) Root() *Step { return n.step }

// Snapshot returns a copy of what is recorded so far; the recording may go on.
func (n *Node) Snapshot() *Step {
	n.lock.Lock()
	defer n.lock.Unlock()
	return n.step.copy()
}

func (s *Step) copy() *Step {
	c := *s
	c.Steps = make([]*Step, len(s.Steps))
	for i := range s.Steps {
		c.Steps[i] = s.Steps[i].copy()
	}
	return &c
}
