package config

import "time"

func loggingOptions() []Option {
	return []Option{
		{Path: "logging", Class: Manager | Collector, Doc: "Logs of all processes."},
		{Path: "logging/level", Type: enum("crit", "err", "warning", "notice", "info", "debug"), Default: "notice", Doc: "Least severity that is logged."},
		{Path: "logging/target", Type: enum("syslog", "stderr", "stdout", targetFromEnv), Default: targetFromEnv,
			Doc: "Where to; syslog = the journal where systemd runs; from-env = as the variable " + targetVariable + " says, stdout when unset."},
		{Path: "logging/groups", Type: setOf(enum(logGroups()...)), Doc: "Processes and parts logged at level debug whatever the level."},

		{Path: "logging/dnstap", Class: Worker, Doc: "Log of queries and answers in dnstap format.", check: checkDnstap},
		{Path: "logging/dnstap/enable", Type: boolean(), Default: "false", Doc: "Write it."},
		{Path: "logging/dnstap/unix-socket", Type: writableFile(), Doc: "Socket of the receiver."},
		{Path: "logging/dnstap/log-queries", Type: boolean(), Default: "false", Doc: "Include queries."},
		{Path: "logging/dnstap/log-responses", Type: boolean(), Default: "false", Doc: "Include answers."},
		{Path: "logging/dnstap/log-tcp-rtt", Type: boolean(), Default: "false", Doc: "Include the round-trip time of TCP clients."},

		{Path: "monitoring", Doc: "Metrics."},
		{Path: "monitoring/metrics", Type: enum("manager-only", "lazy", "always"), Default: "lazy",
			Doc: "When workers count: never, from the first request for metrics on, or always."},
		{Path: "monitoring/graphite", Class: Manager, Doc: "Metrics sent to Graphite.", check: checkGraphite},
		{Path: "monitoring/graphite/enable", Type: boolean(), Default: "false", Doc: "Send them."},
		{Path: "monitoring/graphite/host", Type: either{ipAddress(), domainName()}, Doc: "Receiver."},
		{Path: "monitoring/graphite/port", Type: port(), Default: "2003", Doc: "Port of the receiver."},
		{Path: "monitoring/graphite/prefix", Type: str(), Default: `""`, Doc: "Put before each name."},
		{Path: "monitoring/graphite/interval", Type: durationFrom(time.Second), Default: "5s", Doc: "Time between transmissions."},
		{Path: "monitoring/graphite/tcp", Type: boolean(), Default: "false", Doc: "Use TCP instead of UDP."},
	}
}

// logGroups are the processes, the parts of the manager, and the parts of kresd.
func logGroups() []string {
	return []string{
		"manager", "supervisord", "policy-loader", "kresd", "cache-gc",
		"files", "metrics", "server",
		"system", "cache", "io", "net", "ta", "tasent", "tasign", "taupd", "tls", "gnutls", "tls_cl", "xdp", "doh",
		"dnssec", "hint", "plan", "iterat", "valdtr", "resolv", "select", "zoncut", "cookie", "statis", "rebind",
		"worker", "policy", "daf", "timejm", "timesk", "graphi", "prefil", "primin", "srvstl", "wtchdg", "nsid",
		"dnstap", "tests", "dotaut", "http", "contrl", "module", "devel", "renum", "exterr", "rules", "prlayr",
		"defer", "doq", "ngtcp2",
	}
}
