package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"knot-resolver/internal/testnet"
)

const defaultPort = 5353

// Files and directories of a stage.
const (
	configName = "config.yaml"
	hintsName  = "root.hints"
	anchorName = "root.keys"
	socketName = "run/api.sock"
	logName    = "log"
)

// stage is everything that the steps work with.
type stage struct {
	out   io.Writer
	dir   string // temporary; holds all files
	bin   string // where the programs are
	addr  netip.AddrPort
	world *testnet.World
	tree  *tree // from the first step on
}

// newStage starts the miniature internet and prepares the resolver's files.
func newStage(out io.Writer) (*stage, error) {
	s := &stage{out: out}
	var err error
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.addr, err = freeAddress(cmp.Or(os.Getenv("DEMO_PORT"), strconv.Itoa(defaultPort))); err != nil {
		return nil, err
	}
	if s.world, err = testnet.New(); err != nil {
		return nil, err
	}
	if err = s.world.Start(0); err != nil {
		return nil, fmt.Errorf("miniature internet: %w", err)
	}
	if err = s.prepare(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// programs is the directory of this program, which has to hold the others.
func programs() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(self)
	for _, name := range []string{"knot-resolver", "kresctl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("%w: build it with `go build -o %s/ ./cmd/...`", err, dir)
		}
	}
	return dir, nil
}

// freeAddress is the address to serve, which nobody else may use.
func freeAddress(port string) (netip.AddrPort, error) {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return netip.AddrPort{}, fmt.Errorf("DEMO_PORT=%s: not a port number", port)
	}
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(number))
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err == nil {
		udp.Close()
		var tcp *net.TCPListener
		if tcp, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(addr)); err == nil {
			tcp.Close()
		}
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return addr, fmt.Errorf("port %s of %s is in use: choose another one, as in DEMO_PORT=5399 make demo", port, addr.Addr())
	case errors.Is(err, syscall.EACCES):
		return addr, fmt.Errorf("port %s needs privileges: choose one above 1023, as in DEMO_PORT=5399 make demo", port)
	}
	return addr, err
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// prepare makes the directory with the resolver's files.
func (s *stage) prepare() (err error) {
	if s.dir, err = os.MkdirTemp("", "knot-demo-"); err != nil {
		return err
	}
	for _, sub := range []string{"run", "cache"} {
		if err := os.Mkdir(s.path(sub), 0o700); err != nil {
			return err
		}
	}
	return errors.Join(
		s.world.WriteHints(s.path(hintsName)),
		s.world.WriteTrustAnchor(s.path(anchorName)),
		os.WriteFile(s.path(configName), []byte(s.config()), 0o600),
	)
}

// localName is answered from the configuration.
const (
	localName    = "printer.home.arpa."
	localAddress = "192.168.7.9"
)

const workers = 2

// config is the resolver's configuration.
func (s *stage) config() string {
	return fmt.Sprintf(`rundir: run
workers: %d
management:
  unix-socket: %s
network:
  listen:
    - interface: %s@%d
  do-ipv6: false
cache:
  storage: cache
  size-max: 16M
local-data:
  addresses:
    %s: %s
dnssec:
  trust-anchors-files:
    - file: %s
      read-only: true
options:                  # the miniature internet instead of the real one
  root-hints: %s
  query-loopback: true
  upstream-port: %d
`, workers, socketName, s.addr.Addr(), s.addr.Port(), strings.TrimSuffix(localName, "."), localAddress, anchorName, hintsName, s.world.Port())
}

// close ends everything and removes all files.
func (s *stage) close() error {
	var errs []error
	if s.tree != nil {
		errs = append(errs, s.stop())
	}
	errs = append(errs, s.world.Close())
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

func (s *stage) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// block prints text indented, at most so many lines of it.
func (s *stage) block(text string, most int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	rest := len(lines) - most
	if rest > 0 {
		lines = lines[:most]
	}
	for _, line := range lines {
		s.printf("    %s\n", line)
	}
	if rest > 0 {
		s.printf("    … %d more lines\n", rest)
	}
}
