package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"time"

	miekg "github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// attack sends queries whose answers nobody reads.
type attack struct {
	name   string
	times  int // of what the resolver can work on
	source func() [4]byte
	query  func() string
}

func attacks() []attack {
	evil := func() string { return fresh("evil") }
	return []attack{
		{"few networks, 10 x", 10, neighbours, evil},
		{"few, cached, 10 x", 10, neighbours, func() string { return hot }},
		{"forged, 2 x", 2, anywhere, evil},
		{"forged, 5 x", 5, anywhere, evil},
		{"forged, 10 x", 10, anywhere, evil},
	}
}

func neighbours() [4]byte { return [4]byte{127, 18, byte(rand.IntN(2)), byte(1 + rand.IntN(4))} }

func anywhere() [4]byte {
	return [4]byte{127, byte(rand.IntN(256)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))}
}

// run sends so many queries a second, or as many as it can, until ctx ends.
func (a attack) run(ctx context.Context, perSecond int) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadBuffer(1) // answers are dropped by the kernel
	target := &net.UDPAddr{IP: net.ParseIP(address), Port: port}
	sent, start := 0, time.Now()
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		for due := int(time.Since(start).Seconds() * float64(perSecond)); sent < due && ctx.Err() == nil; sent++ {
			raw, err := new(miekg.Msg).SetQuestion(a.query(), miekg.TypeA).Pack()
			if err != nil {
				log.Fatal(err)
			}
			if _, _, err := conn.WriteMsgUDP(raw, from(a.source()), target); err != nil && sent == 0 {
				log.Fatal(err)
			}
		}
	}
	fmt.Printf("%-20s %d queries a second sent\n", a.name, int(float64(sent)/time.Since(start).Seconds()))
}

// from is the control message that sets the source address of a datagram.
func from(ip [4]byte) []byte {
	const header, info = unix.SizeofCmsghdr, unix.SizeofInet4Pktinfo
	b := make([]byte, unix.CmsgSpace(info))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(info)))
	binary.NativeEndian.PutUint32(b[8:], unix.IPPROTO_IP)
	binary.NativeEndian.PutUint32(b[12:], unix.IP_PKTINFO)
	copy(b[header+4:], ip[:]) // spec_dst
	return b
}
