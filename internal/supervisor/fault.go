package supervisor

import (
	"strconv"

	"knot-resolver/internal/supervisor/xmlrpc"
)

// FaultCode is the reason of a refused call. It is an error, so that
// errors.Is(err, AlreadyStarted) tells what a client method returned.
type FaultCode int

// The fault codes of the supervisor's interface.
const (
	UnknownMethod       FaultCode = 1
	IncorrectParameters FaultCode = 2
	BadArguments        FaultCode = 3
	ShutdownState       FaultCode = 6 // the supervisor is shutting down
	BadName             FaultCode = 10
	BadSignal           FaultCode = 11
	NoFile              FaultCode = 20
	NotExecutable       FaultCode = 21
	Failed              FaultCode = 30
	AbnormalTermination FaultCode = 40
	SpawnError          FaultCode = 50
	AlreadyStarted      FaultCode = 60
	NotRunning          FaultCode = 70
	Success             FaultCode = 80 // of one process in a call for many
	AlreadyAdded        FaultCode = 90
	StillRunning        FaultCode = 91
	CantReread          FaultCode = 92
)

// Error returns supervisord's name of the code.
func (c FaultCode) Error() string {
	switch c {
	case UnknownMethod:
		return "UNKNOWN_METHOD"
	case IncorrectParameters:
		return "INCORRECT_PARAMETERS"
	case BadArguments:
		return "BAD_ARGUMENTS"
	case ShutdownState:
		return "SHUTDOWN_STATE"
	case BadName:
		return "BAD_NAME"
	case BadSignal:
		return "BAD_SIGNAL"
	case NoFile:
		return "NO_FILE"
	case NotExecutable:
		return "NOT_EXECUTABLE"
	case Failed:
		return "FAILED"
	case AbnormalTermination:
		return "ABNORMAL_TERMINATION"
	case SpawnError:
		return "SPAWN_ERROR"
	case AlreadyStarted:
		return "ALREADY_STARTED"
	case NotRunning:
		return "NOT_RUNNING"
	case Success:
		return "SUCCESS"
	case AlreadyAdded:
		return "ALREADY_ADDED"
	case StillRunning:
		return "STILL_RUNNING"
	case CantReread:
		return "CANT_REREAD"
	}
	return "FAULT_" + strconv.Itoa(int(c))
}

// Fault is a call refused by the supervisor.
type Fault struct {
	Code FaultCode
	Text string // as received, e.g. "BAD_NAME: kresd:kresd9"
}

// Error returns the supervisor's text.
func (f *Fault) Error() string { return f.Text }

// Unwrap returns the code.
func (f *Fault) Unwrap() error { return f.Code }

// NewFault returns a fault about an object, with supervisord's text.
func NewFault(code FaultCode, object string) *Fault {
	text := code.Error()
	if object != "" {
		text += ": " + object
	}
	return &Fault{Code: code, Text: text}
}

func fromWire(f *xmlrpc.Fault) *Fault { return &Fault{Code: FaultCode(f.Code), Text: f.Text} }
