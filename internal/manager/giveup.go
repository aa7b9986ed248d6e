package manager

import (
	"os"
	"path/filepath"
	"strconv"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// failuresFile counts the cold starts in a row that have failed.
func failuresFile(rundir string) string { return filepath.Join(control.Dir(rundir), "failures") }

// GaveUp reports whether the managers of a run directory have ended the system
// because it cannot start.
func GaveUp(rundir string) bool { return failures(rundir) >= limits.ManagerColdStarts }

func failures(rundir string) int {
	text, err := os.ReadFile(failuresFile(rundir))
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(string(text)) // a broken file is no reason to give up
	return n
}

// coldStartFailed leaves another try to the supervisor, which restarts a manager
// for ever: workers may serve without one. When it was tried often enough, and
// nobody serves, it ends the system instead.
func (m *Manager) coldStartFailed(cause error) {
	tries := failures(m.Rundir) + 1
	if err := os.WriteFile(failuresFile(m.Rundir), []byte(strconv.Itoa(tries)), 0o600); err != nil {
		m.Log.Warn("failed starts are not counted", "reason", err)
	}
	if tries < limits.ManagerColdStarts {
		return
	}
	m.gaveUp = true
	m.Log.Error("the system cannot start, giving up", "tries", tries, "reason", cause)
	ctx, cancel := stopContext()
	defer cancel()
	if err := m.Supervisor.Shutdown(ctx); err != nil {
		m.Log.Error("cannot end the supervisor", "reason", err)
	}
}
