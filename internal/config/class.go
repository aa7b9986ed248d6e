package config

import "strings"

// Class is what applying a change costs, a set of the flags below.
type Class uint8

const classInherit Class = 0

// The change classes.
const (
	None      Class = 1 << iota // nothing has to be done
	Policy                      // the policy-loader runs, workers reload their rules
	Worker                      // workers are replaced, one after the other
	Manager                     // the manager changes something in itself
	Collector                   // cache-gc is started anew
	Restart                     // refused at runtime: the whole service has to be restarted
	Live                        // workers take it over while they run
)

// Has reports whether any flag of f is set in c.
func (c Class) Has(f Class) bool { return c&f != 0 }

// String lists the flags: "worker+manager".
func (c Class) String() string {
	var names []string
	for i, name := range []string{"none", "policy", "worker", "manager", "collector", "restart", "live"} {
		if c.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}
