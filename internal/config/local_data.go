package config

import (
	"net/netip"
	"slices"
	"time"
)

// LocalData are the names answered from the configuration.
type LocalData struct {
	Addresses      []LocalAddress // in the order written
	AddressesFiles []string       // absolute paths of files in the format of hosts(5)
	Records        string         // text of a zone file
	Rules          []LocalRule
	RPZ            []RPZ
	TTL            time.Duration
	NoData         bool // answer NODATA for the other types of these names
}

// Files returns all files that the rules are read from. What these include is not among them.
func (l *LocalData) Files() []string {
	files := slices.Clone(l.AddressesFiles)
	for _, r := range l.Rules {
		files = append(files, r.Files...)
	}
	for _, z := range l.RPZ {
		files = append(files, z.File)
	}
	return files
}

// LocalAddress gives one name its addresses.
type LocalAddress struct {
	Name  string // lower case, with trailing dot
	Addrs []netip.Addr
}

// LocalRule is one item of local-data/rules: names, files or records.
type LocalRule struct {
	Names   []string // lower case, with trailing dot
	Subtree Subtree
	Addrs   []netip.Addr // of Names
	Files   []string     // absolute paths of files in the format of hosts(5)
	Records string       // text of a zone file
	Tags    []string     // only for clients with one of these; none = all
	TTL     time.Duration
	NoData  bool
}

// Subtree says what happens to all names below one.
type Subtree string

// The treatments of a subtree.
const (
	SubtreeNone     Subtree = ""
	SubtreeEmpty    Subtree = "empty"
	SubtreeNXDomain Subtree = "nxdomain"
	SubtreeRedirect Subtree = "redirect"
	SubtreeRefused  Subtree = "refused"
	SubtreeResolve  Subtree = "resolve" // as if there were no local data
)

// RPZ is a response policy zone.
type RPZ struct {
	File          string    // absolute path
	Watch         bool      // load it again when it changes
	Tags          []string  // only for clients with one of these; none = all
	LogIP         bool      // log each hit with the client's address
	LogName       bool      // and with the name asked
	Action        string    // of all rules: nxdomain, nodata, passthru, drop, tcp-only; empty = what they say
	CNAME         string    // where all rules lead; empty = where they say
	ExtendedError string    // of denials: blocked, censored, filtered
	DryRun        bool      // count and log hits, but do nothing
	Strict        bool      // refuse a zone with mistakes
	Transfer      *Transfer // whose copy the file is, which may not be there yet; nil = nobody's
}

// defaultLocalTTL is what the original's worker uses when nothing is configured.
const defaultLocalTTL = 5 * time.Minute

func (v *Valid) localData() LocalData {
	s := get[*section](v.root, "local-data")
	l := LocalData{
		AddressesFiles: v.paths(s, "addresses-files"),
		Records:        get[string](s, "records"),
		TTL:            defaultLocalTTL,
		NoData:         get[bool](s, "nodata"),
	}
	if s.value("ttl").v != nil {
		l.TTL = get[time.Duration](s, "ttl")
	}
	for _, p := range get[[]pair](s, "addresses") {
		a := LocalAddress{Name: p.key.(string)}
		for _, addr := range p.value.v.([]value) {
			a.Addrs = append(a.Addrs, addr.v.(netip.Addr))
		}
		l.Addresses = append(l.Addresses, a)
	}
	for _, rule := range get[[]*section](s, "rules") {
		l.Rules = append(l.Rules, v.localRule(rule, &l))
	}
	for _, zone := range get[[]*section](s, "rpz") {
		l.RPZ = append(l.RPZ, v.rpz(zone))
	}
	return l
}

func (v *Valid) rpz(s *section) RPZ {
	log := items[string](s, "log")
	z := RPZ{
		File:          absolute(v.doc.base, get[string](s, "file")),
		Watch:         s.value("watchdog").v != any(false),
		Tags:          items[string](s, "tags"),
		LogIP:         slices.Contains(log, "ip"),
		LogName:       slices.Contains(log, "name"),
		CNAME:         get[string](s, "cname"),
		ExtendedError: get[string](s, "extended-error"),
		DryRun:        get[bool](s, "dry-run"),
		Strict:        get[bool](s, "strict"),
	}
	if action := get[string](s, "action"); action != "given" {
		z.Action = action
	}
	v.transfer(s, &z)
	return z
}

// localRule fills in what a rule inherits.
func (v *Valid) localRule(s *section, l *LocalData) LocalRule {
	r := LocalRule{
		Names:   items[string](s, "name"),
		Subtree: Subtree(get[string](s, "subtree")),
		Addrs:   items[netip.Addr](s, "address"),
		Files:   v.paths(s, "file"),
		Records: get[string](s, "records"),
		Tags:    items[string](s, "tags"),
		TTL:     l.TTL,
		NoData:  l.NoData,
	}
	if s.value("ttl").v != nil {
		r.TTL = get[time.Duration](s, "ttl")
	}
	if s.value("nodata").v != nil {
		r.NoData = get[bool](s, "nodata")
	}
	return r
}

// paths returns the files of a list, absolute.
func (v *Valid) paths(s *section, option string) []string {
	files := items[string](s, option)
	for i := range files {
		files[i] = absolute(v.doc.base, files[i])
	}
	return files
}
