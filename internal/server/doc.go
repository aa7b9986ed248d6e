// Package server moves DNS messages between sockets and a [Handler]: bytes in, bytes out, never
// policy.
//
// A UDP socket has one goroutine. It reads a batch of datagrams, offers each to [Handler.Inline],
// and sends the answers as one batch; nothing on that path allocates or waits. What Inline cannot
// answer is copied and given to [Handler.Resolve] on a goroutine of its own.
//
// A TCP connection has one goroutine that reads queries (RFC 1035 4.2.2, RFC 7766) and treats
// them the same way. Answers leave in the order they become ready. A connection that has too many
// outstanding queries, or does not read its answers, is not read from.
//
// Sockets are opened by [Listen] and served after [FromFile], usually in different processes: the
// one that opens them keeps them open while the ones that serve them come and go, so datagrams
// and connections that arrive in between wait in the kernel. Datagrams that a process had taken when
// it was killed are answered by the next, if the socket has a journal ([Socket.Keep]).
package server
