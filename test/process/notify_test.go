package process

import (
	"net"
	"strings"
	"testing"
	"time"
)

// What systemd hears of the real processes, from the start to the end, and that it hears nothing good of workers that do
// not answer.
func TestNotify(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := prepare(t, options{})
		socket := s.path("notify.sock")
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		expect := func(state string) {
			t.Helper()
			conn.SetReadDeadline(time.Now().Add(patience))
			b := make([]byte, 4096)
			for {
				n, err := conn.Read(b)
				if err != nil {
					t.Fatalf("no %s: %v", state, err)
				}
				got := string(b[:n])
				if strings.HasPrefix(got, state) {
					return
				}
				if got != "WATCHDOG=1" {
					t.Errorf("%q before %s", got, state)
				}
			}
		}
		s.env = []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=200000"}
		s.launch(kind)
		expect("READY=1\nSTATUS=1 workers serve version 1")
		s.serves(port)
		expect("WATCHDOG=1")
		s.must("config", "set", "-p", "/local-data", `{"addresses": {"a.example": "192.0.2.1"}}`)
		expect("RELOADING=1\nMONOTONIC_USEC=")
		expect("READY=1\nSTATUS=1 workers serve version 2")
		s.kill(s.only("manager"))
		expect("READY=1\nSTATUS=1 workers serve version 2") // said by the next one
		expect("WATCHDOG=1")
		s.must("stop")
		expect("STOPPING=1")
		s.waitExit()
	})
}
