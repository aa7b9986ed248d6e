package limits

import "time"

// Bounds of the talk between the processes and of the management API.
const (
	// ControlFrame is the most bytes of one JSON frame: a configuration of several
	// MiB is already absurd, and the peer is trusted but may be broken.
	ControlFrame = 64 << 20
	// ControlFiles is the most descriptors sent with one frame: 256 listening
	// addresses over both protocols, several times over.
	ControlFiles = 4096
	// ControlFilesPerMessage stays below the kernel's SCM_MAX_FD of 253.
	ControlFilesPerMessage = 250
	// ControlHello is how long a peer may take to introduce itself.
	ControlHello = 5 * time.Second
	// ControlRequest bounds one request to a worker; resolving a name live is the slowest.
	ControlRequest = 30 * time.Second
	// ControlHeaderBytes bounds the header of a control or API request.
	ControlHeaderBytes = 16 << 10
	// ControlHeaderTime is how long a client may take to send the header.
	ControlHeaderTime = 5 * time.Second
	// ControlIdle closes an idle keep-alive connection.
	ControlIdle = time.Minute
	// ControlRedialMin and ControlRedialMax pace a component that waits for a
	// dead manager to come back.
	ControlRedialMin = 5 * time.Millisecond
	ControlRedialMax = 500 * time.Millisecond

	// ManagerBody is the most bytes of an API request body: a whole configuration.
	ManagerBody = 16 << 20
	// ManagerStart is how long a worker may take to become ready (manager.md section 3).
	ManagerStart = 60 * time.Second
	// ManagerStop is how long a component may take to stop before the supervisor kills it, plus some.
	ManagerStop = 20 * time.Second
	// ManagerLoad is how long compiling the policy may take; millions of rules take tens of seconds.
	ManagerLoad = 10 * time.Minute
	// ManagerProbe is how long the canary may take for its test question.
	ManagerProbe = 10 * time.Second
	// ManagerPace is the least time between two starts of one worker that dies again and
	// again, whatever the supervisor does: one that dies at once must not eat a core.
	ManagerPace = time.Second
	// ManagerRevive is how long a process may be gone until the manager has it killed: the
	// supervisor's delay between two starts is shorter.
	ManagerRevive = 5 * time.Second
	// ManagerNudge is the time between the first ManagerNudges requests to start a process
	// that is gone. supervisord takes two to notice that it is.
	ManagerNudge  = 10 * time.Millisecond
	ManagerNudges = 5
	// ManagerLook is the time between two looks at whether a process that is
	// waited for still exists. It costs nothing at a start that goes well.
	ManagerLook = 500 * time.Millisecond
	// ManagerWatch is the time between two looks at whether the workers answer. With
	// ManagerWatchFailures looks of ManagerWatchAnswer each a stuck worker is found out
	// within 2.5 s, and replaced within 3.
	ManagerWatch = 500 * time.Millisecond
	// ManagerWatchAnswer is how long a worker may take to say how it is: far more
	// than the worst load makes of it.
	ManagerWatchAnswer = time.Second
	// ManagerWatchFailures in a row make a worker a stuck one.
	ManagerWatchFailures = 2
	// WorkerAlive is how long a socket of a worker may stay unread, which is less than
	// ManagerWatchAnswer so that the worker can say which one it is.
	WorkerAlive = 700 * time.Millisecond
	// ManagerMetrics bounds collecting the metrics of one worker.
	ManagerMetrics = 5 * time.Second
)
