package config

func forwardOptions() []Option {
	all := []Option{
		{Path: "forward[]", Doc: "Other resolvers or servers to ask for some names."},
		{Path: "forward[]/subtree", Type: listOrItem(domainName()), Required: true, Doc: "Names at and below these."},
	}
	all = append(all, serverOptions("forward[]/servers[]", Option{Required: true})...)
	all = append(all,
		Option{Path: "forward[]/options", Doc: "How to ask."},
		Option{Path: "forward[]/options/authoritative", Type: boolean(), Default: "false", Doc: "The servers are authoritative, not resolvers."},
		Option{Path: "forward[]/options/dnssec", Type: boolean(), Default: "true", Doc: "Validate their answers."},
		Option{Path: "forward[]/tags", Type: listOf(tag()), Ours: true,
			Doc: "Only for clients of views with one of these tags, of whose answers nothing is cached then."},
		Option{Path: "forward[]/options/first", Type: boolean(), Default: "false", Ours: true, Doc: "When they fail, resolve as if there were no rule."},
		Option{Path: "forward[]/options/cache", Type: boolean(), Default: "true", Ours: true, Doc: "Keep their answers in the cache."},
		Option{Path: "fallback", Doc: "Resolvers to ask when resolution fails or takes more than three seconds, except for names that are forwarded below the root.", check: checkFallback},
		Option{Path: "fallback/enable", Type: boolean(), Default: "false", Doc: "Ask them."},
		Option{Path: "fallback/options", Ours: true, Doc: "How to ask them."},
		Option{Path: "fallback/options/dnssec", Type: boolean(), Default: "true", Ours: true,
			Doc: "Validate their answers; if not, they also answer for names that are bogus here."},
	)
	return append(all, serverOptions("fallback/servers[]", Option{})...)
}

// serverOptions are the options of servers to ask, at one of the places that
// have them; the list itself is made from what the place asks for.
func serverOptions(at string, list Option) []Option {
	list.Path, list.shorthand, list.check = at, "address", checkServer
	list.Doc = "The servers; an address alone stands for {address: …}."
	return []Option{
		list,
		{Path: at + "/address", Type: listOrItem(addressPort(true)), Required: true,
			Doc: "Addresses; the port is 53, or 853 with tls, when absent."},
		{Path: at + "/transport", Type: enum("tcp", "tls"), Doc: "When absent, UDP and TCP; tls needs hostname or pin-sha256."},
		{Path: at + "/pin-sha256", Type: listOrItem(pinSHA256()), Doc: "Digests of acceptable public keys, of the server or of a certificate that vouches for it."},
		{Path: at + "/hostname", Type: domainName(), Doc: "Name in the server's certificate."},
		{Path: at + "/ca-file", Type: readableFile(), Doc: "Certificates in PEM to trust; when absent, those of the system."},
	}
}
