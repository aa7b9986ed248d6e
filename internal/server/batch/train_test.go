package batch

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// clients are sockets that have each sent one datagram to the returned connection.
func clients(t *testing.T, n int) (*Conn, []*net.UDPConn) {
	t.Helper()
	c, first, server := pair(t)
	list := []*net.UDPConn{first}
	for len(list) < n {
		more, err := net.DialUDP("udp4", nil, server.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { more.Close() })
		more.SetDeadline(time.Now().Add(5 * time.Second))
		list = append(list, more)
	}
	for _, client := range list {
		client.Write([]byte{0})
	}
	read(t, c, n)
	return c, list
}

// Answers of all sizes, mixed over clients, arrive whole, in as few messages as their sizes allow.
func TestTrains(t *testing.T) {
	c, list := clients(t, 3)
	sizes := []int{40, 100, limits.UDPTrainDatagram, limits.UDPTrainDatagram + 1}
	var sent [3][][]byte
	for i := range limits.UDPBatch {
		payload := bytes.Repeat([]byte{byte(i)}, sizes[i/3%4])
		sent[i%3] = append(sent[i%3], payload)
		c.out.Add(c.Peer(i%3), payload)
	}
	c.out.form()
	trains := 0
	for _, train := range c.out.trains {
		if train.size <= limits.UDPTrainDatagram {
			trains++
		}
	}
	if want := 3 * 3; trains != want {
		t.Errorf("%d trains of what may be in one, want %d", trains, want)
	}
	if sent, failed, err := c.Flush(); sent != limits.UDPBatch || failed != 0 || err != nil {
		t.Fatalf("Flush = %d, %d, %v", sent, failed, err)
	}
	if c.out.refused != 0 {
		t.Errorf("%d trains refused", c.out.refused)
	}
	for i, client := range list {
		var got [][]byte
		for range sent[i] {
			buf := make([]byte, 2000)
			n, err := client.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:n])
		}
		slices.SortFunc(got, bytes.Compare)
		slices.SortFunc(sent[i], bytes.Compare)
		if !slices.EqualFunc(got, sent[i], bytes.Equal) {
			t.Errorf("client %d got other datagrams", i)
		}
	}
}

// Answers of different sizes to one client leave in pairs, and one after those of a larger size.
func TestTails(t *testing.T) {
	for _, test := range []struct {
		sizes []int
		units int
	}{
		{[]int{50, 40}, 1},
		{[]int{40, 50}, 1},
		{[]int{40, 50, 60}, 2},
		{[]int{40, 50, 60, 70, 80, 90}, 3},
		{[]int{60, 60, 60, 40}, 1},
		{[]int{40, 60, 60, 60, 70}, 2},
		{[]int{60, 60, 40, 40}, 2},
		{[]int{limits.UDPTrainDatagram + 1, 40}, 2},
	} {
		c, list := clients(t, 1)
		for i, size := range test.sizes {
			c.Reply(0, bytes.Repeat([]byte{byte(i)}, size))
		}
		c.out.form()
		units := 0
		for i := range c.out.trains {
			if !c.out.trains[i].tailing {
				units++
			}
		}
		if units != test.units {
			t.Errorf("%v: %d messages, want %d", test.sizes, units, test.units)
		}
		if sent, failed, err := c.Flush(); sent != len(test.sizes) || failed != 0 || err != nil || c.out.refused != 0 {
			t.Fatalf("%v: Flush = %d, %d, %v; %d refused", test.sizes, sent, failed, err, c.out.refused)
		}
		left := slices.Clone(test.sizes)
		for range test.sizes {
			buf := make([]byte, 2000)
			n, err := list[0].Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			if k := int(buf[0]); left[k] != n || !bytes.Equal(buf[:n], bytes.Repeat(buf[:1], n)) {
				t.Errorf("%v: %d octets % x", test.sizes, n, buf[:n])
			} else {
				left[k] = 0
			}
		}
	}
}

// A train is never longer than a packet.
func TestTrainFitsPacket(t *testing.T) {
	c, list := clients(t, 1)
	payload := make([]byte, limits.UDPTrainDatagram)
	for range limits.UDPBatch {
		c.Reply(0, payload)
	}
	if sent, failed, err := c.Flush(); sent != limits.UDPBatch || failed != 0 || err != nil || c.out.refused != 0 {
		t.Fatalf("Flush = %d, %d, %v; %d refused", sent, failed, err, c.out.refused)
	}
	for range limits.UDPBatch {
		if n, err := list[0].Read(make([]byte, 2000)); n != len(payload) || err != nil {
			t.Fatal(n, err)
		}
	}
}

// Where the kernel takes no trains every datagram still leaves, and soon none is tried.
func TestTrainsRefused(t *testing.T) {
	c, list := clients(t, 2)
	fd := -1
	c.raw.Control(func(x uintptr) { fd = int(x) })
	// Without a checksum there is nothing to compute for each part: EIO or EINVAL.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
		t.Fatal(err)
	}
	for round := range limits.UDPTrainRefusals + 2 {
		for i := range 12 {
			c.Reply(i%2, fmt.Appendf(nil, "%02d", i))
		}
		if sent, failed, err := c.Flush(); sent != 12 || failed != 0 || err != nil {
			t.Fatalf("Flush = %d, %d, %v", sent, failed, err)
		}
		for i := range 12 {
			buf := make([]byte, 8)
			if n, err := list[i%2].Read(buf); err != nil || string(buf[:n]) != fmt.Sprintf("%02d", i) {
				t.Fatalf("datagram %d: %q %v", i, buf[:n], err)
			}
		}
		if round == 0 && c.out.refused != 2 {
			t.Fatalf("%d refused, want 2: the test does not test", c.out.refused)
		}
	}
	if !c.out.apart() || c.out.refused > limits.UDPTrainRefusals+1 {
		t.Errorf("%d refused", c.out.refused)
	}
}

// A train to a client that cannot be reached takes none of the others with it.
func TestTrainFailsAlone(t *testing.T) {
	c, list := clients(t, 3)
	c.Peer(1).name[2], c.Peer(1).name[3] = 0, 0 // port 0
	for i := range 12 {
		c.Reply(i%3, []byte{byte(i)})
	}
	if sent, failed, err := c.Flush(); sent != 8 || failed != 4 || err != nil {
		t.Errorf("Flush = %d, %d, %v, want 8 sent and 4 failed", sent, failed, err)
	}
	for i := range 12 {
		buf := make([]byte, 8)
		if n, err := list[i%3].Read(buf); i%3 != 1 && (n != 1 || buf[0] != byte(i) || err != nil) {
			t.Errorf("datagram %d: % x %v", i, buf[:n], err)
		}
		if i == 0 {
			list[1].SetDeadline(time.Now()) // nothing comes
		}
	}
}

func TestFlushDoesNotAllocate(t *testing.T) {
	c, list := clients(t, 2)
	payload := make([]byte, 60)
	buf := make([]byte, 100)
	n := testing.AllocsPerRun(100, func() {
		for i := range 8 {
			c.Reply(i%2, payload[:50+i%3])
		}
		c.Flush()
		for i := range 8 {
			list[i%2].Read(buf)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A train leaves from the address that was asked, on sockets bound to all of them.
func TestTrainLeavesFromAskedAddress(t *testing.T) {
	for network, asked := range map[string]string{"udp4": "127.0.0.2", "udp6": "::1"} {
		server, err := net.ListenUDP(network, &net.UDPAddr{})
		if err != nil {
			t.Skip(err)
		}
		defer server.Close()
		raw, err := server.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			if network == "udp4" {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
			} else {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		c := New(raw, new(Area))
		client, err := net.DialUDP(network, nil, &net.UDPAddr{IP: net.ParseIP(asked), Port: server.LocalAddr().(*net.UDPAddr).Port})
		if err != nil {
			t.Skip(err)
		}
		defer client.Close()
		client.SetDeadline(time.Now().Add(5 * time.Second))
		client.Write([]byte{1})
		read(t, c, 1)
		for i := range 5 {
			c.Reply(0, []byte{byte(i)})
		}
		if sent, failed, err := c.Flush(); sent != 5 || failed != 0 || err != nil || c.out.refused != 0 {
			t.Fatalf("%s: Flush = %d, %d, %v; %d refused", network, sent, failed, err, c.out.refused)
		}
		for i := range 5 {
			buf := make([]byte, 8)
			if n, err := client.Read(buf); n != 1 || buf[0] != byte(i) || err != nil {
				t.Errorf("%s: datagram %d: % x %v", network, i, buf[:n], err)
			}
		}
	}
}
