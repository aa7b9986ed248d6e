package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// SIGPIPE is among them: the end of a pager is no reason to leave anything behind.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	err := demo(ctx, os.Getenv("TOUR") == "once")
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo is the whole performance. Whatever happens, nothing is left of it.
func demo(ctx context.Context, once bool) (err error) {
	s, err := newStage(os.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	err = s.tour(ctx, steps())
	if !once && ctx.Err() == nil && s.tree.running() {
		err = errors.Join(err, s.stay(ctx))
	}
	return err
}
