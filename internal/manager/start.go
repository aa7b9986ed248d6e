package manager

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"knot-resolver/internal/control"
)

// coldStart brings up the version of the configuration files. Nothing runs yet,
// so nothing has to be undone when it fails.
func (m *Manager) coldStart(ctx context.Context) error {
	began := time.Now()
	os.RemoveAll(filepath.Join(m.Rundir, RulesName)) // generations of a system that was killed
	next, err := m.load(1)
	if err != nil {
		return err
	}
	if m.cacheDir, err = m.claimCache(next.Config.Cache.Storage); err != nil {
		return err
	}
	if err := m.openDoor(next.Config.Management); err != nil {
		return err
	}
	if err := m.compile(ctx, &next.Version); err != nil {
		return err
	}
	if err := m.tryOut(ctx, next.Version, worker(next.Config.Workers)); err != nil {
		return err
	}
	sockets, _, err := m.openSockets(&next.Config)
	if err != nil {
		return err
	}
	m.sockets = sockets
	if err := m.startWorkers(ctx, next.Version, sockets, 0, next.Config.Workers); err != nil {
		return err
	}
	if err := m.startCollector(ctx, next.Version); err != nil {
		return err
	}
	if err := m.startTransfers(ctx, next.Version); err != nil {
		return err
	}
	m.use(next)
	m.history.clear()
	m.history.add(next, "start")
	m.Log.Info("everything started", "workers", next.Config.Workers, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// startCollector starts cache-gc when it is configured.
func (m *Manager) startCollector(ctx context.Context, v control.Version) error {
	if !v.Config.Cache.GC.Enable {
		return nil
	}
	_, err := m.launch(ctx, collector(), control.Assignment{Version: v}, nil)
	return err
}

// restartCollector gives cache-gc a version, or ends it for good. The version is in force whether that
// works or not: nobody is served by the collector, and a dead one is started again and again.
func (m *Manager) restartCollector(ctx context.Context, v control.Version) {
	err := m.halt(ctx, collector())
	if err == nil {
		err = m.startCollector(ctx, v)
	}
	if err != nil {
		m.Log.Error("cache-gc does not start on the new configuration", "reason", err)
	}
}

// survivor is a worker that outlived its manager.
type survivor struct {
	number     int
	conn       *control.Conn
	assignment control.Assignment
	files      []int
}

// rank orders survivors by whose descriptors are kept: workers before a bridge.
func (s survivor) rank() int {
	if s.assignment.Bridge {
		return 1
	}
	return 0
}

// adopt takes over a running system: the version its workers run on, and their
// sockets. What is missing is started, and what does not belong is stopped.
// adopted is false when no worker can be taken over.
func (m *Manager) adopt(ctx context.Context) (adopted bool, err error) {
	processes, err := m.Supervisor.Processes(ctx)
	if err != nil {
		return false, fmt.Errorf("list of processes: %w", err)
	}
	survivors := m.collect(ctx, processes)
	if len(survivors) == 0 {
		return false, m.clear(ctx, processes)
	}
	// A manager that died in the middle of a change leaves workers on two
	// versions. The newer one has passed its canary.
	best := slices.MaxFunc(survivors, func(a, b survivor) int {
		return cmp.Compare(a.assignment.Version.Number, b.assignment.Version.Number)
	})
	v := best.assignment.Version
	live, err := m.parse(v)
	if err != nil {
		return false, fmt.Errorf("configuration of the running workers: %w", err)
	}
	if m.cacheDir, err = m.claimCache(v.Config.Cache.Storage); err != nil {
		m.Log.Warn("running workers share their cache", "reason", err)
	}
	if err := m.openDoor(v.Config.Management); err != nil {
		return false, err
	}
	m.take(survivors, v.Number)
	if err := m.complete(ctx, v, processes); err != nil {
		return false, err
	}
	m.use(live)
	m.history.load()
	if _, known := m.history.find(v.Number); !known { // the manager died in the change
		m.history.add(live, "take-over")
	}
	m.Log.Info("running system taken over", "workers", len(survivors), "version", v.Number)
	m.compareFiles()
	return true, nil
}

// collect asks every running worker for its sockets.
func (m *Manager) collect(ctx context.Context, processes []Process) (survivors []survivor) {
	for _, process := range processes {
		p, ok := postOf(process.Name)
		if !ok || p.role != control.RoleWorker {
			continue
		}
		conn, a, files, err := control.Collect(ctx, m.Rundir, p.worker)
		switch {
		case err != nil:
			m.Log.Warn("worker cannot be taken over", "process", process.Name, "reason", err)
		case a.Canary:
			conn.Close()
			control.CloseAll(files)
		default:
			survivors = append(survivors, survivor{p.worker, conn, a, files})
		}
	}
	return survivors
}

// take records the sockets of the survivors, and the survivors on the version
// as members of the team. The others are about to be replaced.
func (m *Manager) take(survivors []survivor, version uint64) {
	slices.SortStableFunc(survivors, func(a, b survivor) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, s := range survivors {
		m.takeSockets(s)
		if s.assignment.Version.Number == version && !s.assignment.Bridge {
			m.team.adopt(worker(s.number), s.conn, s.assignment, s.files)
		} else {
			s.conn.Close()
		}
	}
}

// takeSockets records the sockets of a survivor. Those of a bridge are mostly known from
// the workers that they are lent to.
func (m *Manager) takeSockets(s survivor) {
	for i, fd := range s.files {
		taken := s.assignment.Sockets[i]
		list := m.sockets[taken.Slot]
		if slices.ContainsFunc(list, func(have socket) bool { return have.Socket == taken }) {
			control.CloseAll([]int{fd})
			continue
		}
		m.sockets[taken.Slot] = append(list, socket{taken, fd})
	}
}

// complete stops every process that does not belong to the version and starts
// those that are missing.
func (m *Manager) complete(ctx context.Context, v control.Version, processes []Process) error {
	collecting, transferring := false, false
	for _, process := range processes {
		p, ok := postOf(process.Name)
		if !ok {
			continue
		}
		if p.role == control.RoleCacheGC && v.Config.Cache.GC.Enable {
			collecting = true
			m.team.assign(p, control.Assignment{Version: v}, nil)
			continue
		}
		if p == transferrer() && transfers(&v) {
			transferring = true
			m.team.assign(p, control.Assignment{Version: v}, nil)
			continue
		}
		if _, wanted := m.team.assignment(p); !wanted || p.worker >= v.Config.Workers {
			if err := m.halt(ctx, p); err != nil {
				return err
			}
		}
	}
	m.team.welcome()
	if err := m.fill(ctx, v); err != nil {
		return err
	}
	if !transferring {
		if err := m.startTransfers(ctx, v); err != nil {
			return err
		}
	}
	if collecting {
		return nil
	}
	return m.startCollector(ctx, v)
}

// fill starts the workers that are missing.
func (m *Manager) fill(ctx context.Context, v control.Version) error {
	sockets, _, err := m.openSockets(&v.Config)
	if err != nil {
		return err
	}
	m.useSockets(sockets)
	for n := range v.Config.Workers {
		if _, there := m.team.assignment(worker(n)); there {
			continue
		}
		if err := m.startWorkers(ctx, v, sockets, n, n+1); err != nil {
			return err
		}
	}
	return nil
}

// clear stops what an earlier manager left behind.
func (m *Manager) clear(ctx context.Context, processes []Process) error {
	for _, process := range processes {
		if p, ok := postOf(process.Name); ok {
			if err := m.halt(ctx, p); err != nil {
				return err
			}
		}
	}
	m.team.welcome()
	return nil
}
