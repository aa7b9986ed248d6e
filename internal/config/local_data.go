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
)

// RPZ is a response policy zone.
type RPZ struct {
	File  string // absolute path
	Watch bool   // load it again when it changes
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
		l.RPZ = append(l.RPZ, RPZ{
			File:  absolute(v.doc.base, get[string](zone, "file")),
			Watch: zone.value("watchdog").v != any(false),
		})
	}
	return l
}

// localRule fills in what a rule inherits.
func (v *Valid) localRule(s *section, l *LocalData) LocalRule {
	r := LocalRule{
		Names:   items[string](s, "name"),
		Subtree: Subtree(get[string](s, "subtree")),
		Addrs:   items[netip.Addr](s, "address"),
		Files:   v.paths(s, "file"),
		Records: get[string](s, "records"),
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
