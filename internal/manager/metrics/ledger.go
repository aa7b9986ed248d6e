// Package metrics adds up the counters of workers over their deaths, and shows
// them to Prometheus.
package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// Values are the numbers of one worker by their names, parts joined by dots:
// "answer.total".
type Values map[string]float64

// Parse flattens a tree of JSON objects; what is no number is left out.
func Parse(tree []byte) (Values, error) {
	var root map[string]any
	if err := json.Unmarshal(tree, &root); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	v := Values{}
	v.flatten("", root)
	return v, nil
}

func (v Values) flatten(prefix string, node map[string]any) {
	for key, value := range node {
		switch value := value.(type) {
		case float64:
			v[prefix+key] = value
		case map[string]any:
			v.flatten(prefix+key+".", value)
		}
	}
}

// Tree is the inverse of [Parse].
func (v Values) Tree() map[string]any {
	root := map[string]any{}
	for name, value := range v {
		node := root
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			next, ok := node[part].(map[string]any)
			if !ok {
				next = map[string]any{}
				node[part] = next
			}
			node = next
		}
		node[parts[len(parts)-1]] = value
	}
	return root
}

// isGauge tells the values that go up and down from those that only grow.
func isGauge(name string) bool {
	switch name {
	case "cache.entries", "cache.used_bytes", "cache.size_bytes", "cache.suspended", "trust.unsaved", "server.tcp_open", "server.resolving", "server.hung", "gc.usage_ratio", "gc.limit_category",
		"predict.epoch", "predict.queue", "predict.learned":
		return true
	}
	return strings.HasPrefix(name, "rpz.") && (strings.HasSuffix(name, ".rules") || strings.HasSuffix(name, ".bad"))
}

// account is what is known of one worker.
type account struct {
	PID  int    `json:"pid"`  // of the process that Last is from
	Base Values `json:"base"` // counters of its dead predecessors
	Last Values `json:"last"`
}

// Ledger adds up the counters of workers. A file keeps what the dead have
// counted for the next manager.
type Ledger struct {
	file string

	mu       sync.Mutex
	accounts map[string]*account
	unsaved  bool
}

// Open reads the ledger that an earlier manager has left in a file; without one
// it is empty. An error is about that file, the ledger can be used nevertheless.
func Open(file string) (*Ledger, error) {
	l := &Ledger{file: file, accounts: map[string]*account{}}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l.accounts)
	}
	if err != nil {
		l.accounts = map[string]*account{}
		return l, fmt.Errorf("metrics: %s: %w", file, err)
	}
	return l, nil
}

// Record notes what the process pid in the role of a worker has counted so far,
// and returns that with the counters of its predecessors. An error is about the
// file.
func (l *Ledger) Record(worker string, pid int, v Values) (total Values, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(worker)
	another := a.PID != 0 && a.PID != pid
	if another {
		a.bury()
	}
	first := a.PID != pid
	a.PID, a.Last = pid, v
	if first {
		err = l.save()
	}
	return a.total(), err
}

// Add gives a worker what another process has counted in its place. An error is about
// the file.
func (l *Ledger) Add(worker string, v Values) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.account(worker).add(v)
	return l.save()
}

// Note counts an event in the life of a worker, such as "worker.deaths". An error is
// about the file.
func (l *Ledger) Note(worker, event string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.account(worker).Base[event]++
	return l.save()
}

// account returns that of a worker, a new one when there is none; the caller holds the mutex.
func (l *Ledger) account(worker string) *account {
	if l.accounts[worker] == nil {
		l.accounts[worker] = &account{Base: Values{}}
	}
	return l.accounts[worker]
}

// bury adds what a process has counted to that of its predecessors.
func (a *account) bury() {
	a.add(a.Last)
	a.Last = nil
}

// add counts what somebody has counted who will count no more.
func (a *account) add(v Values) {
	for name, value := range v {
		if !isGauge(name) {
			a.Base[name] += value
		}
	}
}

func (a *account) total() Values {
	sum := Values{}
	for name, value := range a.Base {
		sum[name] = value
	}
	for name, value := range a.Last {
		sum[name] += value
	}
	return sum
}

// Unsaved says whether the file could not be written when it was last tried.
func (l *Ledger) Unsaved() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unsaved
}

// save writes the file; the caller holds the mutex.
func (l *Ledger) save() error {
	err := l.write()
	l.unsaved = err != nil
	return err
}

func (l *Ledger) write() error {
	text, err := json.Marshal(l.accounts)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if err := os.WriteFile(l.file+".new", text, 0o600); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if err := os.Rename(l.file+".new", l.file); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}
