package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"knot-resolver/internal/dns"
)

// window is how many queries the client has on their way: they come in batches, as they do under load.
const window = 64

func question(id uint16, i int) []byte {
	e := dns.NewEncoder(nil, 512)
	e.Header(id, dns.FlagRD)
	e.Question(dns.Question{Name: name(i), Type: dns.TypeA, Class: dns.ClassIN})
	return e.Bytes()
}

// client asks for n names at random.
func client(addr string, n int) error {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer := make([]byte, 4096)
	for sent := 0; sent < udpRun; sent += window {
		for i := range min(window, udpRun-sent) {
			if _, err := conn.Write(question(uint16(i), rand.IntN(n))); err != nil {
				return err
			}
		}
		conn.SetReadDeadline(time.Now().Add(time.Second))
		for range min(window, udpRun-sent) {
			size, err := conn.Read(answer)
			if err != nil {
				return err
			}
			if size < 12 || answer[7] != 1 { // ANCOUNT
				return fmt.Errorf("an answer without an address: %x", answer[:size])
			}
		}
	}
	return nil
}
