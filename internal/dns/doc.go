// Package dns holds the wire format of DNS: names, a message view over received
// bytes, RRsets as packed wire, and an append-style encoder. It does no I/O.
//
// Conventions every user relies on:
//
//   - A [Name] is its uncompressed wire form. Inside the resolver names are lower
//     case; only the question of a client keeps the case it came with.
//   - A [Message] is a view over the bytes given to Parse. Header counts are
//     compared with the length before anything is built.
//   - An [RRset] holds uncompressed RDATA packed in one byte slice, ready to be
//     stored and to be copied into an answer.
//
// Sources: RFC 1035, 2181, 3597, 4034, 6891, 8914.
package dns
