package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Why an exchange brought no answer; see [Error].
var (
	// ErrTimeout: nothing usable came in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrUnreachable: the network or the host said that nobody is there.
	ErrUnreachable = errors.New("unreachable")
	// ErrNoRoute: this host has no way to that address family or network; nothing was sent.
	ErrNoRoute = errors.New("no route")
	// ErrMalformed: what came is no DNS message or not one that fits.
	ErrMalformed = errors.New("malformed answer")
	// ErrTruncated: truncated even over TCP.
	ErrTruncated = errors.New("truncated over TCP")
	// ErrHandshake: the connection was there, but TLS did not come about.
	ErrHandshake = errors.New("TLS handshake failed")
	// ErrUntrusted: the server did not prove over TLS that it is the one to ask.
	ErrUntrusted = errors.New("not the server it should be")
	// ErrClosed: the server closed the connection without an answer.
	ErrClosed = errors.New("connection closed without an answer")
	// ErrBusy: a bound on connections was reached here; nothing was sent.
	ErrBusy = errors.New("too many connections")
	// ErrForbidden: no server can have that address; nothing was sent.
	ErrForbidden = errors.New("not an address to ask")
	// ErrCanceled: the caller's context ended first. It says nothing about the server.
	ErrCanceled = errors.New("given up")
	// ErrShutdown: the client was closed.
	ErrShutdown = errors.New("client closed")
)

// Error is the error of an exchange with a server. errors.Is finds Kind and Cause.
type Error struct {
	Server    netip.AddrPort
	Transport Transport
	Kind      error // one of the Err… values
	Cause     error // more detail, may be nil
	// After says why TCP was tried, if UDP was asked for.
	After Degraded
	// NearMisses is the number of packets that came but did not match.
	NearMisses int
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v over %v", e.Server, e.Transport)
	if e.After != NotDegraded {
		fmt.Fprintf(&b, " after UDP (%v)", e.After)
	}
	fmt.Fprintf(&b, ": %v", e.Kind)
	if e.Cause != nil {
		fmt.Fprintf(&b, " (%v)", e.cause())
	}
	if e.NearMisses > 0 {
		fmt.Fprintf(&b, ", %d packets did not match", e.NearMisses)
	}
	return b.String()
}

// cause is the cause without the addresses of our socket: the text goes to clients.
func (e *Error) cause() error {
	var op *net.OpError
	if errors.As(e.Cause, &op) {
		return op.Err
	}
	return e.Cause
}

// Unwrap gives errors.Is and errors.As both parts.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}
