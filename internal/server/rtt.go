package server

import (
	"time"

	"golang.org/x/sys/unix"
)

// rtt is the smoothed round-trip time of the connection.
func (st *stream) rtt() (rtt time.Duration, ok bool) {
	raw, err := st.conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			rtt, ok = time.Duration(info.Rtt)*time.Microsecond, true
		}
	})
	return rtt, ok && err == nil
}
