package config

func networkOptions() []Option {
	ednsSize := sizeRange(512, 65535)
	return []Option{
		{Path: "network", Doc: "Sockets and messages on the wire."},
		{Path: "network/do-ipv4", Type: boolean(), Default: "true", Doc: "Contact servers over IPv4."},
		{Path: "network/do-ipv6", Type: boolean(), Default: "true", Doc: "Contact servers over IPv6."},
		{Path: "network/do-not-query", Type: listOf(subnet()), Ours: true, Doc: "Servers in these subnets are never asked, whoever names them."},
		{Path: "network/nat64-prefix", Type: nat64Prefix(), Ours: true,
			Doc: "Prefix of a NAT64, of 32, 40, 48, 56, 64 or 96 bits, through which IPv4 servers are contacted over IPv6."},
		{Path: "network/out-interface-v4", Type: ipv4Address(), Doc: "Source address of upstream queries over IPv4."},
		{Path: "network/out-interface-v6", Type: ipv6Address(), Doc: "Source address of upstream queries over IPv6."},
		{Path: "network/tcp-pipeline", Type: integer(0, 65535), Default: "100",
			Doc: "Most outstanding queries of one client connection."},
		{Path: "network/edns-tcp-keepalive", Type: boolean(), Default: "true",
			Doc: "Tell clients how long to keep connections open (RFC 7828)."},
		{Path: "network/cookies", Type: boolean(), Default: "true", Ours: true,
			Doc: "Give clients cookies, by which they show that they own their address (RFC 7873)."},

		{Path: "network/edns-buffer-size", Doc: "UDP payload sizes announced with EDNS (RFC 6891)."},
		{Path: "network/edns-buffer-size/upstream", Type: ednsSize, Default: "1232B", Doc: "Announced to servers."},
		{Path: "network/edns-buffer-size/downstream", Type: ednsSize, Default: "1232B", Doc: "Announced to clients."},

		{Path: "network/address-renumbering[]", Doc: "Rewriting of addresses in answers; the first rule that fits decides.", check: checkRenumbering},
		{Path: "network/address-renumbering[]/source", Type: subnet(), Required: true, Doc: "Subnet to rewrite."},
		{Path: "network/address-renumbering[]/destination", Type: either{exactAddress(), ipAddress()}, Required: true,
			Doc: "New prefix; with ! behind it, the exact new address."},

		{Path: "network/tls", Status: NotYet, Doc: "Encrypted transports.", check: checkTLS},
		{Path: "network/tls/watchdog", Type: autoOrBool(), Default: "auto", Class: Worker | Manager,
			Doc: "Load certificate and key again when the files change."},
		{Path: "network/tls/cert-file", Type: readableFile(), Class: Worker | Manager, Doc: "Certificate chain; without it, self-signed."},
		{Path: "network/tls/key-file", Type: readableFile(), Class: Worker | Manager, Doc: "Private key of the certificate."},
		{Path: "network/tls/sticket-secret", Type: longSecret(), Doc: "Secret of session tickets, shared between resolvers."},
		{Path: "network/tls/sticket-secret-file", Type: readableFile(), Doc: "File with the secret of session tickets."},
		{Path: "network/tls/padding", Type: either{boolean(), integer(0, 512)}, Default: "true",
			Doc: "Padding of answers (RFC 7830); a number is the block size, 0 and 1 turn it off."},

		{Path: "network/quic", Status: NotYet, Doc: "DNS over QUIC (RFC 9250)."},
		{Path: "network/quic/max-conns", Type: integer(1, 4096), Default: "1024", Doc: "Most connections of one worker."},
		{Path: "network/quic/max-streams", Type: integer(1, 4096), Default: "1024", Doc: "Most concurrent streams of a connection."},
		{Path: "network/quic/require-retry", Type: boolean(), Default: "false", Doc: "Validate the address of unknown clients."},

		{Path: "network/proxy-protocol", Status: NotYet, Doc: "The PROXY protocol, version 2.", check: checkProxy},
		{Path: "network/proxy-protocol/enable", Type: boolean(), Default: "false", Doc: "Accept the PROXY protocol."},
		{Path: "network/proxy-protocol/allow", Type: listOf(subnet()), Doc: "Addresses and subnets of trusted proxies."},

		{Path: "network/listen[]", Default: `[{interface: 127.0.0.1}, {interface: "::1", freebind: true}]`, check: checkListen,
			Doc: "Where clients are served; a list replaces the default completely."},
		{Path: "network/listen[]/interface", Type: listOrItem(interfacePort()),
			Doc: "Addresses, or interface names that stand for all their addresses."},
		{Path: "network/listen[]/unix-socket", Type: listOrItem(writableFile()), Status: NotYet, Doc: "Paths of Unix sockets."},
		{Path: "network/listen[]/port", Type: port(), Doc: "Port; when absent: dns and xdp 53, dot and doq 853, doh2 443, doh2-insecure 80."},
		{Path: "network/listen[]/kind", Type: enum("dns", "xdp", "dot", "doh-legacy", "doh2", "doh2-insecure", "doq"), Default: "dns",
			Only: []string{"dns"}, Doc: "Protocol; dns = UDP and TCP."},
		{Path: "network/listen[]/freebind", Type: boolean(), Default: "false", Doc: "Bind even to addresses this machine does not have."},
	}
}

func autoOrBool() Type { return either{enum("auto"), boolean()} }
