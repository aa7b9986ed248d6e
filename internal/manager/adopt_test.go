package manager

import (
	"context"
	"maps"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAdopt(t *testing.T) {
	w := newWorld(t)
	w.configure(2, "")
	m, _ := w.manager()
	before := socketNames(m)
	w.takeEvents()

	// A second manager while the first one is still there sees what a restarted
	// one sees: workers with sockets and version.
	w.orphan()
	w.configure(1, "options: {minimize: false}") // not applied by itself
	second, _ := w.manager()
	if events := w.takeEvents(); len(events) != 0 {
		t.Errorf("events %q, expected none", events)
	}
	if got, want := w.versions(), (map[string]uint64{"kresd:kresd0": 1, "kresd:kresd1": 1}); !maps.Equal(got, want) {
		t.Errorf("versions %v, expected %v", got, want)
	}
	if after := socketNames(second); !slices.Equal(before, after) {
		t.Errorf("sockets %v, expected %v", after, before)
	}
	if got := second.live.Load().Config.Workers; got != 2 {
		t.Errorf("%d workers configured", got)
	}
	if err := second.Reload(context.Background()); err != nil {
		t.Error(err)
	}
	if got, want := w.versions(), (map[string]uint64{"kresd:kresd0": 2}); !maps.Equal(got, want) {
		t.Errorf("versions %v, expected %v", got, want)
	}
}

func socketNames(m *Manager) (names []string) {
	m.begin(context.Background())
	defer m.end()
	for slot, list := range m.sockets {
		for _, s := range list {
			names = append(names, worker(slot).String()+" "+s.Proto+" "+s.Addr)
		}
	}
	slices.Sort(names)
	return names
}

// A manager that died in the middle of a change leaves workers on two versions;
// the newer one has passed its trial.
func TestAdoptHalfDoneChange(t *testing.T) {
	w := newWorld(t)
	w.configure(2, "")
	w.manager()
	w.mu.Lock()
	first := w.alive["kresd:kresd0"]
	w.mu.Unlock()
	first.mu.Lock()
	first.version.Number = 2
	first.mu.Unlock()
	w.takeEvents()

	w.orphan()
	second, _ := w.manager()
	if got, want := w.versions(), (map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2}); !maps.Equal(got, want) {
		t.Errorf("versions %v, expected %v", got, want)
	}
	if number := second.live.Load().Number; number != 2 {
		t.Errorf("version %d is live", number)
	}
}

// A manager that died while a bridge was there takes its sockets over, also those that nobody else
// holds, and ends it.
func TestAdoptWithBridge(t *testing.T) {
	for _, gone := range [][]string{nil, {"kresd:kresd0"}, {"kresd:kresd0", "kresd:kresd1"}} {
		w := newWorld(t)
		w.configure(2, "")
		m, _ := w.manager()
		before := socketNames(m)
		next := m.live.Load().Version
		next.Number = 2
		m.begin(context.Background())
		err := m.bridge(context.Background(), worker(2), next, m.sockets)
		for _, name := range gone {
			p, _ := postOf(name)
			m.team.dismiss(p)
			w.Stop(context.Background(), name)
		}
		m.end()
		if err != nil {
			t.Fatal(err)
		}
		held := inodes(t, m)

		w.orphan()
		second, _ := w.manager()
		if got, want := w.versions(), (map[string]uint64{"kresd:kresd0": 2, "kresd:kresd1": 2}); !maps.Equal(got, want) {
			t.Errorf("without %v: versions %v, expected %v", gone, got, want)
		}
		if after := socketNames(second); !slices.Equal(before, after) {
			t.Errorf("without %v: sockets %v, expected %v", gone, after, before)
		}
		second.begin(context.Background())
		for slot, list := range second.sockets {
			for _, s := range list {
				if !slices.Contains(held, inode(t, s.fd)) {
					t.Errorf("without %v: slot %d has another socket than before", gone, slot)
				}
			}
		}
		second.end()
	}
}

// inodes lists the sockets that a manager owns by their inodes.
func inodes(t *testing.T, m *Manager) (list []uint64) {
	t.Helper()
	m.begin(context.Background())
	defer m.end()
	for _, sockets := range m.sockets {
		for _, s := range sockets {
			list = append(list, inode(t, s.fd))
		}
	}
	return list
}

func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}
