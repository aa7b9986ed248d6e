// Package cache is what the resolver knows: answers, denials, failures and zone cuts,
// as self-contained entries over an ordered [Store] that several processes may share.
//
// An entry is position-independent: a fixed header (version, kind, rank, time, checksum)
// and a body of RRsets in wire form. A reader trusts no length it has not checked; an
// entry that is damaged or of another version is a miss. [Replaces] decides which of two
// entries for one key stays, by [Rank].
package cache
