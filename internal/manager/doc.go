// Package manager controls the whole system: it owns the configuration, the
// listening sockets and the management API, and decides which process runs on
// which version.
//
// A change is a transaction ([Manager.Reload]): check, compile the policy into
// a new generation, prove the version with a canary worker, open new sockets,
// then move the workers over one by one. A step that fails undoes the earlier
// ones and leaves everything as it was.
//
// Sockets belong to the manager and are lent to the workers, so that a worker
// can die or be replaced without a closed port. The manager itself can die as
// well: workers serve on, and the next manager collects version and sockets
// from them.
package manager
