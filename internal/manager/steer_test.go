package manager

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A worker goes when its sockets are empty, however long it took to be given time by the machine.
func TestEmptied(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	sockets := []unix.PollFd{{Fd: int32(pair[0]), Events: unix.POLLIN}}
	if !emptied(sockets, time.Now()) {
		t.Error("an empty socket is waited for")
	}
	unix.Write(pair[1], []byte("query"))
	if emptied(sockets, time.Now().Add(30*time.Millisecond)) {
		t.Error("a waiting query is not seen")
	}
	time.AfterFunc(50*time.Millisecond, func() { unix.Read(pair[0], make([]byte, 10)) })
	if !emptied(sockets, time.Now().Add(5*time.Second)) {
		t.Error("it is not seen that the query was taken")
	}
}
