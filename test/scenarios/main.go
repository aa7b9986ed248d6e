// Command scenarios plays scripted scenarios against the resolver and prints one line for
// each: pass, FAIL with the step and what differs, or not applicable with the reason.
//
//	go run ./test/scenarios [--explain] [-v] [--rounds N] [--dialect deckard|unbound] DIR|FILE...
//
// The dialect is that of the option, else that of the folder's name, if it is deckard or unbound, else
// what the text looks like. The exit code is 0 if exactly those scenarios fail that known.txt lists.
//
// Playing needs testing/synctest, whose bubbles exist inside of a test only: the program
// is a test that it runs itself.
package main

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

func main() {
	flags := flag.NewFlagSet("scenarios", flag.ExitOnError)
	var o options
	flags.BoolVar(&o.explain, "explain", false, "print the traffic and the resolution trace of failures")
	flags.BoolVar(&o.verbose, "v", false, "say why a scenario did not pass strictly")
	flags.IntVar(&o.rounds, "rounds", 1, "times each scenario is played, with other random choices of the resolver")
	flags.StringVar(&o.dialect, "dialect", "", "dialect of all scenarios, deckard or unbound; by default that of the folder's name or of the text")
	flags.StringVar(&o.known, "known", "test/scenarios/known.txt", "list of known failures")
	_ = flags.Parse(os.Args[1:]) // ExitOnError
	if o.paths = flags.Args(); len(o.paths) == 0 {
		flags.Usage()
		os.Exit(2)
	}
	os.Args = os.Args[:1] // the rest is nothing for the flags of package testing
	everything := func(pattern, name string) (bool, error) { return true, nil }
	testing.Main(everything, []testing.InternalTest{{Name: "scenarios", F: func(t *testing.T) {
		ok, err := o.run(t, os.Stdout)
		if err != nil {
			fmt.Fprintln(os.Stderr, "scenarios:", err)
		}
		if err != nil || !ok {
			os.Exit(1)
		}
		os.Exit(0)
	}}}, nil, nil)
}
