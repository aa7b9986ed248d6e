// Package testnet is an embedded miniature internet: a signed root, top-level
// domains, and zones below them of every kind a resolver has to cope with, many
// of them broken on purpose. It is made in memory when it is asked for; keys
// are derived from names, so trust anchor and key tags are always the same,
// while signatures are made for the current time.
//
//	world, err := testnet.New()
//	err = world.Start(0)             // on loopback, any free port
//	defer world.Close()
//	... world.Port(), world.RootHints(), world.TrustAnchor() ...
//
// or, in a testing/synctest bubble,
//
//	network := world.Memory(1)       // has DialUDP and DialTCP
//
// Every feature of the world is one line of the table [Names]: a name to ask
// for and what a validating resolver must answer.
//
// # Map
//
//	.            signed, NSEC              127.77.0.1, .2   also root-servers.net, arpa
//	se.          signed, NSEC              127.77.1.1, .2   separate KSK and ZSK
//	cz.          signed, NSEC3             127.77.2.1
//	com. net.    signed, NSEC3 opt-out     127.77.3.1
//	zz.          unsigned                  127.77.4.1
//	in-addr.arpa signed, NSEC              127.77.5.1
//
// Zones below are on servers of their own, 127.77.16.1 and up. Addresses of hosts
// in answers are from 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24; an
// answer of 192.0.2.66 comes from the server of an attacker.
//
// The answering itself is package zone, the network in memory package memnet.
package testnet
