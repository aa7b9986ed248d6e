// Package zone is a small authoritative name server without sockets: it builds
// a zone from zone-file text, signs it, chains it with NSEC or NSEC3, and
// answers queries from it as RFC 1034, 4035, 5155 and 6672 demand.
//
// It exists to be the other side of resolver tests, so it is built on
// github.com/miekg/dns and shares no code with the resolver under test. What a
// test wants broken is broken on purpose after [New] with [Zone.Corrupt],
// [Zone.Unsign], [Zone.Resign] or [Zone.DropDenial].
package zone
