// Package kru counts what many parties use of something in a table of fixed size: those who use much are
// known well, the many who use little are merged into an estimate that is never too low. Counters forget
// exponentially. A table may be a file that several processes map; nobody ever waits for another.
//
// # Layout
//
// A table has a header and an even number of cells of 64 octets, as many in its first half as in its second. A
// cell is one cache line: the tick up to which it has forgotten, and 15 items of a 16-bit id and a 16-bit load.
// A key is a keyed hash: it chooses one cell of each half and the id, so a party has 30 places to be in. One who
// is in none of them takes the place of the smallest load and inherits it (after Metwally, Agrawal and El Abbadi,
// "Efficient computation of frequent and top-k elements in data streams", 2005).
//
// Every word is read and written atomically, so any mixture of readers and writers sees valid items. Any content
// of the cells is a valid one: there is nothing to check but the header.
package kru
