package batch

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// pair returns the batch view of a loopback socket and a client connected to it.
func pair(t *testing.T) (*Conn, *net.UDPConn, *net.UDPConn) {
	t.Helper()
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	client, err := net.DialUDP("udp4", nil, server.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(5 * time.Second))
	raw, err := server.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return New(raw, new(Area)), client, server
}

// read collects exactly n datagrams in one batch: they are in the socket's queue already.
func read(t *testing.T, c *Conn, n int) {
	t.Helper()
	got, err := c.Read()
	if err != nil || got != n {
		t.Fatalf("Read = %d, %v, want %d", got, err, n)
	}
}

func TestReadReplyFlush(t *testing.T) {
	c, client, _ := pair(t)
	for round := range 3 {
		for i := range 4 {
			client.Write([]byte{byte(round), byte(i)})
		}
		read(t, c, 4)
		for i := range 4 {
			d, whole := c.Datagram(i)
			if !whole || len(d) != 2 || d[0] != byte(round) || d[1] != byte(i) {
				t.Fatalf("datagram %d: % x %v", i, d, whole)
			}
			if got := c.Client(i); got != client.LocalAddr().(*net.UDPAddr).AddrPort() {
				t.Fatalf("client %v", got)
			}
			c.Reply(i, d)
		}
		if sent, failed, err := c.Flush(); sent != 4 || failed != 0 || err != nil {
			t.Fatalf("Flush = %d, %d, %v", sent, failed, err)
		}
		for i := range 4 {
			buf := make([]byte, 8)
			if n, err := client.Read(buf); n != 2 || buf[1] != byte(i) {
				t.Fatalf("answer %d: % x %v", i, buf[:n], err)
			}
		}
	}
	if sent, failed, err := c.Flush(); sent != 0 || failed != 0 || err != nil {
		t.Errorf("nothing to flush: %d, %d, %v", sent, failed, err)
	}
}

func TestLengths(t *testing.T) {
	c, client, _ := pair(t)
	for _, n := range []int{0, limits.QueryBytes, limits.QueryBytes + 1} {
		client.Write(make([]byte, n))
	}
	read(t, c, 3)
	for i, want := range []int{0, limits.QueryBytes, limits.QueryBytes} {
		if d, whole := c.Datagram(i); len(d) != want || whole != (i < 2) {
			t.Errorf("datagram %d: %d bytes, whole %v", i, len(d), whole)
		}
	}
}

// A datagram the kernel refuses does not keep the others of the batch.
func TestFlushSkipsWhatFails(t *testing.T) {
	c, client, _ := pair(t)
	for range 4 {
		client.Write([]byte{1})
	}
	read(t, c, 4)
	for i := range 4 {
		if i%2 == 0 {
			c.Peer(i).name[2], c.Peer(i).name[3] = 0, 0 // port 0
		}
		c.Reply(i, []byte{2})
	}
	if sent, failed, err := c.Flush(); sent != 2 || failed != 2 || err != nil {
		t.Errorf("Flush = %d, %d, %v, want 2 sent and 2 failed", sent, failed, err)
	}
	if sent, failed, err := c.Flush(); sent != 0 || failed != 0 || err != nil {
		t.Errorf("Flush of nothing = %d, %d, %v", sent, failed, err)
	}
}

func TestClosedSocket(t *testing.T) {
	c, _, server := pair(t)
	time.AfterFunc(20*time.Millisecond, func() { server.Close() })
	if _, err := c.Read(); err == nil {
		t.Error("Read of a closed socket succeeded")
	}
}

func TestPeer(t *testing.T) {
	control := func(level, kind int32, data ...byte) []byte {
		b := make([]byte, unix.CmsgSpace(len(data)))
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data)))) // struct cmsghdr, 64-bit
		binary.NativeEndian.PutUint32(b[8:], uint32(level))
		binary.NativeEndian.PutUint32(b[12:], uint32(kind))
		copy(b[unix.CmsgLen(0):], data)
		return b
	}
	v6 := netip.MustParseAddr("fd00::1").As16()
	linkLocal := netip.MustParseAddr("fe80::1").As16()
	for name, c := range map[string]struct {
		control []byte
		local   string
		index   byte // the interface number that is left
		at      int  // where it is
	}{
		"IPv4":       {control(unix.IPPROTO_IP, unix.IP_PKTINFO, 7, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255), "192.0.2.1", 0, 0},
		"IPv6":       {control(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, append(v6[:], 7, 0, 0, 0)...), "fd00::1", 0, 16},
		"link-local": {control(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, append(linkLocal[:], 7, 0, 0, 0)...), "fe80::1", 7, 16},
		"cut short":  {control(unix.IPPROTO_IP, unix.IP_PKTINFO, 7, 0, 0, 0), "invalid IP", 7, 0},
		"other kind": {control(unix.SOL_SOCKET, unix.SCM_TIMESTAMP, 7, 0, 0, 0), "invalid IP", 7, 0},
		"none":       {nil, "invalid IP", 0, 0},
	} {
		var p Peer
		copy(p.control[:], c.control)
		p.received(0, len(c.control))
		if got := p.Local().String(); got != c.local {
			t.Errorf("%s: local %s, want %s", name, got, c.local)
		}
		if got := p.control[unix.CmsgLen(0)+c.at]; len(c.control) > 0 && got != c.index {
			t.Errorf("%s: interface %d, want %d", name, got, c.index)
		}
		if p.Client().IsValid() {
			t.Errorf("%s: client %v out of nothing", name, p.Client())
		}
	}
}

// What has been received stays in the area until the next Read, unless it is forgotten.
func TestLeft(t *testing.T) {
	area := new(Area)
	_, client, server := pair(t)
	raw, err := server.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	c := New(raw, area)
	for _, n := range []int{3, 0, limits.QueryBytes + 1, 2} {
		client.Write(make([]byte, n))
	}
	read(t, c, 4)
	if age := time.Since(area.Taken()); age < 0 || age > time.Minute {
		t.Errorf("taken %v ago", age)
	}
	c.Forget(3)
	for i, want := range []int{3, 0, 0, 0, 0} {
		d, from, ok := area.Left(i)
		if len(d) != want || ok != (want > 0) {
			t.Errorf("datagram %d: %d bytes, %v", i, len(d), ok)
		}
		if peer := from.Peer(); ok && peer.Client() != client.LocalAddr().(*net.UDPAddr).AddrPort() {
			t.Errorf("datagram %d is from %v", i, peer.Client())
		}
	}
	client.Write([]byte{1, 2, 3, 4})
	read(t, c, 1)
	if d, _, _ := area.Left(0); len(d) != 4 {
		t.Errorf("% x left of the next batch", d)
	}
	server.SetReadDeadline(time.Unix(1, 0))
	c.Read()
	if _, _, ok := area.Left(0); ok || !area.Taken().IsZero() {
		t.Error("the finished batch is left")
	}
}

// Whatever is in the memory, what is said to be left is within it, and an address that cannot be is nobody's.
func TestLeftOfDamage(t *testing.T) {
	area := new(Area)
	area.in[0].len = limits.QueryBytes + 1
	area.in[1].len = 1<<32 - 1
	area.in[2].len, area.in[2].msg.Namelen = 5, 1<<32-1
	area.in[2].msg.SetControllen(1 << 40)
	for i := range area.origins[2].control {
		area.origins[2].control[i] = 0xff
	}
	for i, want := range []bool{false, false, true} {
		if _, _, ok := area.Left(i); ok != want {
			t.Errorf("datagram %d: %v", i, ok)
		}
	}
	raw, from, _ := area.Left(2)
	if peer := from.Peer(); len(raw) != 5 || peer.Client().IsValid() || peer.Local().IsValid() {
		t.Errorf("%x from %v", raw, peer)
	}
}
