package app

import (
	"context"
	"encoding/json"
	"log/slog"

	"knot-resolver/internal/control"
	"knot-resolver/internal/server"
)

// Engine is the resolver inside a worker.
type Engine interface {
	server.Handler
	// Priority and Shed are as in [server.Options].
	Priority(req *server.Request) uint8
	Shed(dst []byte, req *server.Request) []byte
	// Metrics returns the counters as a tree of objects and numbers.
	Metrics() map[string]any
	// Explain resolves a name live and returns the trace of it as JSON.
	Explain(ctx context.Context, name, rrtype string) (json.RawMessage, error)
	// TestPolicy tells what the rules would do to a query, as JSON.
	TestPolicy(q control.PolicyQuery) (json.RawMessage, error)
	ClearCache(ctx context.Context, what control.CacheClear) (control.CacheCleared, error)
	// Forget finishes writing to the shared cache and drops what is kept of it in memory.
	Forget()
	// Update switches to another version that needs no restart: its rules and
	// whatever else can change live. On error the old one stays in force.
	Update(v control.Version) error
	// Close ends all work; it is called when no query is being answered any more.
	Close() error
}

// EngineOptions is what an engine is made from.
type EngineOptions struct {
	Version control.Version
	Worker  int  // number of the worker
	Canary  bool // it will only answer its test question
	Brief   bool // it lives for a moment: nothing is done that no client waits for
	Log     *slog.Logger
}

// NewEngine makes an engine, ready to answer.
type NewEngine func(EngineOptions) (Engine, error)
