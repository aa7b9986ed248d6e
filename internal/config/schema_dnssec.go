package config

func dnssecOptions() []Option {
	return []Option{
		{Path: "dnssec", Doc: "Validation."},
		{Path: "dnssec/enable", Type: boolean(), Default: "true", Doc: "Validate; false removes the trust anchor of the root."},
		{Path: "dnssec/log-bogus", Type: boolean(), Default: "false", Doc: "Log one line for each validation failure."},
		{Path: "dnssec/sentinel", Type: boolean(), Default: "true",
			Doc: "Let clients ask which root keys are trusted (RFC 8509)."},
		{Path: "dnssec/signal-query", Type: boolean(), Default: "true",
			Doc: "Tell the servers of zones with trust anchors which keys are trusted (RFC 8145 section 5)."},
		{Path: "dnssec/trust-anchors", Type: listOf(trustAnchor()),
			Doc: "DS or DNSKEY records, trusted instead of the built-in ones of their zone."},
		{Path: "dnssec/trust-anchors-files[]", Doc: "Files with trust anchors.", check: checkAnchorFile},
		{Path: "dnssec/trust-anchors-files[]/file", Type: readableFile(), Required: true,
			Doc: "Zone file with DS or DNSKEY records of one zone; they replace the anchors of that zone."},
		{Path: "dnssec/trust-anchors-files[]/read-only", Type: boolean(), Default: "false",
			Doc: "Leave the file alone. Otherwise new keys of the zone are learnt and written into it (RFC 5011); its directory must be writable."},
		{Path: "dnssec/negative-trust-anchors", Type: listOf(domainName()),
			Doc: "Names below which nothing is validated (RFC 7646)."},
		{Path: "dnssec/sha1", Type: boolean(), Default: "true", Ours: true,
			Doc: "Accept RSA/SHA-1 signatures (algorithms 5 and 7) and DS digests of type 1; otherwise such zones are insecure."},
		{Path: "dnssec/nsec3-iterations", Type: integer(0, 65535), Default: "50", Ours: true,
			Doc: "Zones with more NSEC3 iterations are insecure (RFC 9276)."},

		{Path: "dns64", Doc: "IPv6 addresses made from IPv4 addresses (RFC 6147)."},
		{Path: "dns64/enable", Type: boolean(), Default: "false", Doc: "Make them."},
		{Path: "dns64/prefix", Type: listOrItem(nat64Prefix()), Default: `"64:ff9b::/96"`,
			Doc: "Prefixes of the addresses made, of 32, 40, 48, 56, 64 or 96 bits; each gives an address."},
		{Path: "dns64/reverse-ttl", Type: duration(), Doc: "TTL of reverse records made; when absent, 60s."},
		{Path: "dns64/exclude-subnets", Type: listOf(ipv6Network()),
			Doc: "Existing addresses in these subnets do not count; when absent, ::ffff:0:0/96."},
		{Path: "dns64/ignore-aaaa", Type: listOf(domainName()), Ours: true,
			Doc: "Names at and below which existing addresses count only where there is no IPv4 address."},
	}
}
