package builtin

import (
	"errors"
	"strings"

	"knot-resolver/internal/supervisor"
)

// startOrStop runs the methods that may answer later.
func (l *loop) startOrStop(method string, params []any, reply answer) {
	all := strings.HasSuffix(method, "AllProcesses")
	name, wait, err := nameAndWait(params, all)
	if err != nil {
		reply(nil, err)
		return
	}
	do, wanted := l.start, func(p *process) bool { return !p.state.Up() }
	if strings.HasPrefix(method, "stop") {
		do, wanted = l.stop, func(p *process) bool { return p.state.Up() }
	}
	if all {
		each(l.processes(), wanted, do, wait, reply)
		return
	}
	group, rest, _ := strings.Cut(name, ":")
	if whole := strings.Contains(name, ":") && (rest == "" || rest == "*"); whole || strings.HasSuffix(method, "Group") {
		if l.groups[group] == nil {
			reply(nil, supervisor.NewFault(supervisor.BadName, name))
			return
		}
		each(l.groups[group], wanted, do, wait, reply)
		return
	}
	p, err := l.find(name)
	if err != nil {
		reply(nil, err)
		return
	}
	do(p, wait, reply)
}

// nameAndWait reads the parameters (name, wait=true); there is no name when all
// processes are meant.
func nameAndWait(params []any, all bool) (name string, wait bool, err error) {
	wait = true
	if !all {
		if len(params) == 0 {
			return "", false, supervisor.NewFault(supervisor.IncorrectParameters, "")
		}
		if name, err = oneText(params[:1]); err != nil {
			return "", false, err
		}
		params = params[1:]
	}
	if len(params) == 0 {
		return name, wait, nil
	}
	wait, ok := params[0].(bool)
	if !ok || len(params) > 1 {
		return "", false, supervisor.NewFault(supervisor.IncorrectParameters, "")
	}
	return name, wait, nil
}

// start answers when the process is launched or, with wait, when it is RUNNING.
func (l *loop) start(p *process, wait bool, reply answer) {
	if _, err := executable(p.spec.Command[0]); err != nil {
		reply(nil, err)
		return
	}
	switch {
	case p.state.Up():
		reply(nil, supervisor.NewFault(supervisor.AlreadyStarted, p.fullName()))
		return
	case p.state == supervisor.Stopping:
		reply(nil, supervisor.NewFault(supervisor.Failed, p.fullName()+" is stopping"))
		return
	}
	p.start()
	if p.state != supervisor.Starting && p.state != supervisor.Running {
		reply(nil, supervisor.NewFault(supervisor.SpawnError, p.fullName()))
		return
	}
	if !wait {
		reply(true, nil)
		return
	}
	p.await(func(s supervisor.State) bool {
		switch {
		case s == supervisor.Starting:
			return false
		case s == supervisor.Running:
			reply(true, nil)
		case p.spawnErr != "":
			reply(nil, supervisor.NewFault(supervisor.SpawnError, p.fullName()))
		default:
			reply(nil, supervisor.NewFault(supervisor.AbnormalTermination, p.fullName()))
		}
		return true
	})
}

// stop answers when the stop has begun or, with wait, when the process is gone.
func (l *loop) stop(p *process, wait bool, reply answer) {
	if !p.state.Up() {
		reply(nil, supervisor.NewFault(supervisor.NotRunning, p.fullName()))
		return
	}
	if err := p.terminate(); err != nil {
		reply(nil, supervisor.NewFault(supervisor.Failed, err.Error()))
		return
	}
	if !wait {
		reply(true, nil)
		return
	}
	p.await(func(s supervisor.State) bool {
		if s.Down() {
			reply(true, nil)
		}
		return s.Down()
	})
}

// each does the same to all wanted processes at once and answers with a list of
// the single results, in order.
func each(list []*process, wanted func(*process) bool, do func(*process, bool, answer), wait bool, reply answer) {
	var chosen []*process
	for _, p := range list {
		if wanted(p) {
			chosen = append(chosen, p)
		}
	}
	results := make([]any, len(chosen))
	missing := len(chosen)
	if missing == 0 {
		reply(results, nil)
		return
	}
	for i, p := range chosen {
		do(p, wait, func(_ any, err error) {
			results[i] = singleResult(p, err)
			if missing--; missing == 0 {
				reply(results, nil)
			}
		})
	}
}

func singleResult(p *process, err error) map[string]any {
	code, text := supervisor.Success, "OK"
	var fault *supervisor.Fault
	if errors.As(err, &fault) {
		code, text = fault.Code, fault.Text
	}
	return map[string]any{"group": p.group(), "name": p.spec.Name, "status": int(code), "description": text}
}
