package limits

import "time"

const (
	// SupervisorRPCBytes bounds one XML-RPC request or response in bytes: a
	// full process list of SupervisorProcesses entries stays far below it.
	SupervisorRPCBytes = 4 << 20
	// SupervisorRPCDepth bounds the nesting of XML-RPC values; the API itself
	// nests five deep.
	SupervisorRPCDepth = 16
	// SupervisorConfBytes bounds the supervisor's configuration file.
	SupervisorConfBytes = 1 << 20
	// SupervisorProcesses bounds the processes of one program, so that a typo
	// in numprocs cannot exhaust memory.
	SupervisorProcesses = 4096
	// SupervisorLogLine is the longest piece of child output, in bytes, that is
	// forwarded as one line; longer lines are cut into several.
	SupervisorLogLine = 16 << 10
	// SupervisorLogBacklog is the number of lines kept while the supervisor's
	// own output is blocked; further lines are dropped and counted.
	SupervisorLogBacklog = 4096
	// SupervisorBackoffStep is the least time between the second start in a row and
	// the third; the first restart is immediate, each further one doubles the time.
	SupervisorBackoffStep = 100 * time.Millisecond
	// SupervisorBackoffMax caps it. Queries wait in the sockets of a
	// worker meanwhile, and clients for some seconds.
	SupervisorBackoffMax = time.Second
	// SupervisorBackoffDecay is the uptime that forgives one earlier failure.
	SupervisorBackoffDecay = 10 * time.Second
	// SupervisorRestart is when to look again at a process that has died and will be
	// started again: supervisord does so within one turn of its loop.
	SupervisorRestart = 5 * time.Millisecond
	// SupervisorRPCHeader bounds the time a client may take to send a request
	// header.
	SupervisorRPCHeader = 5 * time.Second
)
