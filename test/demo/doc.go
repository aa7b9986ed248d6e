// Demo shows the whole system at work without a network and without
// privileges: it brings up a miniature internet on loopback addresses (package
// testnet) and the real process tree on 127.0.0.1 port 5353, and leads through
// what they do, step by step, checking every result. Then everything stays up
// for own experiments until Ctrl-C.
//
// The programs knot-resolver and kresctl have to be beside this one. The
// environment has two switches: DEMO_PORT is another port, and TOUR=once ends
// after the tour, with a status other than 0 when a result was not as expected.
package main
