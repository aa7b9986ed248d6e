package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

// serve answers API requests until ctx ends, then stops the system.
func (m *Manager) serve(ctx context.Context) error {
	server := control.NewServer(m.door.handler(m.api()), m.Log)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(m.door) }()
	go m.watch(ctx)
	if m.watcher != nil {
		go m.watcher.Run(ctx)
	}
	m.notifyReady()
	go m.feedWatchdog(ctx)

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	if !m.leaving.Load() {
		notifySystemd("STOPPING=1", "STATUS=stopping")
	}
	stop, cancel := stopContext()
	defer cancel()
	server.Shutdown(stop) // lets the answer to /stop out
	if m.leaving.Load() {
		return ErrSuccessor
	}
	return errors.Join(err, m.stopAll())
}

func profiling() http.Handler {
	mux := http.NewServeMux()
	control.Profiling(mux)
	return mux
}

// changing answers a request for a change without parameters.
func (m *Manager) changing(done string, change func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := change(r.Context()); err != nil {
			writeError(w, err)
			return
		}
		fmt.Fprintln(w, done)
	}
}

// Errors that are a status.
var (
	errPrecondition = errors.New("the configuration is another one than expected")
	errMediaType    = errors.New("content type not supported")
)

// writeError answers with the text of err and the status that belongs to it.
func writeError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var wrong config.Errors
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, errNothingThere):
		status = http.StatusNotFound
	case errors.Is(err, errConflict), errors.Is(err, errNeedsRestart):
		status = http.StatusConflict
	case errors.Is(err, errPrecondition):
		status = http.StatusPreconditionFailed
	case errors.Is(err, errMediaType):
		status = http.StatusUnsupportedMediaType
	case errors.Is(err, errSlow):
		status = http.StatusRequestTimeout
	case errors.As(err, &wrong), errors.Is(err, os.ErrNotExist):
		status = http.StatusBadRequest
	default:
		control.WriteError(w, err)
		return
	}
	http.Error(w, err.Error(), status)
}
