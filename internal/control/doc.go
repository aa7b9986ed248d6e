// Package control is how the manager and the other processes talk.
//
// Two protocols share the directory <rundir>/control, mode 0700:
//
// The descriptor protocol ([Conn]) runs over a stream socket and carries JSON
// frames with open descriptors attached. A component dials sockets.sock, says
// [Hello], receives its [Assignment] with its listening sockets, and says in a
// [Report] when it is ready or why it failed. The connection then stays open
// for the life of both ends: its end tells each about the death of the other
// without any polling. In the other direction each worker serves the same
// frames at kresd<N>.fds, where a restarted manager collects the sockets back.
//
// Requests to a worker are HTTP and JSON at kresd<N>.sock ([Worker],
// [Client]), which also serves net/http/pprof.
//
// A peer is accepted when it is root or the same user.
package control
