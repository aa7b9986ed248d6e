package config

import (
	"net/netip"
	"time"
)

const (
	targetFromEnv  = "from-env"
	targetVariable = "KRES_LOGGING_TARGET"
	workersAuto    = "auto"
)

// Normalise checks the document and fills in every derived value. It is
// [Document.Validate] followed by [Valid.Normalise].
func (d *Document) Normalise(opts ValidateOptions) (*Config, error) {
	v, err := d.Validate(opts)
	if err != nil {
		return nil, err
	}
	return v.Normalise(), nil
}

// Document returns the raw document that was checked.
func (v *Valid) Document() *Document { return v.doc }

// Normalise fills in every derived value.
func (v *Valid) Normalise() *Config {
	s := v.root
	c := &Config{
		Version:    int(get[int64](s, "version")),
		Hostname:   get[string](s, "hostname"),
		NSID:       get[string](s, "nsid"),
		Rundir:     v.path("rundir"),
		Workers:    v.workers(),
		Management: v.management(),
		Network:    v.network(),
		Cache:      v.cache(),
		DNSSEC:     v.dnssec(),
		DNS64:      v.dns64(),
		Options:    v.options(),
		Forward:    v.forward(),
		Fallback:   v.fallback(),
		Logging:    v.logging(),
		Metrics:    MetricsMode(get[string](s, "monitoring/metrics")),
		Views:      v.views(),
		Graphite:   v.graphite(),
		LocalData:  v.localData(),

		RateLimiting: v.rateLimiting(),
		Defer:        Defer{Enable: get[bool](v.root, "defer/enable"), LogPeriod: get[time.Duration](v.root, "defer/log-period")},
	}
	if c.Hostname == "" {
		c.Hostname = v.opts.Hostname
	}
	return c
}

func (v *Valid) path(option string) string {
	return absolute(v.doc.base, get[string](v.root, option))
}

func (v *Valid) workers() int {
	if n, ok := v.root.value("workers").v.(int64); ok {
		return int(n)
	}
	return v.opts.CPUs
}

func (v *Valid) network() Network {
	s := get[*section](v.root, "network")
	n := Network{
		DoIPv4:         get[bool](s, "do-ipv4"),
		DoIPv6:         get[bool](s, "do-ipv6"),
		DoNotQuery:     items[netip.Prefix](s, "do-not-query"),
		NAT64:          get[netip.Prefix](s, "nat64-prefix"),
		OutV4:          get[netip.Addr](s, "out-interface-v4"),
		OutV6:          get[netip.Addr](s, "out-interface-v6"),
		TCPPipeline:    int(get[int64](s, "tcp-pipeline")),
		TCPKeepalive:   get[bool](s, "edns-tcp-keepalive"),
		Cookies:        get[bool](s, "cookies"),
		EDNSUpstream:   int(get[int64](s, "edns-buffer-size/upstream")),
		EDNSDownstream: int(get[int64](s, "edns-buffer-size/downstream")),
	}
	for _, r := range get[[]*section](s, "address-renumbering") {
		to, exact := destination(r)
		n.Renumbering = append(n.Renumbering, Renumbering{Source: get[netip.Prefix](r, "source"), Destination: to, Exact: exact})
	}
	for _, l := range get[[]*section](s, "listen") {
		n.Listen = append(n.Listen, listens(l)...)
	}
	return n
}

// listens expands one item of network/listen.
func listens(s *section) []Listen {
	kind := get[string](s, "kind")
	port := defaultPort(kind)
	if p := get[int64](s, "port"); p != 0 {
		port = uint16(p)
	}
	var all []Listen
	for _, e := range items[endpoint](s, "interface") {
		l := Listen{Addr: e.addr, Interface: e.name, Port: port, Kind: ListenKind(kind), Freebind: get[bool](s, "freebind")}
		if e.port != 0 {
			l.Port = e.port
		}
		all = append(all, l)
	}
	return all
}

func defaultPort(kind string) uint16 {
	switch kind {
	case "dot", "doq":
		return 853
	case "doh2", "doh-legacy":
		return 443
	case "doh2-insecure":
		return 80
	}
	return 53
}

func (v *Valid) cache() Cache {
	s := get[*section](v.root, "cache")
	g := get[*section](s, "garbage-collector")
	return Cache{
		Prefill: v.prefill(s),
		Prediction: Prediction{
			Enable: get[bool](s, "prefetch/prediction/enable"),
			Window: get[time.Duration](s, "prefetch/prediction/window"),
			Period: int(get[int64](s, "prefetch/prediction/period")),
		},
		Storage:   v.path("cache/storage"),
		SizeMax:   get[int64](s, "size-max"),
		TTLMin:    get[time.Duration](s, "ttl-min"),
		TTLMax:    get[time.Duration](s, "ttl-max"),
		NSTimeout: get[time.Duration](s, "ns-timeout"),

		PrefetchExpiring: get[bool](s, "prefetch/expiring"),
		Stale: Stale{
			MaxAge:        get[time.Duration](s, "stale/max-age"),
			TTL:           get[time.Duration](s, "stale/ttl"),
			ClientTimeout: get[time.Duration](s, "stale/client-timeout"),
			Bogus:         get[bool](s, "stale/bogus"),
		},
		GC: GC{
			Enable:        get[bool](g, "enable"),
			Interval:      get[time.Duration](g, "interval"),
			Threshold:     int(get[int64](g, "threshold")),
			Release:       int(get[int64](g, "release")),
			TempKeysSpace: get[int64](g, "temp-keys-space"),
			RWDeletes:     int(get[int64](g, "rw-deletes")),
			RWReads:       int(get[int64](g, "rw-reads")),
			RWDuration:    get[time.Duration](g, "rw-duration"),
			RWDelay:       get[time.Duration](g, "rw-delay"),
			DryRun:        get[bool](g, "dry-run"),
		},
	}
}

func (v *Valid) prefill(cache *section) []Prefill {
	var all []Prefill
	for _, p := range get[[]*section](cache, "prefill") {
		all = append(all, Prefill{
			Origin: get[string](p, "origin"), URL: get[string](p, "url"), File: absolute(v.doc.base, get[string](p, "file")),
			Interval: get[time.Duration](p, "refresh-interval"), CAFile: absolute(v.doc.base, get[string](p, "ca-file")),
		})
	}
	return all
}

func (v *Valid) dnssec() DNSSEC {
	s := get[*section](v.root, "dnssec")
	d := DNSSEC{
		Enable:               get[bool](s, "enable"),
		LogBogus:             get[bool](s, "log-bogus"),
		Sentinel:             get[bool](s, "sentinel"),
		SignalQuery:          get[bool](s, "signal-query"),
		TrustAnchors:         items[string](s, "trust-anchors"),
		NegativeTrustAnchors: items[string](s, "negative-trust-anchors"),
		SHA1:                 get[bool](s, "sha1"),
		NSEC3Iterations:      int(get[int64](s, "nsec3-iterations")),
	}
	for _, f := range get[[]*section](s, "trust-anchors-files") {
		d.TrustAnchorFiles = append(d.TrustAnchorFiles, AnchorFile{
			File: absolute(v.doc.base, get[string](f, "file")), ReadOnly: get[bool](f, "read-only"),
		})
	}
	return d
}

func (v *Valid) dns64() DNS64 {
	s := get[*section](v.root, "dns64")
	d := DNS64{
		Enable:     get[bool](s, "enable"),
		Prefixes:   items[netip.Prefix](s, "prefix"),
		ReverseTTL: time.Minute,
		Exclude:    items[netip.Prefix](s, "exclude-subnets"),
		IgnoreAAAA: items[string](s, "ignore-aaaa"),
	}
	if s.has("reverse-ttl") {
		d.ReverseTTL = get[time.Duration](s, "reverse-ttl").Truncate(time.Second)
	}
	if d.Exclude == nil {
		d.Exclude = []netip.Prefix{netip.MustParsePrefix("::ffff:0:0/96")} // RFC 6147 section 5.1.4
	}
	return d
}

func (v *Valid) options() Options {
	s := get[*section](v.root, "options")
	return Options{
		GlueChecking:           GlueMode(get[string](s, "glue-checking")),
		Minimize:               get[bool](s, "minimize"),
		QueryLoopback:          get[bool](s, "query-loopback"),
		ReorderRRset:           get[bool](s, "reorder-rrset"),
		QueryCaseRandomization: get[bool](s, "query-case-randomization"),
		Priming:                get[bool](s, "priming"),
		ServeStale:             get[bool](s, "serve-stale"),
		ViolatorsWorkarounds:   get[bool](s, "violators-workarounds"),
		RebindingProtection:    get[bool](s, "rebinding-protection"),
		RebindingNames:         items[string](s, "rebinding-allow-names"),
		RebindingSubnets:       items[netip.Prefix](s, "rebinding-allow-subnets"),
		RebindingStrip:         get[string](s, "rebinding-action") == "strip",
		RefuseNoRD:             get[bool](s, "refuse-no-rd"),
		TimeJumpDetection:      get[bool](s, "time-jump-detection"),
		RootHints:              v.path("options/root-hints"),
		UpstreamPort:           uint16(get[int64](s, "upstream-port")),
		ChaosIdentity:          get[string](s, "chaos/identity"),
		ChaosVersion:           get[string](s, "chaos/version"),
	}
}

func (v *Valid) rateLimiting() RateLimiting {
	s := get[*section](v.root, "rate-limiting")
	r := RateLimiting{
		Enable:    get[bool](s, "enable"),
		Instant:   int(get[int64](s, "instant-limit")),
		Capacity:  int(get[int64](s, "capacity")),
		Slip:      int(get[int64](s, "slip")),
		LogPeriod: get[time.Duration](s, "log-period"),
		DryRun:    get[bool](s, "dry-run"),
	}
	if s.has("rate-limit") {
		r.Rate = int(get[int64](s, "rate-limit"))
	}
	return r
}

func (v *Valid) graphite() Graphite {
	s := get[*section](v.root, "monitoring/graphite")
	g := Graphite{
		Enable:   get[bool](s, "enable"),
		Port:     uint16(get[int64](s, "port")),
		Prefix:   get[string](s, "prefix"),
		Interval: get[time.Duration](s, "interval"),
		TCP:      get[bool](s, "tcp"),
	}
	switch host := s.value("host").v.(type) {
	case netip.Addr:
		g.Host = host.String()
	case string:
		g.Host = host
	}
	return g
}

func (v *Valid) logging() Logging {
	s := get[*section](v.root, "logging")
	target := get[string](s, "target")
	if target == targetFromEnv {
		if target = v.opts.Env(targetVariable); target == "" {
			target = string(LogStdout)
		}
	}
	return Logging{
		Level:  LogLevel(get[string](s, "level")),
		Target: LogTarget(target),
		Groups: items[string](s, "groups"),
		Dnstap: Dnstap{
			Enable:    get[bool](s, "dnstap/enable"),
			Socket:    v.path("logging/dnstap/unix-socket"),
			Queries:   get[bool](s, "dnstap/log-queries"),
			Responses: get[bool](s, "dnstap/log-responses"),
			TCPRTT:    get[bool](s, "dnstap/log-tcp-rtt"),
		},
	}
}
