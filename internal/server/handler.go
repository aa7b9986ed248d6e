package server

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"
)

// Transport is how a message travelled between the client and us.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	DoT
	DoH
	DoQ
)

// String returns the usual name of the transport, in lower case.
func (t Transport) String() string {
	switch t {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	case DoT:
		return "dot"
	case DoH:
		return "doh"
	case DoQ:
		return "doq"
	}
	return "unknown"
}

// Datagram reports whether answers are limited by the size of a datagram and the client address
// may be forged.
func (t Transport) Datagram() bool { return t == UDP }

// Request is one message from a client. It is valid only during the call it is passed to.
type Request struct {
	Raw       []byte         // the message as received, without the framing of the transport
	Client    netip.AddrPort // who asked; an IPv4-mapped address is given as IPv4
	Local     netip.AddrPort // the address that was asked
	Transport Transport

	// Keepalive is shared by the requests of a connection: the client wants to know how long it may be idle (RFC 7828). It is
	// set by the handler in Inline; nil where there is no connection.
	Keepalive *atomic.Bool

	// RTT returns the round-trip time to the client as the kernel has measured it; nil where it does not.
	RTT func() (rtt time.Duration, ok bool)
}

// Handler answers requests. Both methods are called from many goroutines at once.
//
// They append the answer to dst, which is empty but has capacity, and return the result. An empty
// answer means: say nothing. Neither dst nor req may be kept after returning.
type Handler interface {
	// Inline answers without ever blocking. With done false the answer is ignored and a private
	// copy of the request is handed to Resolve.
	Inline(dst []byte, req *Request) (answer []byte, done bool)

	// Resolve answers and may block. It runs on a goroutine of its own. The context ends when the
	// answer has nowhere to go any more: the client's connection broke, or the server stopped.
	Resolve(ctx context.Context, dst []byte, req *Request) []byte
}
