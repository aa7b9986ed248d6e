package server

import (
	"net"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

// withoutSeats makes every stream of the server be watched as soon as nothing has arrived.
func withoutSeats(srv *Server) { srv.seats.Store(limits.StreamSeats) }

// TestTCPWatched: a stream that is watched answers what comes, be it in halves, and goes on to be watched.
func TestTCPWatched(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{}})
	withoutSeats(srv)
	c := dial(t, "tcp", addr)
	for i := range 20 {
		query := framed(message(i), message(i+100))
		cut := 1 + i*4
		c.Write(query[:cut])
		time.Sleep(2 * time.Millisecond)
		c.Write(query[cut:])
		if first, second := readID(t, c), readID(t, c); first != i || second != i+100 {
			t.Fatalf("answers %d, %d to %d", first, second, i)
		}
	}
	c.(*net.TCPConn).CloseWrite()
	closed(t, c)
	eventually(t, "connection gone", func() bool { return srv.Counters().TCPOpen.Load() == 0 && len(srv.streams.all()) == 0 })
}

// TestTCPLeavesItsSeat: a stream that was served holds its seat for a while, and works on without.
func TestTCPLeavesItsSeat(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{}})
	c := dial(t, "tcp", addr)
	for i := range 2 {
		send(t, c, message(i))
		if got := readID(t, c); got != i {
			t.Fatalf("answer %d", got)
		}
		if n := srv.seats.Load(); n != 1 {
			t.Errorf("%d seats taken by a connection just served", n)
		}
		eventually(t, "it has left its seat", func() bool { return srv.seats.Load() == 0 })
	}
}

// TestTCPWithoutSeats plays what clients do to streams that are watched all the time.
func TestTCPWithoutSeats(t *testing.T) {
	seatless = true
	defer func() { seatless = false }()
	for name, test := range map[string]func(*testing.T){
		"inline": TestTCPInline, "out of order": TestTCPOutOfOrder, "pipeline": TestTCPPipelineBound, "half close": TestTCPHalfClose, "bad length": TestTCPBadLength,
		"slowloris": TestTR01Slowloris, "idle": TestTCPIdle, "no read": TestTR02NoReadFlood, "evicted": TestTCPEvictsTheLongestIdle, "stop": TestTCPShutdownDrains,
		"stop and read": TestTCPShutdownReadsWhatHasArrived, "broken": TestTCPBrokenConnectionCancelsItsQueries, "forgotten": TestTR03EveryConnectionIsForgotten,
	} {
		t.Run(name, test)
	}
}
