package supervisor

import (
	"fmt"
	"time"
)

// infoFromWire reads the struct that describes a process.
func infoFromWire(v any) (Info, error) {
	members, ok := v.(map[string]any)
	if !ok {
		return Info{}, fmt.Errorf("process info is %T", v)
	}
	var info Info
	var state, start, stop int
	fields := []struct {
		name string
		dst  any
	}{
		{"group", &info.Group}, {"name", &info.Name}, {"spawnerr", &info.SpawnErr},
		{"state", &state}, {"pid", &info.PID}, {"exitstatus", &info.ExitStatus},
		{"start", &start}, {"stop", &stop},
	}
	for _, f := range fields {
		switch dst := f.dst.(type) {
		case *string:
			*dst, ok = members[f.name].(string)
		case *int:
			*dst, ok = members[f.name].(int)
		}
		if !ok {
			return Info{}, fmt.Errorf("process info: %s is %T", f.name, members[f.name])
		}
	}
	info.State, info.Start, info.Stop = State(state), fromUnix(start), fromUnix(stop)
	return info, nil
}

// ToWire returns the struct that describes the process to a client, as seen at
// the given time.
func (i *Info) ToWire(now time.Time) map[string]any {
	return map[string]any{
		"group": i.Group, "name": i.Name, "spawnerr": i.SpawnErr,
		"state": int(i.State), "statename": i.State.String(),
		"pid": i.PID, "exitstatus": i.ExitStatus,
		"start": toUnix(i.Start), "stop": toUnix(i.Stop), "now": toUnix(now),
		"logfile": "", "stdout_logfile": "", "stderr_logfile": "",
		"description": i.describe(now),
	}
}

// describe returns the last column of "supervisorctl status".
func (i *Info) describe(now time.Time) string {
	switch i.State {
	case Running:
		up := max(0, now.Sub(i.Start)) / time.Second
		days := ""
		if n := up / 86400; n > 0 {
			days = fmt.Sprintf("%d days, ", n)
		}
		return fmt.Sprintf("pid %d, uptime %s%d:%02d:%02d", i.PID, days, up/3600%24, up/60%60, up%60)
	case Fatal, Backoff:
		return i.SpawnErr
	case Stopped, Exited:
		if i.Start.IsZero() {
			return "Not started"
		}
		return i.Stop.Format("Jan 02 03:04 PM")
	}
	return ""
}

func fromUnix(sec int) time.Time {
	if sec == 0 {
		return time.Time{}
	}
	return time.Unix(int64(sec), 0)
}

func toUnix(t time.Time) int {
	if t.IsZero() {
		return 0
	}
	return int(t.Unix())
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
