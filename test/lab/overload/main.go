// Command overload attacks a real resolver with ten times as many queries as it can work on, and shows what
// well-behaved clients get meanwhile. Everything is on loopback: servers, attackers, whose addresses are anywhere in
// 127.0.0.0/8, and clients.
//
//	go run ./test/lab/overload bin/knot-resolver [YAML to add to the configuration]
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"knot-resolver/internal/testnet"
)

const (
	address = "127.0.0.1"
	port    = 24053
	phase   = 10 * time.Second
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: overload PROGRAM [YAML]")
	}
	extra := ""
	if len(os.Args) > 2 {
		extra = os.Args[2]
	}
	if err := run(os.Args[1], extra); err != nil {
		log.Fatal(err)
	}
}

func run(program, extra string) error {
	world, err := testnet.New()
	if err != nil {
		return err
	}
	if err := world.Start(0); err != nil {
		return err
	}
	defer world.Close()
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop, err := launch(program, dir, world, extra)
	if err != nil {
		return err
	}
	defer stop()

	capacity := measure(3 * time.Second)
	fmt.Printf("capacity: %d misses a second\n", capacity)
	play("nobody else", nil)
	for _, a := range attacks() {
		play(a.name, func(ctx context.Context) { a.run(ctx, a.times*capacity) })
		time.Sleep(5 * time.Second)
		play("five seconds after", nil)
	}
	return nil
}

// launch starts the resolver and waits until it answers.
func launch(program, dir string, world *testnet.World, extra string) (stop func(), err error) {
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := world.WriteHints(path("hints")); err != nil {
		return nil, err
	}
	if err := world.WriteTrustAnchor(path("anchor")); err != nil {
		return nil, err
	}
	for _, d := range []string{"run", "cache"} {
		if err := os.Mkdir(path(d), 0o700); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf(`
rundir: run
workers: 1
management: {unix-socket: run/api.sock}
cache: {storage: cache}
network: {do-ipv6: false, listen: [{interface: %s, port: %d}]}
options: {root-hints: %s, query-loopback: true, upstream-port: %d}
dnssec: {trust-anchors-files: [{file: %s, read-only: true}]}
%s
`, address, port, path("hints"), world.Port(), path("anchor"), extra)
	if err := os.WriteFile(path("config.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-c", path("config.yaml"))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}
	for range 100 {
		if m, _ := exchange("127.0.0.9", hot); m != nil {
			return stop, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("no answer from the resolver")
}

// play has well-behaved clients ask during an attack and prints what they got.
func play(what string, attack func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), phase)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if attack != nil {
			attack(ctx)
		}
	}()
	cached, missed := clients(ctx)
	<-ended
	fmt.Printf("%-20s cached %v; others %v\n", what, cached, missed)
}
