package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/lmdb"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/cache/steady"
	"knot-resolver/internal/cache/usage"
	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/trust"
	"knot-resolver/internal/upstream"
	"knot-resolver/internal/worker"
)

// cacheVersion is that of keys and values in the shared cache: raise it whenever package cache changes their form.
const cacheVersion = "1"

// resolving is the Engine of a worker.
type resolving struct {
	*worker.Worker
	options EngineOptions
	client  *upstream.Client
	store   cache.Store
	shared  bool // the store is one for all workers
	anchors []*trust.Keeper

	stop    context.CancelFunc // of what goes on without clients
	running sync.WaitGroup
}

// Resolving makes the engine that resolves names.
func Resolving(o EngineOptions) (Engine, error) {
	cfg := &o.Version.Config
	rules, err := loadRules(cfg, o.Version.Rules)
	if err != nil {
		return nil, err
	}
	resolution, err := resolution(cfg, o.Log)
	if err != nil {
		return nil, err
	}
	store, err := openCache(&cfg.Cache, o.Log.With("group", "cache"))
	if err != nil {
		return nil, err
	}
	_, own := store.(*mem.Store)
	e := &resolving{options: o, store: store, shared: !own}
	e.client = upstream.New(&upstream.Sockets{OutV4: cfg.Network.OutV4, OutV6: cfg.Network.OutV6}, upstream.Options{Pipeline: cfg.Network.TCPPipeline, Streams: share().UpstreamStreams})
	resolution.Client = e.client
	cookies, err := serverCookies(cfg)
	if err != nil {
		return nil, errors.Join(err, e.client.Close(), store.Close())
	}
	caching := cache.Options{TTLMin: cfg.Cache.TTLMin, TTLMax: cfg.Cache.TTLMax}
	var uses *usage.Recorder
	if _, shared := store.(*mem.Store); !shared && cfg.Cache.GC.Enable && !o.Canary {
		uses = usage.New(cfg.Cache.Storage, cfg.Cache.SizeMax, o.Log.With("group", "cache"))
		caching.Uses = uses
	}
	resolution.Cache = cache.New(store, caching)
	e.Worker = worker.New(worker.Options{
		Rules:      rules,
		Admit:      admit.Rules{RefuseNoRD: cfg.Options.RefuseNoRD},
		UDPSize:    cfg.Network.EDNSDownstream,
		Keepalive:  keepalive(cfg),
		Cookies:    cookies,
		Chaos:      worker.Chaos{Identity: cfg.Options.ChaosIdentity, Version: cfg.Options.ChaosVersion},
		Reorder:    cfg.Options.ReorderRRset,
		Priming:    cfg.Options.Priming && !o.Brief,
		TimeJump:   cfg.Options.TimeJumpDetection && !o.Brief,
		NSID:       nsid(cfg.NSID, o.Worker),
		Sentinel:   cfg.DNSSEC.Enable && cfg.DNSSEC.Sentinel,
		Renumber:   renumbering(cfg.Network.Renumbering),
		Prediction: prediction(&cfg.Cache.Prediction, o.Brief),
		DNS64:      synthesis(&cfg.DNS64),
	}, *resolution)
	if err := e.admission(cfg); err != nil {
		return nil, errors.Join(err, e.client.Close(), store.Close())
	}
	keepers, err := e.keepers(&cfg.DNSSEC, resolution.Validator, o.Log.With("group", "taupd"))
	if err != nil {
		return nil, errors.Join(err, e.client.Close(), store.Close())
	}
	fillers, err := e.fillers(cfg, resolution.Cache, resolution.Validator, o.Log.With("group", "prefil"))
	if err != nil {
		return nil, errors.Join(err, e.client.Close(), store.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.running.Go(func() { e.Run(ctx) })
	if uses != nil {
		e.running.Go(func() { uses.Run(ctx) })
	}
	if o.Brief {
		return e, nil
	}
	e.anchors = keepers
	for _, k := range keepers {
		e.running.Go(func() { k.Run(ctx) })
	}
	for _, f := range fillers {
		e.running.Go(func() { f.Run(ctx) })
	}
	return e, nil
}

// keepalive is how long streams may be idle, if that is to be told.
func keepalive(cfg *config.Config) time.Duration {
	if !cfg.Network.TCPKeepalive {
		return 0
	}
	return limits.StreamIdle
}

// nsid is the identity of one worker: the configured text and its number.
func nsid(text string, worker int) []byte {
	if text == "" {
		return nil
	}
	return []byte(text + strconv.Itoa(worker))
}

// resolution translates the configuration for the resolution engine.
func resolution(cfg *config.Config, log *slog.Logger) (*iterate.Options, error) {
	hints, err := rootHints(cfg.Options.RootHints)
	if err != nil {
		return nil, err
	}
	anchors, negative, err := trustAnchors(&cfg.DNSSEC)
	if err != nil {
		return nil, err
	}
	forwards, err := forwards(cfg.Forward)
	if err != nil {
		return nil, err
	}
	fallback, err := fallback(cfg.Fallback)
	if err != nil {
		return nil, err
	}
	glue := map[config.GlueMode]iterate.Glue{config.GlueStrict: iterate.GlueStrict, config.GluePermissive: iterate.GluePermissive}
	return &iterate.Options{
		Stats:        upstream.NewStats(nil, cfg.Cache.NSTimeout),
		Validator:    dnssec.New(dnssec.Options{SHA1: cfg.DNSSEC.SHA1, NSEC3Iterations: iterations(cfg.DNSSEC.NSEC3Iterations)}),
		Log:          log,
		RootHints:    hints,
		Forwards:     forwards,
		Fallback:     fallback,
		Anchors:      anchors,
		Negative:     negative,
		Glue:         glue[cfg.Options.GlueChecking],
		Minimise:     cfg.Options.Minimize,
		Case0x20:     cfg.Options.QueryCaseRandomization,
		Workarounds:  cfg.Options.ViolatorsWorkarounds,
		IPv4:         cfg.Network.DoIPv4,
		IPv6:         cfg.Network.DoIPv6,
		NAT64:        cfg.Network.NAT64,
		Addresses:    upstream.AddressOptions{QueryLoopback: cfg.Options.QueryLoopback, Never: cfg.Network.DoNotQuery},
		UpstreamPort: cfg.Options.UpstreamPort,
		UDPSize:      cfg.Network.EDNSUpstream,
		LogBogus:     cfg.DNSSEC.LogBogus,
		SignalKeys:   cfg.DNSSEC.SignalQuery,
		Stale:        stale(cfg),
		Prefetch:     cfg.Cache.PrefetchExpiring,
		Rebinding:    guard(&cfg.Options),
	}, nil
}

// iterations is a limit as the validator takes it, for which 0 is unset.
func iterations(limit int) int {
	if limit == 0 {
		return -1
	}
	return limit
}

func stale(cfg *config.Config) iterate.Stale {
	s := &cfg.Cache.Stale
	return iterate.Stale{Serve: cfg.Options.ServeStale, Window: s.MaxAge, TTL: uint32(s.TTL / time.Second), After: s.ClientTimeout, Bogus: s.Bogus}
}

func rootHints(file string) ([]cache.NS, error) {
	if file == "" {
		return iterate.BuiltinHints(), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("/options/root-hints: %w", err)
	}
	hints, err := iterate.ParseHints(string(text), file)
	if err != nil {
		return nil, fmt.Errorf("/options/root-hints: %w", err)
	}
	return hints, nil
}

// openCache opens the cache that all workers share. A program without LMDB has one cache per worker, in memory, as has
// a worker while the disk fails.
func openCache(cfg *config.Cache, log *slog.Logger) (cache.Store, error) {
	store, err := steady.Open(steady.Options{
		Open: func() (cache.Store, error) {
			return lmdb.Open(lmdb.Options{Dir: cfg.Storage, Size: cfg.SizeMax, Version: cacheVersion, Merge: cache.Replaces, Log: log})
		},
		Memory: func() cache.Store {
			return mem.New(mem.Options{Size: min(cfg.SizeMax, limits.StoreMemory), Merge: cache.Replaces})
		},
		Log: log,
	})
	if errors.Is(err, lmdb.ErrUnavailable) {
		log.Warn("the cache is kept in memory, by each worker for itself", "reason", err)
		return mem.New(mem.Options{Size: cfg.SizeMax, Merge: cache.Replaces}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("/cache/storage: %w", err)
	}
	return store, nil
}

// Metrics implements [Engine].
func (e *resolving) Metrics() map[string]any {
	m := e.Worker.Metrics()
	m["upstream"] = e.client.Metrics()
	unsaved := 0
	for _, k := range e.anchors {
		if k.Behind() {
			unsaved++
		}
	}
	m["trust"] = map[string]any{"unsaved": unsaved}
	return m
}

// Explain implements [Engine].
func (e *resolving) Explain(ctx context.Context, name, rrtype string) (json.RawMessage, error) {
	trace, err := e.Worker.Explain(ctx, name, rrtype)
	if err != nil {
		return nil, err
	}
	return json.Marshal(trace)
}

// TestPolicy implements [Engine].
func (e *resolving) TestPolicy(q control.PolicyQuery) (json.RawMessage, error) {
	report, err := e.Worker.TestPolicy(worker.PolicyQuery(q))
	if err != nil {
		return nil, &control.BadRequest{Err: err}
	}
	return json.Marshal(report)
}

// ClearCache implements [Engine].
func (e *resolving) ClearCache(_ context.Context, what control.CacheClear) (control.CacheCleared, error) {
	clear := worker.Clear{Name: what.Name, Exact: what.ExactName, Type: what.RRType, Limit: what.ChunkSize}
	n, err := e.Worker.ClearCache(clear)
	cleared := control.CacheCleared{Count: n}
	if what.Name != "" && (what.Name != "." || what.ExactName) {
		cleared.Round = 1
		if what.ChunkSize > 0 && n == what.ChunkSize {
			cleared.ChunkLimit = "chunk size reached; more records may remain"
		}
	}
	return cleared, err
}

// Forget implements [Engine]. What waits to be written is in memory, too.
func (e *resolving) Forget() {
	e.store.Flush() // what fails is counted
	e.Worker.Forget()
}

// Update implements [Engine]: rules and limits can change under a running worker.
func (e *resolving) Update(v control.Version) error {
	rules, err := loadRules(&v.Config, v.Rules)
	if err != nil {
		return err
	}
	if err := e.admission(&v.Config); err != nil {
		return err
	}
	e.SetRules(rules)
	go runtime.GC() // the old rules stay mapped until they are collected
	return nil
}

// Close implements [Engine].
func (e *resolving) Close() error {
	e.stop()
	e.running.Wait()
	return errors.Join(e.client.Close(), e.store.Close())
}
