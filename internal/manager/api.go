package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

// serve answers API requests until ctx ends, then stops the system.
func (m *Manager) serve(ctx context.Context) error {
	l, err := control.Listen(m.live.Load().Config.Management.UnixSocket, 0o660)
	if err != nil {
		return err
	}
	internal, err := control.Listen(filepath.Join(control.Dir(m.Rundir), "manager.sock"), 0o600)
	if err != nil {
		l.Close()
		return err
	}
	server := control.NewServer(m.api(), m.Log)
	debug := control.NewServer(profiling(), m.Log)
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(l) }()
	go func() { failed <- debug.Serve(internal) }()
	go m.watch(ctx)
	notifySystemd("READY=1")

	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	notifySystemd("STOPPING=1")
	stop, cancel := stopContext()
	defer cancel()
	server.Shutdown(stop) // lets the answer to /stop out
	debug.Close()
	return errors.Join(err, m.stopAll())
}

func profiling() http.Handler {
	mux := http.NewServeMux()
	control.Profiling(mux)
	return mux
}

// api is the public HTTP interface.
func (m *Manager) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		control.WriteJSON(w, map[string]string{"msg": "Knot Resolver is running", "status": "RUNNING"}, nil)
	})
	mux.HandleFunc("GET /v1/config", m.getConfig)
	mux.HandleFunc("GET /v1/config/{pointer...}", m.getConfig)
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		if err := m.Reload(r.Context()); err != nil {
			writeChangeError(w, err)
			return
		}
		fmt.Fprintln(w, "configuration reloaded")
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "stopping")
		m.shutdown()
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/metrics/json", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /metrics/json", m.getMetrics)
	mux.HandleFunc("POST /cache/clear", m.clearCache)
	mux.HandleFunc("GET /explain", m.explain)
	mux.HandleFunc("GET /processes", m.getProcesses)
	mux.HandleFunc("GET /processes/{kind}", m.getProcesses)
	mux.HandleFunc("GET /schema", getSchema)
	return mux
}

// writeChangeError answers 400 for a wrong configuration and 500 for one that
// cannot be put in force.
func writeChangeError(w http.ResponseWriter, err error) {
	var wrong config.Errors
	if errors.As(err, &wrong) || errors.Is(err, os.ErrNotExist) {
		err = &control.BadRequest{Err: err}
	}
	control.WriteError(w, err)
}
