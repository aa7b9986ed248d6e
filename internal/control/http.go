package control

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"

	"knot-resolver/internal/limits"
)

// BadRequest marks an error that the asker made; it becomes status 400.
type BadRequest struct{ Err error }

// Error returns the text of the cause.
func (e *BadRequest) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *BadRequest) Unwrap() error { return e.Err }

// NewServer returns an HTTP server for a control or management socket, with
// every time and size bounded.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           http.MaxBytesHandler(h, limits.ManagerBody),
		ReadHeaderTimeout: limits.ControlHeaderTime,
		IdleTimeout:       limits.ControlIdle,
		MaxHeaderBytes:    limits.ControlHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Profiling adds the handlers of net/http/pprof to mux.
func Profiling(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// ReadJSON decodes the body of a request, which may be empty, into v.
func ReadJSON(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return &BadRequest{err}
	}
	if d.More() {
		return &BadRequest{errors.New("more than one JSON value")}
	}
	return nil
}

// WriteJSON answers with v, or with err as plain text when there is one.
func WriteJSON(w http.ResponseWriter, v any, err error) {
	var text []byte
	if err == nil {
		text, err = json.Marshal(v)
	}
	if err != nil {
		WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(text, '\n'))
}

// WriteError answers with the text of err: 400 for a [BadRequest], the status
// of a [RemoteError], 500 otherwise.
func WriteError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var bad *BadRequest
	var remote *RemoteError
	switch {
	case errors.As(err, &bad):
		status = http.StatusBadRequest
	case errors.As(err, &remote):
		status = remote.Status
	}
	http.Error(w, err.Error(), status)
}
