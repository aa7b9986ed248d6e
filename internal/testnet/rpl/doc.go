// Package rpl plays scripted scenarios against the resolver: files that hold options, a
// simulated network and a list of steps (queries, expected answers, clock jumps).
//
// There are two dialects, that of Deckard and that of Unbound's testbound, which share their
// look and differ in most of their rules. [Parse] reads both into a [Scenario], [Play] runs one
// in a testing/synctest bubble, whose clock starts at the date of the scenario. The
// resolver is the real one from the packet of a client down to the connections to servers;
// only those are replaced, by pipes whose other end is the script.
//
//	parse*.go, record.go   text to Scenario
//	options*.go            options to a resolver, or the reason why that is impossible
//	message.go, wire.go    messages of the script to octets and back
//	match.go, compare*.go  does a message fit an entry, and if not, why
//	network.go             connections whose other end is the script
//	play*.go, steps*.go    the two orders of events
//
// A scenario passes strictly when everything is as written, and portably when a client gets
// what is written although the resolver took another way: see [Level].
package rpl
