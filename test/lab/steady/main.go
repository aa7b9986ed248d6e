// Steady asks a server for cached names over UDP at a fixed rate, whatever it answers, and says how long answers take: the
// latency of a server that has time left, which a load that waits for answers cannot show.
//
// Each latency counts from the time the query was due, so a stall of the server is seen by all queries that were due in it.
// The queries are messages with two octets of length before each, as in the lab.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	l := load{}
	address := flag.String("address", "127.0.0.1", "IPv4 address of the server")
	port := flag.Int("port", 53, "port of the server")
	file := flag.String("queries", "", "file of queries")
	flag.IntVar(&l.rate, "rate", 100000, "queries per second")
	flag.DurationVar(&l.time, "time", 5*time.Second, "how long")
	sockets := flag.Int("sockets", 16, "source ports")
	flag.Parse()
	var err error
	if l.queries, err = messages(*file); err == nil {
		err = l.open(*address, *port, *sockets)
	}
	if err == nil {
		err = l.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "steady:", err)
		os.Exit(1)
	}
	fmt.Println(l.report())
}

// messages splits a file of queries.
func messages(name string) (list [][]byte, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for len(data) >= 2 {
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n || n > packetSize {
			return nil, errors.New(name + ": cut short")
		}
		list = append(list, data[2:2+n])
		data = data[2+n:]
	}
	if len(list) == 0 {
		return nil, errors.New(name + ": no queries")
	}
	return list, nil
}

// load is a run and what came of it. Times are in nanoseconds since its start.
type load struct {
	queries [][]byte
	rate    int
	time    time.Duration
	sockets []*socket

	sent, answered int
	latencies      []int64
	gap, last      int64 // the longest time without an answer; when the last one came
}

// socket has the due times of its queries by their IDs.
type socket struct {
	fd  int
	due [1 << 16]int64 // 0 = none
	id  uint16
}

func (l *load) open(address string, port, n int) error {
	to := unix.SockaddrInet4{Port: port}
	if _, err := fmt.Sscanf(address, "%d.%d.%d.%d", &to.Addr[0], &to.Addr[1], &to.Addr[2], &to.Addr[3]); err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
		if err == nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // smaller works, too
			err = unix.Connect(fd, &to)
		}
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		l.sockets = append(l.sockets, &socket{fd: fd})
	}
	return nil
}

// run sends until the time is over and waits half a second more for answers.
func (l *load) run() error {
	out, in := newPackets(), newPackets()
	start := time.Now()
	interval := float64(time.Second) / float64(l.rate)
	for turn := 0; ; turn++ {
		now := int64(time.Since(start))
		if now > int64(l.time+500*time.Millisecond) {
			return nil
		}
		s := l.sockets[turn%len(l.sockets)]
		if due := int(float64(min(now, int64(l.time))) / interval); due > l.sent {
			if err := l.ask(out, s, min(due-l.sent, batchSize), interval); err != nil {
				return err
			}
		}
		for _, s := range l.sockets {
			n, err := in.receive(s.fd)
			if err != nil {
				return err
			}
			l.take(in, s, n, int64(time.Since(start)))
		}
	}
}

func (l *load) ask(out *packets, s *socket, n int, interval float64) error {
	for i := range n {
		q := l.queries[(l.sent+i)%len(l.queries)]
		copy(out.buffers[i][:], q)
		binary.BigEndian.PutUint16(out.buffers[i][:], s.id+uint16(i))
		out.vecs[i].SetLen(len(q))
	}
	n, err := out.send(s.fd, n)
	for range n {
		s.due[s.id] = int64(float64(l.sent)*interval) + 1
		s.id++
		l.sent++
	}
	return err
}

func (l *load) take(in *packets, s *socket, n int, now int64) {
	for i := range n {
		id := binary.BigEndian.Uint16(in.buffers[i][:])
		if in.headers[i].len < 12 || s.due[id] == 0 {
			continue
		}
		l.latencies = append(l.latencies, now-s.due[id])
		s.due[id] = 0
		l.answered++
	}
	if n > 0 {
		if l.last > 0 {
			l.gap = max(l.gap, now-l.last)
		}
		l.last = now
	}
}

func (l *load) report() string {
	if l.answered == 0 {
		return "no answers"
	}
	slices.Sort(l.latencies)
	at := func(q float64) time.Duration {
		return time.Duration(l.latencies[int(q*float64(len(l.latencies)-1))]).Round(time.Microsecond)
	}
	return fmt.Sprintf("%d q/s sent, %.3f %% lost, p50 %v, p99 %v, p99.9 %v, worst %v, longest gap between answers %v",
		int(float64(l.sent)/l.time.Seconds()), 100*float64(l.sent-l.answered)/float64(l.sent), at(0.5), at(0.99), at(0.999), at(1),
		time.Duration(l.gap).Round(time.Microsecond))
}
