package config

import "time"

func cacheOptions() []Option {
	const smallest = 8192 // bytes; less cannot hold the cache's own tables
	return []Option{
		{Path: "cache", Doc: "The cache shared by all workers.", check: checkCache},
		{Path: "cache/storage", Type: writableDir(), Default: "/var/cache/knot-resolver", Class: Worker | Collector, Doc: "Directory of the cache file."},
		{Path: "cache/size-max", Type: sizeRange(smallest, anySize), Default: "100M", Doc: "Size of the cache file."},
		{Path: "cache/ttl-min", Type: duration(), Default: "5s", Doc: "Records are kept at least this long."},
		{Path: "cache/ttl-max", Type: duration(), Default: "1d", Doc: "Records are kept at most this long."},
		{Path: "cache/ns-timeout", Type: duration(), Default: "1000ms", Doc: "How long a dead server address is skipped."},

		{Path: "cache/stale", Doc: "Details of options/serve-stale.", Ours: true},
		{Path: "cache/stale/max-age", Type: duration(), Default: "1d", Ours: true, Doc: "How long after they expired records are still served."},
		{Path: "cache/stale/ttl", Type: duration(), Default: "30s", Ours: true, Doc: "TTL of records that have expired, in whole seconds."},
		{Path: "cache/stale/client-timeout", Type: duration(), Default: "1800ms", Ours: true,
			Doc: "How long a client waits for servers before it gets expired records; 0s = not at all, servers are asked behind the answer."},
		{Path: "cache/stale/bogus", Type: boolean(), Default: "false", Ours: true, Doc: "Serve them also when what servers answer does not validate."},

		{Path: "cache/garbage-collector", Class: Collector, Doc: "The process that keeps the cache from filling up."},
		{Path: "cache/garbage-collector/enable", Type: boolean(), Default: "true", Doc: "Run it."},
		{Path: "cache/garbage-collector/interval", Type: duration(), Default: "1s", Doc: "Time between looks at the usage."},
		{Path: "cache/garbage-collector/threshold", Type: percent(), Default: "80", Doc: "Percentage of usage that starts a collection."},
		{Path: "cache/garbage-collector/release", Type: percent(), Default: "10", Doc: "Percentage of the cache to free."},
		{Path: "cache/garbage-collector/temp-keys-space", Type: size(), Default: "0M", Doc: "Memory for remembered keys; 0 = unlimited."},
		{Path: "cache/garbage-collector/rw-deletes", Type: nonNegative(), Default: "100", Doc: "Deletions in one write transaction; 0 = unlimited."},
		{Path: "cache/garbage-collector/rw-reads", Type: nonNegative(), Default: "200", Doc: "Records in one read transaction; 0 = unlimited."},
		{Path: "cache/garbage-collector/rw-duration", Type: duration(), Default: "0us", Doc: "Longest write transaction; 0 = unlimited."},
		{Path: "cache/garbage-collector/rw-delay", Type: duration(), Default: "0us", Doc: "Pause between write transactions."},
		{Path: "cache/garbage-collector/dry-run", Type: boolean(), Default: "false", Doc: "Only report what would be deleted."},

		{Path: "cache/prefill[]", Doc: "Zones loaded into the cache as a whole, once their digest (RFC 8976) and signatures are checked.", check: checkPrefill},
		{Path: "cache/prefill[]/origin", Type: domainName(), Required: true, Doc: "The zone; only the root."},
		{Path: "cache/prefill[]/url", Type: str(), Doc: "Where to get it, beginning with https://. The last good copy is root.zone in rundir."},
		{Path: "cache/prefill[]/file", Type: readableFile(), Ours: true,
			Doc: "Zone file to load instead, and again whenever it has changed."},
		{Path: "cache/prefill[]/refresh-interval", Type: durationFrom(time.Hour), Default: "1d", Doc: "Time between downloads."},
		{Path: "cache/prefill[]/ca-file", Type: readableFile(), Doc: "Certificates to trust; when absent, those of the system."},

		{Path: "cache/prefetch", Doc: "Refreshing records before they are asked for."},
		{Path: "cache/prefetch/expiring", Type: boolean(), Default: "false", Doc: "Refresh records that are used shortly before they expire."},
		{Path: "cache/prefetch/prediction", Doc: "Having ready what will be asked, by what was asked at the same time before."},
		{Path: "cache/prefetch/prediction/enable", Type: boolean(), Default: "false", Doc: "Predict."},
		{Path: "cache/prefetch/prediction/window", Type: durationFrom(time.Minute), Default: "15m", Doc: "Length of a window of time."},
		{Path: "cache/prefetch/prediction/period", Type: integer(1, 1024), Default: "24", Doc: "Windows remembered, after which things are expected to repeat: 24 of 15m are six hours, 96 a day."},
	}
}
