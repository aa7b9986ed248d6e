package config

import (
	"net/netip"
	"slices"
)

func checkView(c *checker, s *section) {
	if s.count("tags", "answer") != 1 {
		c.fail(s.pos, s.at, "%s", oneOf("tags", "answer"))
	}
	if !s.has("dst-subnet") {
		return
	}
	dst := get[netip.Prefix](s, "dst-subnet")
	for _, v := range get[[]value](s, "subnets") {
		if v.v.(netip.Prefix).Addr().Is4() != dst.Addr().Is4() {
			c.fail(v.pos, v.at, "expected the address family of dst-subnet %s", dst)
		}
	}
}

func checkRule(c *checker, s *section) {
	if s.count("name", "file", "records") != 1 {
		c.fail(s.pos, s.at, "%s", oneOf("name", "file", "records"))
		return
	}
	if !s.has("name") {
		if s.count("address", "subtree") > 0 {
			c.fail(s.pos, s.at, "address and subtree need name")
		}
		return
	}
	subtree := get[string](s, "subtree")
	switch {
	case s.count("address", "subtree") == 0:
		c.fail(s.pos, s.at, "expected address or subtree beside name")
	case s.has("address") && subtree != "" && subtree != "empty" && subtree != "redirect":
		c.failAt(s, "subtree", "expected empty or redirect beside address")
	case subtree != "" && !s.has("address") && get[bool](s, "nodata"):
		c.failAt(s, "nodata", "expected address beside subtree when nodata is true")
	}
}

func checkRPZ(c *checker, s *section) {
	if s.has("file") == get[*section](s, "transfer").given {
		c.fail(s.pos, s.at, "%s", oneOf("file", "transfer"))
	}
	if s.has("cname") && get[string](s, "action") != "given" {
		c.failAt(s, "cname", "expected only one of action and cname")
	}
}

func checkFallback(c *checker, s *section) {
	if get[bool](s, "enable") && !s.has("servers") {
		c.failAt(s, "enable", "expected servers")
	}
}

func checkServer(c *checker, s *section) {
	if s.has("pin-sha256") && s.count("hostname", "ca-file") > 0 {
		c.failAt(s, "pin-sha256", "expected either pin-sha256 or hostname and ca-file")
	}
	tls, authenticated := get[string](s, "transport") == "tls", s.count("pin-sha256", "hostname") > 0
	switch {
	case tls && !authenticated:
		c.failAt(s, "transport", "tls needs hostname or pin-sha256 to know the server")
	case !tls && s.count("pin-sha256", "hostname", "ca-file") > 0:
		c.fail(s.pos, s.at, "pin-sha256, hostname and ca-file need transport: tls")
	}
}

// mostTags is what fits the bit set a client's tags are matched with.
const mostTags = 64

// checkTags compares the tags of rules with those of views.
func checkTags(c *checker, s *section) {
	inViews, used := map[string]bool{}, map[string]bool{}
	for _, view := range get[[]*section](s, "views") {
		for _, t := range items[string](view, "tags") {
			inViews[t] = true
		}
	}
	rules := slices.Concat(get[[]*section](s, "local-data/rules"), get[[]*section](s, "local-data/rpz"), get[[]*section](s, "forward"))
	for _, rule := range rules {
		for _, t := range get[[]value](rule, "tags") {
			name := t.v.(string)
			used[name] = true
			if !inViews[name] {
				c.fail(t.pos, t.at, "no view has the tag %s", name)
			}
		}
	}
	for _, view := range get[[]*section](s, "views") {
		for _, t := range get[[]value](view, "tags") {
			if !used[t.v.(string)] {
				c.warn(t.pos, t.at, "no rule has the tag %s", t.v)
			}
		}
	}
	if len(inViews) > mostTags {
		v := s.value("views")
		c.fail(v.pos, v.at, "%d different tags; expected at most %d", len(inViews), mostTags)
	}
}
