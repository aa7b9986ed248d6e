package manager

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"knot-resolver/internal/config"
)

func TestColdStart(t *testing.T) {
	w := newWorld(t)
	w.configure(2, "")
	_, stop := w.manager()
	events := w.takeEvents()
	slices.Sort(events[3:5]) // the workers start together
	want := []string{
		"start policy-loader", "start kresd:kresd2", "stop kresd:kresd2",
		"start kresd:kresd0", "start kresd:kresd1", "start cache-gc",
	}
	if !slices.Equal(events, want) {
		t.Errorf("events %q, expected %q", events, want)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(w.rundir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// Every way in which a change can end: what the manager has done, and on which
// version the workers are then.
func TestReload(t *testing.T) {
	const option, policy = "options: {minimize: false}", "local-data: {addresses: {a.example: 192.0.2.1}}"
	never := func(string, uint64, string) error { return nil }
	failing := func(process, step string) func(string, uint64, string) error {
		return func(p string, version uint64, s string) error {
			if p == process && s == step && version == 2 {
				return errors.New("scripted failure")
			}
			return nil
		}
	}
	old := map[string]uint64{"kresd:kresd0": 1, "kresd:kresd1": 1}
	tests := []struct {
		name    string
		workers int
		more    string
		fails   func(string, uint64, string) error
		events  []string
		after   map[string]uint64
		err     string // part of it; empty for success
	}{
		{"nothing", 2, "", never, []string{"update kresd:kresd0 to 2", "update kresd:kresd1 to 2"}, map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2}, ""},
		{"policy", 2, policy, never, []string{"start policy-loader", "update kresd:kresd0 to 2", "update kresd:kresd1 to 2"}, map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2}, ""},
		{"workers", 2, option, never, []string{
			"start kresd:kresd2", "stop kresd:kresd2", // canary
			"start kresd:kresd2", // bridge
			"stop kresd:kresd0", "start kresd:kresd0", "stop kresd:kresd1", "start kresd:kresd1",
			"stop kresd:kresd2",
		}, map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2}, ""},
		{"fewer", 1, "", never, []string{
			"start kresd:kresd2", "stop kresd:kresd2", "start kresd:kresd2",
			"stop kresd:kresd0", "start kresd:kresd0", "stop kresd:kresd1", "stop kresd:kresd2",
		}, map[string]uint64{"kresd:kresd0": 2}, ""},
		{"more", 3, "", never, []string{
			"start kresd:kresd3", "stop kresd:kresd3", "start kresd:kresd3",
			"stop kresd:kresd0", "start kresd:kresd0", "stop kresd:kresd1", "start kresd:kresd1", "start kresd:kresd2",
			"stop kresd:kresd3",
		}, map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2, "kresd:kresd2": 2}, ""},

		{"wrong file", 2, "optoins: {}", never, nil, old, "optoins"},
		{"restart", 2, "rundir: ./", never, nil, old, "/rundir"},
		{"collector", 2, "cache: {storage: ., garbage-collector: {threshold: 50}}", never, []string{
			"update kresd:kresd0 to 2", "update kresd:kresd1 to 2", "stop cache-gc", "start cache-gc",
		}, map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2}, ""},
		{"no collector", 2, "cache: {storage: ., garbage-collector: {enable: false}}", never, []string{
			"update kresd:kresd0 to 2", "update kresd:kresd1 to 2", "stop cache-gc",
		}, map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2}, ""},
		{"loader fails", 2, policy, failing("policy-loader", "start"), []string{"start policy-loader"}, old, "policy-loader: scripted"},
		{"canary does not start", 2, option, failing("kresd:kresd2", "start"), []string{"start kresd:kresd2", "stop kresd:kresd2"}, old, "canary: kresd:kresd2: scripted"},
		{"canary fails its test", 2, option, failing("kresd:kresd2", "selftest"), []string{"start kresd:kresd2", "stop kresd:kresd2"}, old, "canary: scripted"},
		{"socket", 2, "network: {listen: [{interface: 127.0.0.2, port: 1}]}", never, []string{"start kresd:kresd2", "stop kresd:kresd2"}, old, "port 1 is taken"},
		{"second worker fails (MG-09)", 2, option, failing("kresd:kresd1", "start"), []string{
			"start kresd:kresd2", "stop kresd:kresd2", "start kresd:kresd2",
			"stop kresd:kresd0", "start kresd:kresd0", "stop kresd:kresd1", "start kresd:kresd1",
			"stop kresd:kresd0", "start kresd:kresd0", "stop kresd:kresd1", "start kresd:kresd1", // back
			"stop kresd:kresd2",
		}, old, "kresd:kresd1: scripted"},
		{"update fails", 2, policy, failing("kresd:kresd1", "update"), []string{
			"start policy-loader", "update kresd:kresd0 to 2", "update kresd:kresd0 to 1", "update kresd:kresd1 to 1",
		}, old, "kresd:kresd1: scripted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fails = test.fails
			w.configure(2, "")
			m, _ := w.manager()
			w.takeEvents()
			w.configure(test.workers, test.more)
			err := m.Reload(context.Background())
			checkError(t, err, test.err)
			events := slices.DeleteFunc(w.takeEvents(), func(e string) bool { return e == "stop policy-loader" })
			if !slices.Equal(events, test.events) {
				t.Errorf("events %q, expected %q", events, test.events)
			}
			if got := w.versions(); !maps.Equal(got, test.after) {
				t.Errorf("versions %v, expected %v", got, test.after)
			}
			if live := m.live.Load(); (live.Number == 2) != (test.err == "") {
				t.Errorf("version %d is live after %v", live.Number, err)
			}
			rules, _ := os.ReadDir(filepath.Join(w.rundir, RulesName))
			if len(rules) != 1 {
				t.Errorf("generations of rules: %v", rules)
			}
		})
	}
}

func checkError(t *testing.T, err error, part string) {
	t.Helper()
	var wrong config.Errors
	var rejected *Rejected
	switch {
	case part == "" && err != nil:
		t.Errorf("failed: %v", err)
	case part == "":
	case err == nil || !strings.Contains(err.Error(), part):
		t.Errorf("error %v, expected one with %q", err, part)
	case !errors.As(err, &wrong) && !errors.As(err, &rejected):
		t.Errorf("error of type %T", err)
	}
}

// A loader that dies before it has said a word does not hold up the change.
func TestLoaderDiesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.configure(1, "")
	m, _ := w.manager()
	w.configure(1, "local-data: {addresses: {a.example: 192.0.2.1}}")
	m.Supervisor = stillborn{w}
	checkError(t, m.Reload(context.Background()), "policy-loader: exited before it was ready")
}

// stillborn is a supervisor whose processes never get to run.
type stillborn struct{ *world }

func (stillborn) Start(context.Context, string) error { return nil }
