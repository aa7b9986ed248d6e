package config

func topOptions() []Option {
	return []Option{
		{Path: "version", Type: integer(1, 1), Default: "1", Class: None, Doc: "Version of this schema."},
		{Path: "nsid", Type: str(),
			Doc: "Identity of the server (RFC 5001); each worker appends its number."},
		{Path: "hostname", Type: str(),
			Doc: "Name of the resolver itself; when absent, the name of the machine."},
		{Path: "rundir", Type: writableDir(), Default: "/run/knot-resolver", Class: Restart,
			Doc: "Working directory of all processes, with locks, sockets and generated files."},
		{Path: "workers", Type: either{enum(workersAuto), positive()}, Default: "1",
			Doc: "Number of kresd processes; auto = one for each CPU this service may use."},

		{Path: "management", Class: Restart, Doc: "The HTTP API of the manager.", check: checkManagement},
		{Path: "management/unix-socket", Type: writableFile(), Default: "/run/knot-resolver/kres-api.sock",
			Doc: "Unix socket of the API."},
		{Path: "management/interface", Type: addressPort(false), Status: NotYet,
			Doc: "Address and port of the API, which has no authentication."},
	}
}

func optionsOptions() []Option {
	return []Option{
		{Path: "options", Doc: "Switches of name resolution."},
		{Path: "options/glue-checking", Type: enum("normal", "strict", "permissive"), Default: "normal",
			Doc: "Which addresses given by a parent zone are believed."},
		{Path: "options/minimize", Type: boolean(), Default: "true",
			Doc: "Send servers no more of a name than they need (RFC 9156)."},
		{Path: "options/query-loopback", Type: boolean(), Default: "false",
			Doc: "Allow queries to servers on loopback addresses."},
		{Path: "options/reorder-rrset", Type: boolean(), Default: "true",
			Doc: "Rotate the records inside RRsets of answers."},
		{Path: "options/query-case-randomization", Type: boolean(), Default: "true",
			Doc: "Randomise letter case in upstream queries, against forged answers."},
		{Path: "options/priming", Type: boolean(), Default: "true",
			Doc: "Refresh the list of root servers from the root itself (RFC 8109)."},
		{Path: "options/rebinding-protection", Type: boolean(), Default: "false",
			Doc: "Refuse answers with private addresses from the public DNS."},
		{Path: "options/rebinding-allow-names", Type: listOf(domainName()), Ours: true,
			Doc: "Names at and below which private addresses are answered in spite of rebinding-protection."},
		{Path: "options/rebinding-allow-subnets", Type: listOf(subnet()), Ours: true,
			Doc: "Private subnets that rebinding-protection lets pass."},
		{Path: "options/rebinding-action", Type: enum("refuse", "strip"), Default: "refuse", Ours: true,
			Doc: "What rebinding-protection does: refuse the answer, or leave the private addresses out of it."},
		{Path: "options/refuse-no-rd", Type: boolean(), Default: "true",
			Doc: "Refuse queries without the RD flag."},
		{Path: "options/time-jump-detection", Type: boolean(), Default: "true",
			Doc: "Clear the cache when the clock jumps."},
		{Path: "options/violators-workarounds", Type: boolean(), Default: "false",
			Doc: "Leave letter case alone in queries for a few domains whose servers need that."},
		{Path: "options/serve-stale", Type: boolean(), Default: "false",
			Doc: "Answer with records expired up to a day ago when servers do not answer (RFC 8767)."},
		{Path: "options/chaos", Ours: true, Doc: "What clients may learn about the server in class CHAOS (RFC 4892); by default the class is refused."},
		{Path: "options/chaos/identity", Type: characterString(), Ours: true, Doc: "Text for id.server and hostname.bind."},
		{Path: "options/chaos/version", Type: characterString(), Ours: true, Doc: "Text for version.server and version.bind."},
		{Path: "options/root-hints", Type: readableFile(), Ours: true,
			Doc: "Zone file with NS, A and AAAA records of the root servers; when absent, built in."},
		{Path: "options/upstream-port", Type: port(), Default: "53", Ours: true,
			Doc: "Port of authoritative servers; other than 53 only for tests and demonstrations."},
	}
}
