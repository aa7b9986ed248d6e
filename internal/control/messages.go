package control

import (
	"encoding/json"

	"knot-resolver/internal/config"
)

// Role names what a process is for.
type Role string

// The roles of processes that join a manager.
const (
	RoleWorker       Role = "kresd"
	RolePolicyLoader Role = "policy-loader"
	RoleCacheGC      Role = "cache-gc"
	RoleTransfer     Role = "zone-transfer"
	RoleManager      Role = "manager" // a restarted manager that collects sockets from workers
)

// Hello is the first frame of the side that dialled.
type Hello struct {
	Role   Role `json:"role"`
	Worker int  `json:"worker"` // number of the worker, 0 for other roles
	PID    int  `json:"pid"`
}

// Version is one configuration of the whole system, as written and as
// normalised, with the policy compiled for it.
type Version struct {
	Number uint64          `json:"number"` // increases with every change; 0 is no version
	Raw    json.RawMessage `json:"raw"`    // the user's tree
	Config config.Config   `json:"config"`
	Rules  uint64          `json:"rules"` // generation of the compiled policy
}

// Assignment is what a component runs on. The descriptors of Sockets travel
// with the frame, in the same order.
type Assignment struct {
	Version Version  `json:"version"`
	Canary  bool     `json:"canary,omitempty"` // tries the version out and serves nobody
	Bridge  bool     `json:"bridge,omitempty"` // serves beside the workers while they are replaced
	Sockets []Socket `json:"sockets,omitempty"`
	// Refused says why the component gets nothing; it should exit.
	Refused string `json:"refused,omitempty"`
}

// Temporary reports whether the component is there for a moment only.
func (a *Assignment) Temporary() bool { return a.Canary || a.Bridge }

// ProtoJournal is the Proto of what is no socket, but goes with the UDP socket of the same address: the memory where a
// worker keeps what it has taken from it, for the next one if it dies.
const ProtoJournal = "journal"

// Socket describes a listening socket, or a journal.
type Socket struct {
	Kind  string `json:"kind"`  // transport, as in the configuration
	Proto string `json:"proto"` // "udp", "tcp" or ProtoJournal
	Addr  string `json:"addr"`  // address and port
	Slot  int    `json:"slot"`  // worker whose SO_REUSEPORT member it is
}

// Report tells the manager how a component got on. An empty Error means ready
// or, from a one-shot component, done.
type Report struct {
	Error string `json:"error,omitempty"`
	Rules uint64 `json:"rules,omitempty"` // generation that the policy-loader has made
}

// Status is a worker's account of itself.
type Status struct {
	Worker  int    `json:"worker"`
	PID     int    `json:"pid"`
	Version uint64 `json:"version"`
	Rules   uint64 `json:"rules"`
	Canary  bool   `json:"canary,omitempty"`
	Sockets int    `json:"sockets"`
}

// Counted is what a worker has counted since it started.
type Counted struct {
	PID     int             `json:"pid"`
	Metrics json.RawMessage `json:"metrics"` // tree of objects and numbers
}

// CacheClear asks for records to be removed from the cache. An empty Name is
// the whole cache.
type CacheClear struct {
	Name      string `json:"name,omitempty"`       // the name and everything below
	ExactName bool   `json:"exact-name,omitempty"` // only the name itself
	RRType    string `json:"rr-type,omitempty"`    // mnemonic; needs ExactName
	ChunkSize int    `json:"chunk-size,omitempty"` // records removed in a round; 0 = default
}

// CacheCleared is the result of a [CacheClear].
type CacheCleared struct {
	Count      int    `json:"count"`                 // records removed
	Round      int    `json:"round,omitempty"`       // 1 when only a part of the cache was asked for
	ChunkLimit string `json:"chunk_limit,omitempty"` // says that the rest goes on in the background
	NotApex    string `json:"not_apex,omitempty"`    // says that proofs of the zone remain
	Subtree    string `json:"subtree,omitempty"`     // apex of that zone
}

// PolicyQuery asks what the rules would do to a query. Only the name is needed.
type PolicyQuery struct {
	Name     string // domain name
	Type     string // mnemonic; A by default
	Client   string // address of the client; somebody without a view by default
	Protocol string // udp53, tcp53, dot, doh or doq; udp53 by default
}
