package upstream

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/limits"
)

// authority is a private CA.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true}, time.Hour)
	return a
}

// sign makes a certificate that is valid from an hour ago for the given time from now.
func (a *authority) sign(template *x509.Certificate, life time.Duration) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(life)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// server returns what a server with a certificate for a name shows; its own comes first.
func (a *authority) server(name string, life time.Duration) tls.Certificate {
	cert, key := a.sign(&x509.Certificate{DNSNames: []string{name}}, life)
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key}
}

func pin(t *testing.T, der []byte) []byte {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return digest[:]
}

// overTLS makes a TCP server speak TLS first.
func overTLS(config *tls.Config, serve func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		secured := tls.Server(conn, config)
		if secured.Handshake() == nil {
			serve(secured)
		}
	}
}

func tlsQuery(t *testing.T, o AuthOptions) Query {
	t.Helper()
	auth, err := NewAuth(o)
	if err != nil {
		t.Fatal(err)
	}
	q := theQuery
	q.TLS = auth
	return q
}

// TestAuth shows servers that are the right one and servers that are not. Those get no question, on no transport (FT-41).
func TestAuth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, other := newAuthority(t), newAuthority(t)
		good := ca.server("dns.example", time.Hour)
		impostor := other.server("dns.example", time.Hour)
		impostor.Certificate[1] = good.Certificate[0] // it can show any certificate
		byName := AuthOptions{Hostname: "DNS.example.", CAs: ca.pem()}
		for name, test := range map[string]struct {
			shows tls.Certificate
			want  AuthOptions
			wrong string // part of the reason
		}{
			"name":             {good, byName, ""},
			"pinned key":       {good, AuthOptions{Pins: [][]byte{pin(t, good.Certificate[0])}}, ""},
			"second pin":       {good, AuthOptions{Pins: [][]byte{make([]byte, 32), pin(t, good.Certificate[0])}}, ""},
			"pinned CA":        {good, AuthOptions{Pins: [][]byte{pin(t, ca.cert.Raw)}}, ""},
			"wrong name":       {ca.server("other.example", time.Hour), byName, "its certificate is for other.example, not for dns.example"},
			"expired":          {ca.server("dns.example", -time.Minute), byName, "its certificate expired on 1999-12-31 23:59:00"},
			"unknown CA":       {other.server("dns.example", time.Hour), byName, "no certificate authority that is trusted vouches for its certificate"},
			"wrong pin":        {good, AuthOptions{Pins: [][]byte{make([]byte, 32)}}, "is not pinned"},
			"pin merely shown": {impostor, AuthOptions{Pins: [][]byte{pin(t, good.Certificate[0])}}, "is not pinned"},
			"CA merely appended": {func() tls.Certificate {
				c := other.server("dns.example", time.Hour)
				c.Certificate[1] = ca.cert.Raw
				return c
			}(), AuthOptions{Pins: [][]byte{pin(t, ca.cert.Raw)}}, "is not pinned"},
		} {
			var questions atomic.Int32
			n := &scripted{tcp: overTLS(&tls.Config{Certificates: []tls.Certificate{test.shows}}, eachQuery(func(conn net.Conn, query []byte) {
				questions.Add(1)
				trulyTCP(conn, query)
			}))}
			c := New(n, Options{})
			r, _, err := ask(c, tlsQuery(t, test.want))
			switch {
			case test.wrong == "":
				wantTrue(t, r, err)
				if r.Transport != TLS {
					t.Errorf("%s: answered over %v", name, r.Transport)
				}
			case !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), test.wrong):
				t.Errorf("%s: %v", name, err)
			case questions.Load() > 0:
				t.Errorf("%s: the wrong server got the question", name)
			}
			if n.udpSent.Load() > 0 {
				t.Errorf("%s: something went out in the clear", name)
			}
			c.Close()
		}
	})
}

// TestAuthNeedsProof: without a name or pins anybody would do.
func TestAuthNeedsProof(t *testing.T) {
	for _, o := range []AuthOptions{{}, {Hostname: "."}, {Hostname: "dns.example", CAs: []byte("none")}} {
		if _, err := NewAuth(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// TestSP13Authentication: a connection is shared by those who want the same proof, and by nobody else.
func TestSP13Authentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		shows := ca.server("dns.example", time.Hour)
		n := &scripted{tcp: overTLS(&tls.Config{Certificates: []tls.Certificate{shows}}, eachQuery(trulyTCP))}
		c := New(n, Options{})
		defer c.Close()
		byName := AuthOptions{Hostname: "dns.example", CAs: ca.pem()}
		for _, test := range []struct {
			want     AuthOptions
			connects int32 // so far
		}{
			{byName, 1},
			{byName, 1},
			{AuthOptions{Pins: [][]byte{pin(t, shows.Certificate[0])}}, 2},
			{AuthOptions{Pins: [][]byte{pin(t, shows.Certificate[0])}}, 2},
			{AuthOptions{Pins: [][]byte{pin(t, ca.cert.Raw)}}, 3},
			{byName, 3},
		} {
			r, _, err := ask(c, tlsQuery(t, test.want))
			wantTrue(t, r, err)
			if got := n.tcpSeen.Load(); got != test.connects {
				t.Errorf("%v: %d connections, want %d", test.want, got, test.connects)
			}
		}
		if _, _, err := ask(c, tlsQuery(t, AuthOptions{Hostname: "other.example", CAs: ca.pem()})); !errors.Is(err, ErrUntrusted) {
			t.Errorf("asked for another name on a connection to dns.example: %v", err)
		}
	})
}

// TestTLSResumes: after an idle connection was closed the next one takes up its session.
func TestTLSResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		config := &tls.Config{Certificates: []tls.Certificate{ca.server("dns.example", time.Hour)}}
		var resumed []bool
		n := &scripted{tcp: overTLS(config, eachQuery(func(conn net.Conn, query []byte) {
			resumed = append(resumed, conn.(*tls.Conn).ConnectionState().DidResume)
			trulyTCP(conn, query)
		}))}
		c := asker(t, n)
		q := tlsQuery(t, AuthOptions{Hostname: "dns.example", CAs: ca.pem()})
		for range 2 {
			r, _, err := ask(c, q)
			wantTrue(t, r, err)
			time.Sleep(limits.StreamInactive + time.Second)
		}
		if len(resumed) != 2 || resumed[0] || !resumed[1] {
			t.Errorf("resumed: %v", resumed)
		}
	})
}

// TestTLSStalls: a server that accepts and says nothing is given up.
func TestTLSStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		c := asker(t, &scripted{tcp: func(conn net.Conn) { io.Copy(io.Discard, conn) }})
		begin := time.Now()
		_, _, err := ask(c, tlsQuery(t, AuthOptions{Hostname: "dns.example", CAs: ca.pem()}))
		if took := time.Since(begin); !errors.Is(err, ErrTimeout) || took != limits.StreamHandshake {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestTLSRepeats: when connecting fails too often to be tried again, the reason is still told (AM-12).
func TestTLSRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		n := &scripted{tcp: overTLS(&tls.Config{Certificates: []tls.Certificate{ca.server("other.example", time.Hour)}}, func(net.Conn) {})}
		c := asker(t, n)
		q := tlsQuery(t, AuthOptions{Hostname: "dns.example", CAs: ca.pem()})
		for range 2 * limits.StreamConnectRate {
			if _, _, err := ask(c, q); !errors.Is(err, ErrUntrusted) {
				t.Fatal(err)
			}
		}
		if n := n.tcpSeen.Load(); n != limits.StreamConnectRate {
			t.Errorf("%d connects in a second", n)
		}
	})
}

// TestPadding: all questions over TLS have one of few lengths, and those over TCP no padding.
func TestPadding(t *testing.T) {
	auth := new(Auth)
	for labels := range 60 {
		q := Query{Name: "\x00", EDNS: true, TLS: auth}
		for range labels {
			q.Name = "\x03abc" + q.Name
		}
		raw := q.append(nil, 1)
		if len(raw)%limits.QueryPadding != 0 || len(raw) > maxQuery {
			t.Errorf("%d labels: %d octets", labels, len(raw))
		}
		q.TLS = nil
		if plain := q.append(nil, 1); !bytes.HasPrefix(raw, plain[:len(plain)-2]) || len(plain) > maxQuery-limits.QueryPadding {
			t.Errorf("%d labels: plain %d octets", labels, len(plain))
		}
	}
}
