package control

import (
	"os"
	"path/filepath"
	"strconv"
)

// Dir is the directory of all control sockets below a run directory.
func Dir(rundir string) string { return filepath.Join(rundir, "control") }

// JoinPath is the socket where components join the manager.
func JoinPath(rundir string) string { return filepath.Join(Dir(rundir), "sockets.sock") }

// WorkerPath is the HTTP control socket of a worker.
func WorkerPath(rundir string, worker int) string {
	return filepath.Join(Dir(rundir), "kresd"+strconv.Itoa(worker)+".sock")
}

// CollectorPath is the HTTP control socket of cache-gc.
func CollectorPath(rundir string) string { return filepath.Join(Dir(rundir), "cache-gc.sock") }

// TransferPath is the HTTP control socket of zone-transfer.
func TransferPath(rundir string) string { return filepath.Join(Dir(rundir), "zone-transfer.sock") }

// SocketsPath is where a worker hands its listening sockets to a restarted manager.
func SocketsPath(rundir string, worker int) string {
	return filepath.Join(Dir(rundir), "kresd"+strconv.Itoa(worker)+".fds")
}

// MakeDir creates the directory of control sockets, closed to other users.
func MakeDir(rundir string) error {
	dir := Dir(rundir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}
