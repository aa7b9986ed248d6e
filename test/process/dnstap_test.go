package process

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	miekg "github.com/miekg/dns"
	"google.golang.org/protobuf/proto"
)

// A receiver that comes later, and again after it had gone, hears of queries and answers.
func TestDnstap(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	socket := s.path("dnstap.sock")
	s.must("config", "set", "-p", "/logging/dnstap", fmt.Sprintf(`{"enable": true, "unix-socket": %q, "log-queries": true, "log-responses": true, "log-tcp-rtt": true}`, socket))
	s.waitLog("dnstap receiver is away")
	for round := range 2 {
		frames, stop := tapReceiver(t, socket)
		s.waitLog("dnstap receiver is there")
		s.serves(port)
		deadline := time.After(patience)
		for _, want := range []string{"CLIENT_QUERY UDP", "CLIENT_RESPONSE UDP", "CLIENT_QUERY TCP", "CLIENT_RESPONSE TCP"} {
			select {
			case d := <-frames:
				m := d.GetMessage()
				if got := fmt.Sprint(m.GetType(), " ", m.GetSocketProtocol()); got != want {
					t.Errorf("round %d: %s, expected %s", round, got, want)
				}
				var q miekg.Msg
				if err := q.Unpack(slices.Concat(m.GetQueryMessage(), m.GetResponseMessage())); err != nil || q.Question[0].Name != "localhost." {
					t.Errorf("round %d: %v, %v", round, q, err)
				}
				if rtt := len(d.GetExtra()) > 0; rtt != (want == "CLIENT_QUERY TCP") {
					t.Errorf("round %d: %s: extra %q", round, want, d.GetExtra())
				}
			case <-deadline:
				t.Fatalf("round %d: no %s", round, want)
			}
		}
		stop()
	}
	s.must("stop")
	s.waitExit()
}

// tapReceiver passes on what one sender says on the socket, until stop is called.
func tapReceiver(t *testing.T, socket string) (frames <-chan *dnstap.Dnstap, stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan *dnstap.Dnstap, 100)
	ended := make(chan struct{})
	conns := make(chan net.Conn, 1)
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		conns <- conn
		r, err := framestream.NewReader(conn, &framestream.ReaderOptions{ContentTypes: [][]byte{dnstap.FSContentType}, Bidirectional: true})
		if err != nil {
			return
		}
		for b := make([]byte, 70000); ; {
			n, err := r.ReadFrame(b)
			if err != nil {
				return
			}
			d := new(dnstap.Dnstap)
			if err := proto.Unmarshal(b[:n], d); err != nil {
				t.Error(err)
			}
			received <- d
		}
	}()
	return received, func() {
		l.Close()
		(<-conns).Close()
		<-ended
	}
}
