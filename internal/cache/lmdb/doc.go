// Package lmdb is the cache store in an LMDB file that several processes share and that survives them.
//
// # Files
//
// The directory holds data.mdb (the map, its blocks preallocated so that a full disk is an error at
// start and not a SIGBUS later), lock.mdb (LMDB's lock and reader table, which belongs to exactly one
// data.mdb) and krcachelock, held with flock while a process opens, replaces or resizes the pair.
// A pair is never changed in a way that hurts a process which has it mapped: it only grows; to shrink
// it or to get rid of damage, both files are replaced, and the others notice within
// limits.StoreHealthInterval and move over.
//
// # Threads
//
// A write transaction belongs to one OS thread: its mutex is robust only towards the death of that
// thread. One goroutine, locked to its thread, therefore opens, writes, checks and closes the file;
// everybody else queues to it. If it meets damage while it holds the mutex it ends its thread, so
// that the kernel passes the mutex on to the other processes.
//
// Readers take a transaction from a pool, renew it, look up, and reset it, so that a snapshot never
// outlives a look-up and old pages are soon free again.
//
// # Damage
//
// The file is written by other processes and by disks. Faults and failed assertions inside liblmdb
// are caught in C (shim.h), faults in Go code by debug.SetPanicOnFault, and slices that point outside
// of the map are never made. Each becomes an error matching cache.ErrDamaged; the file is moved
// aside as data.mdb.corrupt-<time> and an empty one takes its place. What is inside the values must be
// protected by checksums of their own; that a value is the one of its key is checked here, with a tag before it.
//
// The store must not be opened twice on the same directory in one process: closing one handle would
// drop the file locks of the other.
package lmdb
