package config

func forwardOptions() []Option {
	all := []Option{
		{Path: "forward[]", Doc: "Other resolvers or servers to ask for some names.", check: checkForward},
		{Path: "forward[]/subtree", Type: listOrItem(domainName()), Required: true, Status: Supported, Doc: "Names at and below these."},
	}
	all = append(all, serverOptions("forward[]/servers[]", Option{Required: true, Status: Supported})...)
	all = append(all,
		Option{Path: "forward[]/options", Status: Supported, Doc: "How to ask."},
		Option{Path: "forward[]/options/authoritative", Type: boolean(), Default: "false", Doc: "The servers are authoritative, not resolvers."},
		Option{Path: "forward[]/options/dnssec", Type: boolean(), Default: "true", Doc: "Validate their answers."},
		Option{Path: "fallback", Status: NotYet, Doc: "Resolvers to ask when resolution fails.", check: checkFallback},
		Option{Path: "fallback/enable", Type: boolean(), Default: "false", Doc: "Ask them."},
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
		{Path: at + "/address", Type: listOrItem(addressPort(true)), Required: true, Status: Supported,
			Doc: "Addresses; the port is 53, or 853 with tls, when absent."},
		{Path: at + "/transport", Type: enum("tls"), Status: NotYet, Doc: "When absent, UDP and TCP."},
		{Path: at + "/pin-sha256", Type: listOrItem(pinSHA256()), Status: NotYet, Doc: "Digests of acceptable public keys."},
		{Path: at + "/hostname", Type: domainName(), Status: NotYet, Doc: "Name in the server's certificate."},
		{Path: at + "/ca-file", Type: readableFile(), Status: NotYet, Doc: "Certificates to trust; when absent, those of the system."},
	}
}
