package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"knot-resolver/internal/control"
)

// ErrSuccessor is returned by [Manager.Run] when this manager has ended so that the
// supervisor starts another, which takes the running system over.
var ErrSuccessor = errors.New("another manager takes over")

// upgrade makes every process but the supervisor run the program that is installed now.
// Workers come first, proven by a canary: with a program that does not work everything
// stays as it was. The last is the manager itself.
func (m *Manager) upgrade(w http.ResponseWriter, r *http.Request) {
	err := m.renew(r.Context(), "upgrade", workersAnew)
	if err == nil {
		err = m.renewCollector(context.WithoutCancel(r.Context()))
	}
	if err != nil {
		writeError(w, err)
		return
	}
	fmt.Fprintln(w, "workers replaced, the manager follows")
	m.Log.Info("upgrade: a new manager takes over")
	m.leaving.Store(true)
	m.shutdown()
}

// renewCollector replaces cache-gc.
func (m *Manager) renewCollector(ctx context.Context) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.end()
	if err := m.halt(ctx, post{role: control.RoleCacheGC}); err != nil {
		return err
	}
	return m.startCollector(ctx, m.live.Load().Version)
}

// alive tells who answers; the pid tells a manager from its successor.
func alive(w http.ResponseWriter, _ *http.Request) {
	control.WriteJSON(w, map[string]any{"msg": "Knot Resolver is running", "status": "RUNNING", "pid": os.Getpid()}, nil)
}
