// Command soak loads a real resolver at a steady rate and samples the memory of its processes: what grows shows.
//
//	go run ./test/soak [-rate 4000] [-for 10m] [-every 5s] [-csv soak.csv] bin/knot-resolver
//
// Servers, client and resolver are on loopback. A sample is a line of CSV for each process: seconds since the load began, role and
// pid, Rss and Pss in KiB, goroutines where the process tells them, and what was asked and answered so far. At the end the
// means of the first and the last third are compared.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	rate := flag.Int("rate", 4000, "queries a second")
	length := flag.Duration("for", 10*time.Minute, "how long")
	every := flag.Duration("every", 5*time.Second, "between two samples")
	file := flag.String("csv", "", "file for the samples; the standard output if empty")
	port := flag.Int("port", 22053, "of the resolver on 127.0.0.1")
	flag.Parse()
	if flag.NArg() != 1 || *rate <= 0 || *every <= 0 {
		log.Fatal("usage: soak [flags] PROGRAM")
	}
	out := io.Writer(os.Stdout)
	if *file != "" {
		f, err := os.Create(*file)
		if err != nil {
			log.Fatal("soak: ", err)
		}
		defer f.Close()
		out = f
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *length)
	defer cancel()
	if err := run(ctx, flag.Arg(0), *port, *rate, *every, out); err != nil {
		log.Fatal("soak: ", err)
	}
}

func run(ctx context.Context, program string, port, rate int, every time.Duration, out io.Writer) error {
	s, err := launch(program, port)
	if err != nil {
		return err
	}
	defer s.stop()
	l, err := newLoad(s.addr, rate)
	if err != nil {
		return err
	}
	defer l.close()
	go l.run(ctx)
	fmt.Fprintln(out, "seconds,role,pid,rss_kib,pss_kib,goroutines,asked,answered")
	var history history
	begin := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintf(os.Stderr, "%d asked, %d answered\n%s", l.asked.Load(), l.answered.Load(), history.report())
			return nil
		case <-tick.C:
		}
		for _, p := range s.sample() {
			fmt.Fprintf(out, "%.0f,%s,%d,%d,%d,%s,%d,%d\n", time.Since(begin).Seconds(), p.role, p.pid, p.rss, p.pss, p.goroutines, l.asked.Load(), l.answered.Load())
			history.add(p)
		}
	}
}
