package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"knot-resolver/internal/testnet/rpl"
)

// options of the program.
type options struct {
	explain, verbose bool
	dialect, known   string
	rounds           int // times each scenario is played: servers are chosen at random
	paths            []string
}

// played is a scenario with its result.
type played struct {
	name, file string
	rpl.Result
	took time.Duration
}

// run plays everything and reports it. ok says that the failures are exactly the known ones.
func (o options) run(t *testing.T, w io.Writer) (ok bool, err error) {
	known, err := readKnown(o.known)
	if err != nil {
		return false, err
	}
	files, err := o.files()
	if err != nil {
		return false, err
	}
	began := time.Now()
	var tally tally
	for _, p := range o.play(t, files) {
		tally.add(&p, known)
		o.print(w, &p, known)
	}
	tally.print(w, time.Since(began))
	return tally.unexpected == 0, nil
}

// play plays the files on all processors and returns the results in their order.
func (o options) play(t *testing.T, files []string) []played {
	results := make([]played, len(files))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				results[i] = o.one(t, files[i])
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}

func (o options) one(t *testing.T, file string) played {
	p := played{name: strings.TrimSuffix(filepath.Base(file), ".rpl"), file: file}
	text, err := os.ReadFile(file)
	if err != nil {
		p.Result = rpl.Result{Verdict: rpl.Failed, Reasons: []string{err.Error()}}
		return p
	}
	s, err := rpl.Parse(file, string(text), o.dialectOf(file, string(text)))
	if err != nil {
		p.Result = rpl.Result{Verdict: rpl.Failed, Reasons: []string{err.Error()}}
		return p
	}
	began := time.Now()
	for range max(1, o.rounds) {
		if p.Result = rpl.Play(t, s, rpl.Options{Explain: o.explain}); p.Verdict != rpl.Passed {
			break
		}
	}
	p.took = time.Since(began)
	return p
}

// files expands folders to the scenarios in them.
func (o options) files() (files []string, err error) {
	for _, path := range o.paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "*.rpl"))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no scenario in %s", path)
		}
		files = append(files, found...)
	}
	return files, nil
}

// dialectOf goes by what the user said, then by the folder, then by the text.
func (o options) dialectOf(file, text string) rpl.Dialect {
	for _, name := range []string{o.dialect, filepath.Base(filepath.Dir(file))} {
		switch name {
		case "unbound":
			return rpl.Unbound
		case "deckard":
			return rpl.Deckard
		}
	}
	return rpl.DialectOf(text)
}
