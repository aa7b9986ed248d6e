package limits

import "time"

// Bounds of what the manager takes from its API and from the file system.
const (
	// APIBody is the most bytes of a request to the API: a configuration written by
	// people. What is larger belongs into files that the configuration names.
	APIBody = 1 << 20
	// APIBodyTime is how long a client may take to send the body.
	APIBodyTime = 30 * time.Second
	// APIConnections is how many clients the API serves at once; more wait. With
	// APIBody it bounds the memory that strangers can claim.
	APIConnections = 16
	// APIToken is the least length of a token: 16 random characters cannot be guessed.
	APIToken = 16
	// APIPatchCopies is how many bytes the copy operations of one JSON Patch may
	// add: each can double the document.
	APIPatchCopies = 4 * APIBody
	// History is how many versions of the configuration the manager keeps.
	History = 50
	// HistoryBytes bounds the versions kept, as JSON; the newest stays in any case.
	HistoryBytes = 8 << 20
	// ManagerColdStarts is how many cold starts in a row may fail: something may have
	// been in the way for a moment, but whoever started the system waits for an answer.
	ManagerColdStarts = 3
	// ManagerRetire is how long a worker that goes for good stays at least after no more
	// clients are sent to it: a connection may still be in the making.
	ManagerRetire = 200 * time.Millisecond
	// ManagerRetireMost is how long it may take then to answer what is in its sockets, and
	// ManagerRetireLook how often is looked whether it has: a busy machine may keep it from running
	// for half a second.
	ManagerRetireMost = 2 * time.Second
	ManagerRetireLook = 10 * time.Millisecond
	// WatchSettle is how long a watched file has to be left alone before it is
	// read: editors and package managers write in several steps.
	WatchSettle = 500 * time.Millisecond
	// WatchMost is when a file that never settles is read nevertheless.
	WatchMost = 5 * time.Second
)

// Bounds of metrics.
const (
	// ManagerScrapes is the number of scrapes that are answered at a time: each is some hundred
	// kilobytes of text. More get 503.
	ManagerScrapes = 4

	// GraphiteTime bounds one transmission, connecting included.
	GraphiteTime = 5 * time.Second

	// GraphiteDatagram is the size of a datagram in bytes that is not fragmented on any link.
	GraphiteDatagram = 1200
)
