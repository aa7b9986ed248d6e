package config

func localDataOptions() []Option {
	return []Option{
		{Path: "local-data", Class: Policy, Doc: "Names answered from this configuration."},
		{Path: "local-data/ttl", Type: duration(), Doc: "TTL of the records; when absent, 300 s."},
		{Path: "local-data/nodata", Type: boolean(), Default: "true", Doc: "Other types of these names do not exist."},
		{Path: "local-data/addresses", Type: dict{domainName(), listOrItem(ipAddress())}, Doc: "Addresses of names, and names of the addresses."},
		{Path: "local-data/addresses-files", Type: listOf(readableFile()), Doc: "Files in the format of /etc/hosts."},
		{Path: "local-data/records", Type: str(), Doc: "Records in the format of a zone file."},

		{Path: "local-data/rules[]", Doc: "Names with conditions.", check: checkRule},
		{Path: "local-data/rules[]/name", Type: listOrItem(domainName()), Doc: "The names."},
		{Path: "local-data/rules[]/subtree", Type: enum("empty", "nxdomain", "redirect", "refused", "resolve"), Doc: "What happens to all names below; resolve = as if there were no local data, also for names of special use."},
		{Path: "local-data/rules[]/address", Type: listOrItem(ipAddress()), Doc: "Their addresses."},
		{Path: "local-data/rules[]/file", Type: listOrItem(readableFile()), Doc: "Files in the format of /etc/hosts."},
		{Path: "local-data/rules[]/records", Type: str(), Doc: "Records in the format of a zone file."},
		{Path: "local-data/rules[]/tags", Type: listOf(tag()), Doc: "Only for clients with one of these tags."},
		{Path: "local-data/rules[]/ttl", Type: duration(), Doc: "When absent, as /local-data/ttl."},
		{Path: "local-data/rules[]/nodata", Type: boolean(), Doc: "When absent, as /local-data/nodata."},

		{Path: "local-data/rpz[]", Class: Policy | Manager, Doc: "Response policy zones, each from a file or from a primary server, the most important first.", check: checkRPZ},
		{Path: "local-data/rpz[]/file", Type: readableFile(), Doc: "Zone file."},
		{Path: "local-data/rpz[]/watchdog", Type: autoOrBool(), Default: "auto", Doc: "Load the file again when it changes."},
		{Path: "local-data/rpz[]/tags", Type: listOf(tag()), Doc: "Only for clients with one of these tags."},
		{Path: "local-data/rpz[]/log", Type: listOf(enum("ip", "name")), Doc: "Log each hit with the client's address or the name asked."},
		{Path: "local-data/rpz[]/action", Type: enum("given", "nxdomain", "nodata", "passthru", "drop", "tcp-only"), Default: "given", Ours: true,
			Doc: "What all rules do, whatever they say; given = what they say."},
		{Path: "local-data/rpz[]/cname", Type: domainName(), Ours: true, Doc: "Where all rules lead, whatever they say."},
		{Path: "local-data/rpz[]/extended-error", Type: enum("blocked", "censored", "filtered"), Default: "blocked", Ours: true,
			Doc: "Why denials are made, for clients: EDE 15, 16 or 17 (RFC 8914)."},
		{Path: "local-data/rpz[]/dry-run", Type: boolean(), Default: "false", Ours: true, Doc: "Count and log hits, but answer as if there were none."},
		{Path: "local-data/rpz[]/strict", Type: boolean(), Default: "false", Ours: true, Doc: "Refuse a zone with mistakes; otherwise records with mistakes are skipped."},
		{Path: "local-data/rpz[]/transfer", Ours: true, Doc: "Keep a copy of a primary server's zone, below the cache's directory."},
		{Path: "local-data/rpz[]/transfer/zone", Type: domainName(), Required: true, Ours: true, Doc: "Name of the zone."},
		{Path: "local-data/rpz[]/transfer/primaries", Type: listOrItem(addressPort(true)), Required: true, Ours: true,
			Doc: "Servers to take it from, in this order; the port is 53 when absent."},
		{Path: "local-data/rpz[]/transfer/notify", Type: listOrItem(addressPort(false)), Ours: true,
			Doc: "Addresses where primaries tell (NOTIFY over UDP) that the zone has changed; ports above 1023."},
		{Path: "local-data/rpz[]/transfer/tsig", Ours: true, Doc: "Key that signs the transfer and NOTIFY."},
		{Path: "local-data/rpz[]/transfer/tsig/name", Type: domainName(), Required: true, Ours: true, Doc: "Name of the key."},
		{Path: "local-data/rpz[]/transfer/tsig/algorithm", Type: enum("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"), Default: "hmac-sha256",
			Ours: true, Doc: "Its algorithm."},
		{Path: "local-data/rpz[]/transfer/tsig/secret-file", Type: readableFile(), Required: true, Ours: true, Doc: "File with its secret in base64, and nothing else."},
	}
}

func viewsOptions() []Option {
	return []Option{
		{Path: "views[]", Class: Policy, Doc: "Groups of clients.", check: checkView},
		{Path: "views[]/subnets", Type: listOf(subnet()), Required: true, Doc: "Addresses of the clients."},
		{Path: "views[]/dst-subnet", Type: subnet(), Doc: "Only for queries to these addresses."},
		{Path: "views[]/protocols", Type: listOf(enum("udp53", "tcp53", "dot", "doh", "doq")), Doc: "Only for these protocols."},
		{Path: "views[]/tags", Type: listOf(tag()), Doc: "Rules with these tags are for the clients."},
		{Path: "views[]/answer", Type: enum("allow", "refused", "noanswer"), Doc: "Fixed treatment of the clients."},
		{Path: "views[]/options", Doc: "Exceptions for the clients."},
		{Path: "views[]/options/minimize", Type: boolean(), Default: "true", Doc: "False turns QNAME minimisation off."},
		{Path: "views[]/options/dns64", Type: boolean(), Default: "true", Doc: "False turns DNS64 off."},
		{Path: "views[]/options/price-factor", Type: number(0, 65535), Default: "1.0", Doc: "Multiplier of rate-limiting and defer prices; 0 = never limited."},
		{Path: "views[]/options/fallback", Type: boolean(), Default: "true", Doc: "False turns fallback off."},
	}
}
