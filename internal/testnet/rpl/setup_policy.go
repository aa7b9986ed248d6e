package rpl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// policySetup is what the options say about policy.
type policySetup struct {
	compile.Input
	clients []clientRule
	actions []tagAction
	used    bool
	// primaries of response policy zones that are transferred, by the name of the zone
	primaries map[string][]netip.AddrPort
}

// clientRule says something about clients with an address.
type clientRule struct {
	subnet    netip.Prefix
	treatment policy.Treatment // "" beside tags
	tags      []string
	access    bool // about access, not about tags
}

// rules compiles the policy; none when the options say nothing about it.
func (p *policySetup) rules() (*policy.Rules, error) {
	if !p.used {
		return nil, nil
	}
	rules, _, err := compile.Rules(p.Input)
	return rules, err
}

// policies reads the options of Unbound about clients, local data and response policy zones.
func (up *Setup) policies(s *Scenario) error {
	p := &up.Policy
	p.NoData, p.TTL = true, 3600
	p.used = true // for names of special use, if for nothing else, of which local. is none there
	p.Rules = append(p.Rules, compile.Rule{Names: []string{"local."}, Subtree: policy.SubtreeResolve})
	local := newLocalZones("")
	views := map[int]*localZones{} // by clause
	for _, o := range s.Options {
		var err error
		switch o.Section {
		case "server":
			err = up.policyOption(o, local)
		case "view":
			v := views[o.Clause]
			if v == nil {
				v = newLocalZones("view")
				views[o.Clause] = v
			}
			err = up.viewOption(o, v)
		}
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", o.Line, o.Key, err)
		}
	}
	for _, v := range views {
		v.rules(up)
	}
	if err := up.actions(local); err != nil {
		return err
	}
	local.rules(up)
	p.views()
	return up.zones(s)
}

// policyOption reads an option of the clause `server`.
func (up *Setup) policyOption(o Option, local *localZones) error {
	subject, rest, _ := strings.Cut(o.Value, " ")
	switch o.Key {
	case "access-control":
		return up.access(subject, rest)
	case "access-control-tag":
		return up.client(subject, clientRule{tags: strings.Fields(unquoted(rest))})
	case "access-control-tag-action", "access-control-tag-data":
		return up.Policy.tagged(o.Key, subject, rest)
	case "access-control-view":
		return up.client(subject, clientRule{tags: []string{viewTag(unquoted(rest))}})
	case "local-zone-override":
		network, kind, _ := strings.Cut(rest, " ")
		tag := fmt.Sprintf("override-%d", o.Line)
		override := newLocalZones(tag)
		override.zone(subject, kind)
		override.rules(up)
		return up.client(network, clientRule{tags: []string{tag}})
	}
	if o.Key == "local-data" || o.Key == "local-zone" && !strings.HasSuffix(o.Value, "nodefault") {
		up.AllowNoRD = true // local data is for queries without RD as well
	}
	up.localOption(o, local)
	return nil
}

// localOption reads what can stand in `server` and in views.
func (up *Setup) localOption(o Option, local *localZones) {
	subject, rest, _ := strings.Cut(o.Value, " ")
	switch o.Key {
	case "local-zone":
		local.zone(subject, rest)
	case "local-zone-tag":
		if n, err := dns.ParseName(subject); err == nil {
			local.tags[n.Lower()] = strings.Fields(unquoted(rest))
		}
	case "local-data":
		local.data = append(local.data, o.Value)
	case "response-ip":
		local.addresses[subject] = rest
	case "response-ip-data":
		local.addressData[subject] = append(local.addressData[subject], rest)
	}
}

func (up *Setup) viewOption(o Option, v *localZones) error {
	switch o.Key {
	case "name":
		v.tag = viewTag(o.Value)
	case "view-first":
		if !isTrue(o.Value) && o.Value != "no" {
			return fmt.Errorf("%q", o.Value)
		}
	default:
		up.localOption(o, v)
	}
	return nil
}

func viewTag(name string) string { return "view-" + name }

// access reads how clients are treated.
func (up *Setup) access(network, action string) error {
	r := clientRule{access: true}
	switch action {
	case "allow", "allow_setrd":
	case "allow_snoop":
		up.AllowNoRD = true
	case "refuse":
		r.treatment = policy.Refuse
	case "deny":
		r.treatment = policy.NoAnswer
	default:
		up.missing("access control %s", action)
	}
	return up.client(network, r)
}

func (up *Setup) client(network string, r clientRule) (err error) {
	if !strings.Contains(network, "/") {
		a, err := netip.ParseAddr(network)
		if err != nil {
			return err
		}
		network = fmt.Sprintf("%s/%d", network, a.BitLen())
	}
	r.subnet, err = netip.ParsePrefix(network)
	up.Policy.clients = append(up.Policy.clients, r)
	up.Policy.used = up.Policy.used || r.treatment != "" || len(r.tags) > 0
	return err
}

// views makes a view of each subnet: how it is treated says the longest subnet around it with something about access, and
// what tags it has the longest one with something about tags.
func (p *policySetup) views() {
	for i, r := range p.clients {
		if slices.ContainsFunc(p.clients[:i], func(o clientRule) bool { return o.subnet.Masked() == r.subnet.Masked() }) {
			continue
		}
		v := compile.View{View: policy.View{Subnets: []netip.Prefix{r.subnet.Masked()}, Minimize: true, DNS64: true, Fallback: true}}
		access, tags := -1, -1
		for _, o := range p.clients {
			switch bits := o.subnet.Bits(); {
			case !o.subnet.Contains(r.subnet.Addr()) || bits > r.subnet.Bits():
			case o.access && bits >= access:
				access, v.Treatment = bits, o.treatment
			case !o.access && bits == tags:
				v.Tags = append(v.Tags, o.tags...)
			case !o.access && bits > tags:
				tags, v.Tags = bits, slices.Clone(o.tags)
			}
		}
		p.Views = append(p.Views, v)
	}
}

// localZones is the local data of everybody, or of a view.
type localZones struct {
	tag         string
	kinds       map[dns.Name]string
	tags        map[dns.Name][]string // of zones that are not for everybody
	data        []string
	addresses   map[string]string // response-ip: action by subnet
	addressData map[string][]string
}

func newLocalZones(tag string) *localZones {
	return &localZones{tag: tag, kinds: map[dns.Name]string{}, tags: map[dns.Name][]string{}, addresses: map[string]string{}, addressData: map[string][]string{}}
}

func (l *localZones) zone(name, kind string) {
	if n, err := dns.ParseName(name); err == nil {
		l.kinds[n.Lower()] = kind
	}
}

// zoneOf is the zone that holds a name, the root if there is none.
func (l *localZones) zoneOf(name dns.Name) dns.Name {
	for {
		if _, ok := l.kinds[name]; ok || name == dns.Root {
			return name
		}
		name = name.Parent()
	}
}

// tagsOf is whom a zone is for; none: everybody.
func (l *localZones) tagsOf(zone dns.Name) []string {
	if l.tag != "" {
		return []string{l.tag}
	}
	return l.tags[zone]
}

// rules adds the zones to the policy.
func (l *localZones) rules(up *Setup) {
	p := &up.Policy
	var lists strings.Builder // what is no local data here, but a response policy
	for name, kind := range l.kinds {
		rule := compile.Rule{Names: []string{name.String()}, Tags: l.tagsOf(name)}
		switch kind {
		case "transparent", "typetransparent", "inform":
			continue
		case "nodefault":
			rule.Subtree = policy.SubtreeResolve
		case "static":
			rule.Subtree = policy.SubtreeEmpty
		case "redirect", "inform_redirect":
			rule.Subtree = policy.SubtreeRedirect
		case "refuse", "always_refuse":
			rule.Subtree = policy.SubtreeRefused
		case "always_nxdomain":
			rule.Subtree = policy.SubtreeNXDomain
		case "always_null":
			rule.Subtree, rule.Addrs = policy.SubtreeRedirect, []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
		case "always_nodata":
			fmt.Fprintf(&lists, "%[1]s CNAME *.\n*.%[1]s CNAME *.\n", name)
			continue
		case "deny", "always_deny", "inform_deny":
			fmt.Fprintf(&lists, "%[1]s CNAME rpz-drop.\n*.%[1]s CNAME rpz-drop.\n", name)
			continue
		case "always_transparent":
			fmt.Fprintf(&lists, "%[1]s CNAME rpz-passthru.\n*.%[1]s CNAME rpz-passthru.\n", name)
			continue
		default:
			up.missing("local zones of type %s", kind)
			continue
		}
		p.used = true
		p.Rules = append(p.Rules, rule)
	}
	l.records(up)
	l.responses(up, &lists)
	if lists.Len() > 0 && len(l.tags) > 0 {
		up.missing("tags of local zones that are rules of a response policy here (local-zone-tag)")
	}
	if lists.Len() > 0 {
		p.used = true
		p.RPZ = append(p.RPZ, compile.RPZ{File: "local zones", Text: lists.String(), Tags: l.tagsOf(""), EDE: dns.NoEDE, Strict: true})
	}
}

// records adds what names in the zones have.
func (l *localZones) records(up *Setup) {
	p := &up.Policy
	for _, text := range l.data {
		rr, err := parseAnchorRecord(text)
		switch {
		case err != nil:
			up.missing("local data %q", text)
		case rr.Class != dns.ClassIN:
			up.missing("local data of class %v", rr.Class)
		default:
			p.used = true
			zone := l.zoneOf(rr.Owner.Lower())
			kind := l.kinds[zone]
			p.Rules = append(p.Rules, compile.Rule{Records: text + "\n", Tags: l.tagsOf(zone), NoData: kind != "typetransparent" && kind != "redirect"})
		}
	}
}

// responses adds rules for addresses in answers.
func (l *localZones) responses(up *Setup, lists *strings.Builder) {
	actions := map[string]string{"deny": "rpz-drop.", "always_nxdomain": ".", "always_nodata": "*.", "always_transparent": "rpz-passthru."}
	for subnet, kind := range l.addresses {
		owner, err := addressOwner(subnet)
		if err != nil {
			up.missing("response-ip %s", subnet)
			continue
		}
		target, ok := actions[kind]
		switch {
		case ok:
			fmt.Fprintf(lists, "%s CNAME %s\n", owner, target)
		case kind == "redirect" && len(l.addressData[subnet]) > 0:
			for _, data := range l.addressData[subnet] {
				fmt.Fprintf(lists, "%s %s\n", owner, unquoted(data))
			}
		case kind == "redirect":
			fmt.Fprintf(lists, "%s CNAME *.\n", owner)
		default:
			up.missing("response-ip of type %s", kind)
		}
	}
}

// addressOwner is the owner of an RPZ rule for addresses in answers.
func addressOwner(subnet string) (string, error) {
	if !strings.Contains(subnet, "/") {
		a, err := netip.ParseAddr(subnet)
		if err != nil {
			return "", err
		}
		subnet = fmt.Sprintf("%s/%d", subnet, a.BitLen())
	}
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		return "", err
	}
	var parts []string
	octets := p.Addr().AsSlice()
	for i := 0; i < len(octets); i++ {
		if p.Addr().Is4() {
			parts = append(parts, fmt.Sprint(octets[i]))
		} else if i%2 == 0 {
			parts = append(parts, fmt.Sprintf("%x", uint16(octets[i])<<8|uint16(octets[i+1])))
		}
	}
	slices.Reverse(parts)
	return fmt.Sprintf("%d.%s.rpz-ip", p.Bits(), strings.Join(parts, ".")), nil
}

// zones reads the clauses `rpz`.
func (up *Setup) zones(s *Scenario) error {
	clause, first := 0, len(up.Policy.RPZ)
	for _, o := range s.Options {
		if o.Section != "rpz" {
			continue
		}
		p := &up.Policy
		if o.Clause != clause {
			clause, p.used = o.Clause, true
			p.RPZ = append(p.RPZ, compile.RPZ{EDE: dns.EDEBlocked})
		}
		if err := up.zoneOption(&p.RPZ[len(p.RPZ)-1], s, o); err != nil {
			return fmt.Errorf("line %d: %s: %w", o.Line, o.Key, err)
		}
	}
	for i := range up.Policy.RPZ[first:] {
		z := &up.Policy.RPZ[first+i]
		_, z.Absent = up.Policy.primaries[z.File] // what is not there yet
		if z.Text == "" && !z.Absent {
			up.missing("response policy zones without a file (rpz)")
		}
	}
	return nil
}

func (up *Setup) zoneOption(z *compile.RPZ, s *Scenario, o Option) error {
	switch o.Key {
	case "name":
		z.File = o.Value
	case "zonefile":
		z.Text = "$ORIGIN " + strings.TrimSuffix(z.File, ".") + ".\n" + strings.Join(s.Files[o.Value], "\n") + "\n"
	case "tags":
		z.Tags = strings.Fields(o.Value)
	case "rpz-action-override":
		up.override(z, o.Value)
	case "rpz-cname-override":
		z.Override.CNAME = o.Value
	case "master", "primary":
		return up.Policy.primary(z.File, o.Value)
	case "rpz-log", "rpz-log-name": // nobody looks at the log
	default:
		if o.Value != "no" {
			up.missing("response policy zones: %s", o.Key)
		}
	}
	return nil
}

func (up *Setup) override(z *compile.RPZ, action string) {
	marks := map[string]policy.Mark{"nxdomain": policy.MarkNXDomain, "nodata": policy.MarkNoData, "passthru": policy.MarkPass, "drop": policy.MarkDrop}
	switch mark, ok := marks[action]; {
	case ok:
		z.Override.Mark = mark
	case action == "disabled":
		z.DryRun = true
	case action != "cname":
		up.missing("rpz-action-override %s", action)
	}
}
