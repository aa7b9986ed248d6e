// Package journal keeps the datagrams that a worker has taken from a UDP socket and not answered yet in memory that
// outlives it, so that the next worker on the socket takes them up again. There is a journal for each socket, in a
// memfd that is lent to workers beside the socket and lives as long.
//
// A query is replayed at least once if its worker dies, and at most limits.JournalReplays times: what killed two workers
// in a row is dropped.
package journal
