package supervisor

import "time"

// State is the state of a process, with supervisord's numbers.
type State int

// The process states.
const (
	Stopped  State = 0
	Starting State = 10
	Running  State = 20
	Backoff  State = 30 // failed to start, waiting for the next try
	Stopping State = 40
	Exited   State = 100
	Fatal    State = 200 // failed to start too often
	Unknown  State = 1000
)

// String returns supervisord's name of the state.
func (s State) String() string {
	switch s {
	case Stopped:
		return "STOPPED"
	case Starting:
		return "STARTING"
	case Running:
		return "RUNNING"
	case Backoff:
		return "BACKOFF"
	case Stopping:
		return "STOPPING"
	case Exited:
		return "EXITED"
	case Fatal:
		return "FATAL"
	}
	return "UNKNOWN"
}

// Up reports whether the process runs or is on its way to run.
func (s State) Up() bool { return s == Starting || s == Running || s == Backoff }

// Down reports whether the process is gone and stays so unless asked for.
func (s State) Down() bool { return s == Stopped || s == Exited || s == Fatal || s == Unknown }

// Info describes one process.
type Info struct {
	Group, Name string
	State       State
	PID         int       // 0 when there is no process
	ExitStatus  int       // of the last process that ended; -1 after a signal
	SpawnErr    string    // why the last start failed; empty when it did not
	Start       time.Time // of the last start, in seconds; zero when never started
	Stop        time.Time // of the last end, in seconds; zero when never ended
}

// FullName returns the name the client methods take.
func (i *Info) FullName() string { return FullName(i.Group, i.Name) }
