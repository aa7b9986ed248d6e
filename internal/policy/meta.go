package policy

import (
	"encoding/json"

	"knot-resolver/internal/dns"
)

// Meta is what concerns a rule set as a whole.
type Meta struct {
	Tags    []string // names by number
	Views   []View   // in the order of the configuration
	Lists   []List   // response policy zones in the order of the configuration: list n is Lists[n-1]
	Origins []Origin // by number
}

// Origin is where rules come from.
type Origin struct {
	Text string // for people
	Tags Tags   // of the clients that the rules are for; none: all
	List int    // number of the list; 0 is local data
	// Special rules, for names of special use, give way to lists that have a rule for the same name.
	Special bool `json:",omitempty"`
	// Hint rules give names their addresses, and these their names, which makes nobody an authority for them.
	Hint bool        `json:",omitempty"`
	EDE  dns.EDECode // goes with denials; dns.NoEDE for none
}

// List is a response policy zone.
type List struct {
	Name   string // for people and statistics, unique
	DryRun bool   // count and log, do nothing
	LogIP  bool   // log each hit with the client's address
	LogQ   bool   // log each hit with the name asked
	Rules  int    // how many it has
	Bad    int    // records that were skipped

	// Response says that rules look at addresses in answers, Servers at the servers of zones.
	Response, Servers bool
}

// AppendMeta appends the value of a Meta.
func AppendMeta(dst []byte, m *Meta) []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("BUG: " + err.Error()) // a prefix that was not checked
	}
	return append(dst, text...)
}

func parseMeta(value []byte) (m Meta, ok bool) {
	if json.Unmarshal(value, &m) != nil {
		return m, false
	}
	for _, o := range m.Origins {
		if o.List < 0 || o.List > len(m.Lists) {
			return m, false
		}
	}
	return m, true
}
