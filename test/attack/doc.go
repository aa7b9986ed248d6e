// Package attack holds the attacks that a resolver must survive, as tests named after the ids of the security
// specification: a whole worker in front of a small signed internet in memory, part of which is hostile. Every
// attack is played with 20 seeds, its price is counted with the instruments of the specification (LQ upstream
// queries, V signature checks, H hash blocks and so on), and after it the worker must still serve others.
// The numbers reached are in docs/security.md; `go test -v ./test/attack` prints them.
package attack
