package builtin

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"time"

	"knot-resolver/internal/supervisor"
)

// managerName is the program without which the rest is pointless.
const managerName = "manager"

// loop holds all state of the supervisor.
type loop struct {
	conf   *supervisor.Conf // as last read
	path   string
	groups map[string][]*process // in order of their numbers
	pids   map[int]*process
	out    *output
	log    *slog.Logger

	work     chan func()
	done     chan struct{} // closed when the loop has ended
	stopping bool
	exitCode int
}

// post makes the loop run f, unless it has ended.
func (l *loop) post(f func()) {
	select {
	case l.work <- f:
	case <-l.done:
	}
}

// configured returns the program of the last configuration read, nil when there
// is none of that name.
func (l *loop) configured(group string) *supervisor.Program {
	i := slices.IndexFunc(l.conf.Programs, func(p supervisor.Program) bool { return p.Name == group })
	if i < 0 {
		return nil
	}
	return &l.conf.Programs[i]
}

// add takes a program over and starts what is to start by itself.
func (l *loop) add(prog *supervisor.Program) {
	for _, spec := range prog.Processes() {
		l.groups[prog.Name] = append(l.groups[prog.Name], &process{loop: l, spec: spec})
	}
	if !prog.AutoStart {
		return
	}
	for _, p := range l.groups[prog.Name] {
		if !l.stopping { // a manager that cannot start ends everything
			p.start()
		}
	}
}

func (l *loop) addAll() {
	programs := slices.Clone(l.conf.Programs)
	slices.SortStableFunc(programs, func(a, b supervisor.Program) int { return cmp.Compare(a.Priority, b.Priority) })
	for i := range programs {
		l.add(&programs[i])
	}
}

// processes lists all processes by group and name, as text.
func (l *loop) processes() []*process {
	var list []*process
	for _, group := range slices.Sorted(maps.Keys(l.groups)) {
		list = append(list, slices.SortedFunc(slices.Values(l.groups[group]), func(a, b *process) int {
			return cmp.Compare(a.spec.Name, b.spec.Name)
		})...)
	}
	return list
}

// reload reads the configuration file again and reports which groups differ.
func (l *loop) reload() (added, changed, removed []any, err error) {
	conf, err := supervisor.Read(l.path)
	if err != nil {
		return nil, nil, nil, err
	}
	if conf.Dir != l.conf.Dir {
		return nil, nil, nil, fmt.Errorf("run directory changed from %s to %s", l.conf.Dir, conf.Dir)
	}
	l.conf = conf
	added, changed, removed = []any{}, []any{}, []any{}
	for i := range conf.Programs {
		prog := &conf.Programs[i]
		switch active := l.groups[prog.Name]; {
		case active == nil:
			added = append(added, prog.Name)
		case !reflect.DeepEqual(active[0].spec.Program, prog):
			changed = append(changed, prog.Name)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(l.groups)) {
		if l.configured(group) == nil {
			removed = append(removed, group)
		}
	}
	return added, changed, removed, nil
}

// entered is told of every state change.
func (l *loop) entered(p *process) {
	if p.state == supervisor.Fatal && p.fullName() == managerName && !l.stopping {
		l.log.Error("the manager cannot be started, shutting down")
		l.exitCode = 1
		l.shutdown()
		return
	}
	if l.stopping && p.state.Down() {
		l.stopNext()
	}
}

// shutdown begins to stop everything, programs of high priority numbers first.
// What is left when the longest stopwaitsecs is over is killed.
func (l *loop) shutdown() {
	if l.stopping {
		return
	}
	l.stopping = true
	var longest time.Duration
	for _, p := range l.processes() {
		longest = max(longest, p.spec.Program.StopWait())
	}
	time.AfterFunc(longest, func() { l.post(l.killAll) })
	l.stopNext()
}

// stopNext stops the programs of the highest priority number that still run.
func (l *loop) stopNext() {
	alive := l.alive()
	if len(alive) == 0 {
		return
	}
	last := slices.MaxFunc(alive, func(a, b *process) int {
		return cmp.Compare(a.spec.Program.Priority, b.spec.Program.Priority)
	}).spec.Program.Priority
	for _, p := range alive {
		if p.spec.Program.Priority != last || !p.state.Up() {
			continue
		}
		if err := p.terminate(); err != nil {
			l.log.Error("stop", "error", err)
		}
	}
}

func (l *loop) alive() []*process {
	return slices.DeleteFunc(l.processes(), func(p *process) bool { return p.state.Down() })
}

func (l *loop) killAll() {
	for _, p := range l.alive() {
		if p.state == supervisor.Backoff {
			p.enter(supervisor.Stopped)
			continue
		}
		p.enter(supervisor.Stopping)
		p.kill()
	}
}
