package builtin

import (
	"os"
	"strings"
	"time"

	"knot-resolver/internal/supervisor"
)

const (
	apiVersion        = "3.0"   // of supervisord's interface
	supervisorVersion = "4.2.5" // the supervisord whose behaviour is reproduced
)

// dispatch runs one method of the supervisor namespace.
func (l *loop) dispatch(method string, params []any, reply answer) {
	if l.stopping {
		reply(nil, supervisor.NewFault(supervisor.ShutdownState, ""))
		return
	}
	short, _ := strings.CutPrefix(method, "supervisor.")
	switch short {
	case "startProcess", "startProcessGroup", "startAllProcesses",
		"stopProcess", "stopProcessGroup", "stopAllProcesses":
		l.startOrStop(short, params, reply)
	case "getProcessInfo", "addProcessGroup", "removeProcessGroup":
		name, err := oneText(params)
		if err != nil {
			reply(nil, err)
			return
		}
		reply(l.named(short, name))
	case "signalProcess":
		reply(l.signalProcess(params))
	default:
		if len(params) > 0 {
			reply(nil, supervisor.NewFault(supervisor.IncorrectParameters, ""))
			return
		}
		reply(l.plain(short))
	}
}

// plain runs the methods without parameters.
func (l *loop) plain(method string) (any, error) {
	switch method {
	case "getAPIVersion", "getVersion":
		return apiVersion, nil
	case "getSupervisorVersion":
		return supervisorVersion, nil
	case "getIdentification":
		return "supervisor", nil
	case "getPID":
		return os.Getpid(), nil
	case "getState":
		return map[string]any{"statecode": 1, "statename": "RUNNING"}, nil
	case "getAllProcessInfo":
		list := []any{}
		now := time.Now()
		for _, p := range l.processes() {
			info := p.info()
			list = append(list, info.ToWire(now))
		}
		return list, nil
	case "reloadConfig":
		added, changed, removed, err := l.reload()
		if err != nil {
			return nil, supervisor.NewFault(supervisor.CantReread, err.Error())
		}
		return []any{[]any{added, changed, removed}}, nil
	case "shutdown":
		l.log.Info("shutting down on request")
		l.shutdown()
		return true, nil
	}
	return nil, supervisor.NewFault(supervisor.UnknownMethod, "")
}

// named runs the methods whose only parameter is a name.
func (l *loop) named(method, name string) (any, error) {
	switch method {
	case "getProcessInfo":
		p, err := l.find(name)
		if err != nil {
			return nil, err
		}
		info := p.info()
		return info.ToWire(time.Now()), nil
	case "addProcessGroup":
		prog := l.configured(name)
		if prog == nil {
			return nil, supervisor.NewFault(supervisor.BadName, name)
		}
		if l.groups[name] != nil {
			return nil, supervisor.NewFault(supervisor.AlreadyAdded, name)
		}
		l.add(prog)
		return true, nil
	}
	return l.removeGroup(name)
}

func (l *loop) removeGroup(name string) (any, error) {
	if l.groups[name] == nil {
		return nil, supervisor.NewFault(supervisor.BadName, name)
	}
	for _, p := range l.groups[name] {
		if !p.state.Down() {
			return nil, supervisor.NewFault(supervisor.StillRunning, name)
		}
	}
	delete(l.groups, name)
	return true, nil
}

func (l *loop) signalProcess(params []any) (any, error) {
	if len(params) != 2 {
		return nil, supervisor.NewFault(supervisor.IncorrectParameters, "")
	}
	name, err := oneText(params[:1])
	if err != nil {
		return nil, err
	}
	text, err := oneText(params[1:])
	if err != nil {
		return nil, err
	}
	p, err := l.find(name)
	if err != nil {
		return nil, err
	}
	sig, err := supervisor.ParseSignal(text)
	if err != nil {
		return nil, supervisor.NewFault(supervisor.BadSignal, text)
	}
	if p.pid == 0 {
		return nil, supervisor.NewFault(supervisor.NotRunning, name)
	}
	return true, p.signal(sig)
}

// find looks a process up by "group:name", or by the name both share.
func (l *loop) find(full string) (*process, error) {
	group, name, ok := strings.Cut(full, ":")
	if !ok {
		name = group
	}
	for _, p := range l.groups[group] {
		if p.spec.Name == name {
			return p, nil
		}
	}
	return nil, supervisor.NewFault(supervisor.BadName, full)
}

func oneText(params []any) (string, error) {
	if len(params) == 1 {
		if text, ok := params[0].(string); ok {
			return text, nil
		}
	}
	return "", supervisor.NewFault(supervisor.IncorrectParameters, "")
}
