package process

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// peer is another implementation's server in a directory of its own.
type peer struct {
	t    *testing.T
	dir  string
	addr string // of its own on loopback
	port int    // where the address is not enough
	cmd  *exec.Cmd
	out  bytes.Buffer
}

// newPeer prepares to run a program, or skips the test where it is not installed.
func newPeer(t *testing.T, program string) *peer {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	dir, err := os.MkdirTemp("", "kr-peer")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, dir: dir, addr: fmt.Sprintf("127.%d.%d.%d", 1+mathrand.IntN(250), mathrand.IntN(250), 1+mathrand.IntN(250))}
	t.Cleanup(func() {
		p.stop(syscall.SIGKILL)
		os.RemoveAll(dir)
	})
	return p
}

// write puts a file into its directory and returns the path.
func (p *peer) write(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// run starts the program and waits until its TCP port is open.
func (p *peer) run(port int, program string, args ...string) {
	p.t.Helper()
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir = p.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", net.JoinHostPort(p.addr, strconv.Itoa(port)))
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			p.stop(syscall.SIGKILL)
			p.t.Fatalf("%s does not listen: %v\n%s", program, err, &p.out)
		}
	}
}

// freePort is a port of 127.0.0.1 that nobody uses, neither over UDP nor over TCP, and that the kernel gives to nobody who does not ask
// for it.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10000 + mathrand.IntN(20000)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		udp.Close()
		if tcp, err := net.Listen("tcp", address); err == nil {
			tcp.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func (p *peer) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// stop ends the program, if it runs.
func (p *peer) stop(s syscall.Signal) {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	p.cmd.Process.Signal(s)
	p.cmd.Wait()
	p.cmd = nil
}

// output runs a program to its end in the directory.
func (p *peer) output(program string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = p.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// Ports of Unbound.
const (
	unboundPort    = 5353
	unboundTLSPort = 8853
)

// unbound starts an Unbound that passes on to a resolver all but the names of the data given, and speaks TLS with the certificate given.
func unbound(t *testing.T, to, certificate string, data ...string) *peer {
	t.Helper()
	p := newPeer(t, "unbound")
	cert := p.write("server.pem", certificate)
	var local string
	for _, record := range data {
		local += fmt.Sprintf("  local-data: %q\n", record)
	}
	conf := p.write("unbound.conf", fmt.Sprintf(`
server:
  directory: "%[1]s"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  interface: %[2]s@%[3]d
  interface: %[2]s@%[4]d
  tls-port: %[4]d
  tls-service-pem: "%[5]s"
  tls-service-key: "%[5]s"
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "iterator"
  do-ip6: no
%[7]s
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: %[6]s
`, p.dir, p.addr, unboundPort, unboundTLSPort, cert, to, local))
	p.run(unboundTLSPort, "unbound", "-d", "-p", "-c", conf)
	return p
}

// privateCA signs certificates for one test.
type privateCA struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(t *testing.T) *privateCA {
	ca := &privateCA{t: t}
	_, ca.cert, ca.key = ca.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true}, time.Hour)
	return ca
}

// sign makes a certificate with a life from an hour ago to the given time from now, in PEM with its key.
func (ca *privateCA) sign(c *x509.Certificate, life time.Duration) (string, *x509.Certificate, *ecdsa.PrivateKey) {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(mathrand.Int64())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(life)
	parent, signer := ca.cert, ca.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		ca.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		ca.t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	return text, cert, key
}

// server makes the certificate of a server, with its pin.
func (ca *privateCA) server(name string, life time.Duration) (text, pin string) {
	text, cert, _ := ca.sign(&x509.Certificate{DNSNames: []string{name}}, life)
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return text, base64.StdEncoding.EncodeToString(digest[:])
}

// file writes the CA's certificate.
func (ca *privateCA) file(path string) {
	ca.t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		ca.t.Fatal(err)
	}
}

// reason is the text of the first extended error of an answer.
func reason(m *miekg.Msg) string {
	for _, o := range m.IsEdns0().Option {
		if e, ok := o.(*miekg.EDNS0_EDE); ok {
			return e.ExtraText
		}
	}
	return ""
}
