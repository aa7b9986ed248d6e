// Package memnet is a network in memory that carries DNS queries to servers
// made of Go code. It has delay and loss, opens no sockets, and every wait in
// it is on a channel or timer, so that inside a testing/synctest bubble time
// passes by itself.
//
// A [Net] must be made inside the bubble that uses it.
package memnet
