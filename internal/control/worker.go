package control

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
)

// Worker is what the manager may ask of a worker.
type Worker interface {
	Status() Status
	// Metrics returns the counters as a tree of objects and numbers.
	Metrics() map[string]any
	// Explain resolves a name live and returns the trace.
	Explain(ctx context.Context, name, rrtype string) (json.RawMessage, error)
	// TestPolicy tells what the rules would do to a query.
	TestPolicy(q PolicyQuery) (json.RawMessage, error)
	ClearCache(ctx context.Context, what CacheClear) (CacheCleared, error)
	// Forget finishes writing to the shared cache and drops what the worker
	// keeps of it in memory.
	Forget()
	// Update switches to another version that needs no restart. The sockets
	// of the assignment are ignored: the worker keeps those it has.
	Update(v Version) error
	// Alive fails when a socket of the worker is not served.
	Alive(ctx context.Context) error
	// SelfTest takes a real question through the worker's whole path.
	SelfTest(ctx context.Context) error
}

// WorkerHandler serves w over HTTP.
func WorkerHandler(w Worker) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(rw http.ResponseWriter, r *http.Request) {
		WriteJSON(rw, w.Status(), nil)
	})
	mux.HandleFunc("GET /alive", func(rw http.ResponseWriter, r *http.Request) {
		WriteJSON(rw, nil, w.Alive(r.Context()))
	})
	serveMetrics(mux, func() int { return w.Status().PID }, w.Metrics)
	mux.HandleFunc("GET /explain", func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		trace, err := w.Explain(r.Context(), q.Get("name"), q.Get("type"))
		WriteJSON(rw, trace, err)
	})
	mux.HandleFunc("GET /policy/test", func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		report, err := w.TestPolicy(PolicyQuery{q.Get("name"), q.Get("type"), q.Get("client"), q.Get("proto")})
		WriteJSON(rw, report, err)
	})
	mux.HandleFunc("POST /cache/clear", func(rw http.ResponseWriter, r *http.Request) {
		var what CacheClear
		if err := ReadJSON(r, &what); err != nil {
			WriteError(rw, err)
			return
		}
		cleared, err := w.ClearCache(r.Context(), what)
		WriteJSON(rw, cleared, err)
	})
	mux.HandleFunc("POST /cache/forget", func(rw http.ResponseWriter, r *http.Request) {
		w.Forget()
		WriteJSON(rw, nil, nil)
	})
	mux.HandleFunc("POST /version", func(rw http.ResponseWriter, r *http.Request) {
		var v Version
		err := ReadJSON(r, &v)
		if err == nil {
			err = w.Update(v)
		}
		WriteJSON(rw, nil, err)
	})
	mux.HandleFunc("POST /selftest", func(rw http.ResponseWriter, r *http.Request) {
		WriteJSON(rw, nil, w.SelfTest(r.Context()))
	})
	Profiling(mux)
	return mux
}

// CollectorHandler serves the counters of cache-gc over HTTP, as those of a worker are.
func CollectorHandler(metrics func() map[string]any) http.Handler {
	mux := http.NewServeMux()
	serveMetrics(mux, os.Getpid, metrics)
	Profiling(mux)
	return mux
}

func serveMetrics(mux *http.ServeMux, pid func() int, metrics func() map[string]any) {
	mux.HandleFunc("GET /metrics", func(rw http.ResponseWriter, r *http.Request) {
		text, err := json.Marshal(metrics())
		WriteJSON(rw, Counted{pid(), text}, err)
	})
}
