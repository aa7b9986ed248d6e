package config

func limitingOptions() []Option {
	const (
		mostInstant = 1<<32/768 - 1 // what the counters of 32 bits can express
		mostSources = 1 << 28       // 2 GiB of counters
	)
	return []Option{
		{Path: "rate-limiting", Class: Live, Doc: "Limit on queries of one client network.", check: checkRateLimiting},
		{Path: "rate-limiting/enable", Type: boolean(), Default: "false", Doc: "Limit."},
		{Path: "rate-limiting/rate-limit", Type: positive(), Doc: "Queries in a second that one address may send for long."},
		{Path: "rate-limiting/instant-limit", Type: integer(1, mostInstant), Default: "50", Doc: "Queries that one address may send at once."},
		{Path: "rate-limiting/capacity", Type: integer(1, mostSources), Default: "524288", Doc: "Expected number of sources blocked at the same time."},
		{Path: "rate-limiting/slip", Type: integer(0, 32), Default: "2",
			Doc: "One of so many limited queries is answered truncated, the rest dropped; 0 = all dropped."},
		{Path: "rate-limiting/log-period", Type: duration(), Default: "0s", Doc: "Least time between log lines; 0 = no logging."},
		{Path: "rate-limiting/dry-run", Type: boolean(), Default: "false", Doc: "Only log."},

		{Path: "defer", Class: Live, Doc: "Prioritisation of clients by the work they cause."},
		{Path: "defer/enable", Type: boolean(), Default: "true", Doc: "Prioritise."},
		{Path: "defer/log-period", Type: duration(), Default: "0s", Doc: "Least time between log lines; 0 = no logging."},

		{Path: "lua", Status: NotYet, Doc: "Scripts in the original's Lua configuration.", check: checkLua},
		{Path: "lua/script", Type: str(), Doc: "Appended to the configuration of workers."},
		{Path: "lua/script-file", Type: readableFile(), Doc: "File with such a script."},
		{Path: "lua/script-only", Type: boolean(), Default: "false", Doc: "Nothing but the script."},
		{Path: "lua/policy-script", Type: str(), Doc: "Appended to the configuration of the policy-loader."},
		{Path: "lua/policy-script-file", Type: readableFile(), Doc: "File with such a script."},
		{Path: "lua/policy-script-only", Type: boolean(), Default: "false", Doc: "Nothing but the script."},
	}
}
