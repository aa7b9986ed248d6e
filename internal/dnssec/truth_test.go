package dnssec

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// model is an honest zone that knows what is true of every name, to hold proofs against.
type model struct {
	apex  dns.Name
	nodes map[dns.Name][]dns.Type // names with records
}

// modelTypes are the kinds of names; each octet of a seed picks a name and a kind.
var modelTypes = [][]dns.Type{{dns.TypeA}, {dns.TypeMX}, {dns.TypeCNAME}, {dns.TypeNS}, {dns.TypeNS, dns.TypeDS}, {dns.TypeDNAME}, {dns.TypeA, dns.TypeMX}}

// modelNames is every name that is asked for: up to three labels below the apex.
func modelNames() []dns.Name {
	apex := dns.MustName("z.")
	names := []dns.Name{apex}
	level := names
	for range 3 {
		var next []dns.Name
		for _, parent := range level {
			for _, label := range []string{"*", "a", "b"} {
				child, err := parent.Child(label)
				if err != nil {
					panic(err)
				}
				next = append(next, child)
			}
		}
		names = append(names, next...)
		level = next
	}
	return names
}

func newModel(seed []byte, names []dns.Name) *model {
	m := &model{apex: names[0], nodes: map[dns.Name][]dns.Type{names[0]: {dns.TypeSOA, dns.TypeNS}}}
	for i := 0; i+1 < len(seed) && i < 16; i += 2 {
		name, types := names[int(seed[i])%len(names)], modelTypes[int(seed[i+1])%len(modelTypes)]
		if name == m.apex || strings.Contains(string(name), "\x01*") && slices.Contains(types, dns.TypeNS) {
			continue // the meaning of delegations at wildcards is not defined
		}
		m.nodes[name] = types
	}
	for name := range m.nodes {
		if m.hidden(name) {
			delete(m.nodes, name)
		}
	}
	return m
}

// hidden says whether name is below a delegation or DNAME.
func (m *model) hidden(name dns.Name) bool {
	for name != m.apex {
		name = name.Parent()
		types := m.nodes[name]
		if slices.Contains(types, dns.TypeDNAME) || m.cut(name) {
			return true
		}
	}
	return false
}

func (m *model) cut(name dns.Name) bool {
	return name != m.apex && slices.Contains(m.nodes[name], dns.TypeNS)
}

func (m *model) exists(name dns.Name) bool {
	for node := range m.nodes {
		if node.Under(name) {
			return true
		}
	}
	return false
}

func (m *model) encloser(name dns.Name) dns.Name {
	for !m.exists(name) {
		name = name.Parent()
	}
	return name
}

func (m *model) wildcard(name dns.Name) dns.Name {
	w, err := m.encloser(name).Wildcard()
	if err != nil {
		panic(err)
	}
	return w
}

func (m *model) nameError(name dns.Name) bool {
	return !m.hidden(name) && !m.exists(name) && !m.exists(m.wildcard(name))
}

func (m *model) noData(name dns.Name, t dns.Type) bool {
	if m.hidden(name) {
		return false
	}
	if !m.exists(name) {
		name = m.wildcard(name)
	}
	types := m.nodes[name]
	return m.exists(name) && !slices.Contains(types, t) && !slices.Contains(types, dns.TypeCNAME) &&
		m.cut(name) == (t == dns.TypeDS && m.cut(name)) && !(t == dns.TypeDS && name == m.apex)
}

func (m *model) noDS(name dns.Name) bool {
	return !m.hidden(name) && m.cut(name) && !slices.Contains(m.nodes[name], dns.TypeDS)
}

// lines lists the names of the chain; NSEC3 has empty non-terminals too, but with opt-out no unsigned delegations.
func (m *model) lines(hashed, optOut bool) []string {
	listed := map[dns.Name]bool{}
	for name := range m.nodes {
		listed[name] = !(hashed && optOut && m.noDS(name))
		for hashed && name != m.apex {
			name = name.Parent()
			listed[name] = true
		}
	}
	var lines []string
	for name, present := range listed {
		if !present {
			continue
		}
		line := name.String()
		for _, t := range m.nodes[name] {
			line += " " + t.String()
		}
		lines = append(lines, line)
	}
	return lines
}

// checkModel asks everything about every name, of the whole chain and of a part of it. What is Secure must be true; the
// whole chain must prove all that is true, only less than Secure where opt-out leaves it open.
func checkModel(t *testing.T, seed []byte, names []dns.Name) {
	m := newModel(seed, names)
	v := New(Options{})
	for _, kind := range []string{"NSEC", "NSEC3", "opt-out"} {
		var z *denialZone
		if kind == "NSEC" {
			z = newNSECZone("z.", m.lines(false, false)...)
		} else {
			z = newNSEC3Zone("z.", 0, "", kind == "opt-out", m.lines(true, kind == "opt-out")...)
		}
		all := z.verified()
		var part []Verified
		for i := range all {
			if len(seed) > 0 && seed[i%len(seed)]&4 != 0 {
				part = append(part, all[i])
			}
		}
		for _, name := range names {
			for _, whole := range []bool{true, false} {
				records := part
				if whole {
					records = all
				}
				judge := func(what string, d Denial, truth bool) {
					if d.State == Secure && !truth || whole && truth && d.State == Bogus {
						t.Fatalf("%v, whole=%v: %s of %v is %v: got %v (%s)\nzone: %q", kind, whole, what, name, truth, d.State, d.Reason, m.lines(true, false))
					}
				}
				p := v.NewProof(m.apex, records, new(limits.Budget))
				judge("name error", p.NameError(name), m.nameError(name))
				judge("no A", p.NoData(name, dns.TypeA), m.noData(name, dns.TypeA))
				judge("no DS", p.NoData(name, dns.TypeDS), m.noData(name, dns.TypeDS))
				judge("unsigned delegation", p.NoDS(name), m.noDS(name))
				encloser := m.encloser(name).Labels()
				for labels := 1; labels <= encloser && labels < name.Labels() && !m.hidden(name); labels++ { // a wildcard answer shows that its encloser exists
					judge("wildcard answer", p.WildcardAnswer(name, labels), !m.exists(name) && labels == encloser)
				}
			}
		}
	}
}

func TestProofsAreTrue(t *testing.T) {
	names := modelNames()
	random := rand.New(rand.NewChaCha8([32]byte{1}))
	for range 30 {
		seed := make([]byte, 2+random.IntN(14))
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		checkModel(t, seed, names)
	}
}

func FuzzProofsAreTrue(f *testing.F) {
	f.Add([]byte{1, 0, 2, 3, 7, 4})
	f.Add([]byte{4, 5, 13, 2, 21, 3, 39, 6})
	names := modelNames()
	f.Fuzz(func(t *testing.T, seed []byte) { checkModel(t, seed, names) })
}
