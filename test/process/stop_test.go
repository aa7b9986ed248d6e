package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// ending is what a client sees of a connection.
type ending struct {
	asked, answered int
	err             error // with which it ended
}

// converse asks over one connection until it ends: once, or with busy as often as there are answers.
func (g *generator) converse(conn net.Conn, first int, busy bool, asked func()) (e ending) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	answer := make([]byte, 4096)
	for i := first; ; i++ {
		if busy || e.asked == 0 {
			q := g.ask(uint16(i), i)
			if _, e.err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)); e.err != nil {
				return e
			}
			if e.asked++; e.asked == 1 {
				asked()
			}
		}
		if _, e.err = io.ReadFull(conn, answer[:2]); e.err != nil {
			return e
		}
		n := int(binary.BigEndian.Uint16(answer))
		if _, e.err = io.ReadFull(conn, answer[:n]); e.err != nil {
			return e
		}
		if refusal(answer[:n]) == "" {
			e.answered++
		}
	}
}

// FT-11: when everything is stopped, connections end in order and not by a reset: idle ones, those that wait for an answer,
// which they get, and those that ask and ask. Of the last, each may have one question under way.
func TestFT11StopStreams(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		world, o := internet(t)
		o.supervisor = kind
		s := start(t, o)
		s.resolve("known.insecure.se.")
		open := delay(world)
		const each = 20
		var mu sync.Mutex
		var clients, asked sync.WaitGroup
		ends := map[string][]ending{}
		for i := range each {
			for kind, name := range map[string]string{"idle": "localhost.", "busy": "localhost.", "waiting": fmt.Sprintf("q%d.insecure.se.", i)} {
				conn, err := net.Dial("tcp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
				if err != nil {
					t.Fatal(err)
				}
				g := generator{names: func(int) string { return name }}
				asked.Add(1)
				clients.Go(func() {
					e := g.converse(conn, 100*i, kind == "busy", asked.Done)
					mu.Lock()
					defer mu.Unlock()
					ends[kind] = append(ends[kind], e)
				})
			}
		}
		asked.Wait()
		s.eventually("all are in work", func() bool { return s.counted("server", "resolving") == each })
		stopped := make(chan int, 1)
		go func() { _, _, status := s.ctl("stop"); stopped <- status }()
		time.Sleep(200 * time.Millisecond)
		open()
		clients.Wait()
		if status := <-stopped; status != 0 {
			t.Errorf("stop: status %d", status)
		}
		s.waitExit()
		for kind, list := range ends {
			var sum ending
			for _, e := range list {
				sum.asked, sum.answered = sum.asked+e.asked, sum.answered+e.answered
				if !errors.Is(e.err, io.EOF) {
					t.Errorf("%s: a connection ended with %v", kind, e.err)
				}
				if missing := e.asked - e.answered; missing > 1 || missing == 1 && kind != "busy" {
					t.Errorf("%s: %d of %d answered on a connection", kind, e.answered, e.asked)
				}
			}
			t.Logf("%s: %d of %d answered", kind, sum.answered, sum.asked)
		}
	})
}
