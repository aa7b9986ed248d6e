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
		{Path: "local-data/rules[]/subtree", Type: enum("empty", "nxdomain", "redirect"), Doc: "What happens to all names below."},
		{Path: "local-data/rules[]/address", Type: listOrItem(ipAddress()), Doc: "Their addresses."},
		{Path: "local-data/rules[]/file", Type: listOrItem(readableFile()), Doc: "Files in the format of /etc/hosts."},
		{Path: "local-data/rules[]/records", Type: str(), Doc: "Records in the format of a zone file."},
		{Path: "local-data/rules[]/tags", Type: listOf(tag()), Status: NotYet, Doc: "Only for clients with one of these tags."},
		{Path: "local-data/rules[]/ttl", Type: duration(), Doc: "When absent, as /local-data/ttl."},
		{Path: "local-data/rules[]/nodata", Type: boolean(), Doc: "When absent, as /local-data/nodata."},

		{Path: "local-data/rpz[]", Class: Policy | Manager, Doc: "Response policy zones."},
		{Path: "local-data/rpz[]/file", Type: readableFile(), Required: true, Doc: "Zone file."},
		{Path: "local-data/rpz[]/watchdog", Type: autoOrBool(), Default: "auto", Only: []string{"auto", "false"}, Doc: "Load the file again when it changes."},
		{Path: "local-data/rpz[]/tags", Type: listOf(tag()), Status: NotYet, Doc: "Only for clients with one of these tags."},
		{Path: "local-data/rpz[]/log", Type: listOf(enum("ip", "name")), Status: NotYet, Doc: "Log each hit with the client's address or the name asked."},
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
