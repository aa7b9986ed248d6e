// Package trust follows the keys of zones that are trust anchors while they are rolled (RFC 5011).
//
// [Zone] is what is known about the keys of one zone. [Look] checks a DNSKEY set with the keys trusted so far, and
// [Zone.Step] is the state machine: a pure function of the old state, what was seen, and the time. [Parse] and
// [Zone.Text] are the form in which a Zone is kept in a file. [Keeper] does the input and output: among the workers that
// share a file the one that has its lock asks for the keys and writes the file, the others read it again.
package trust
