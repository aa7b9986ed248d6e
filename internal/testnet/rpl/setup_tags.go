package rpl

import (
	"fmt"
	"slices"
	"strings"
)

// tagAction is what happens to the clients of a network in zones with a tag, instead of what the zones do.
type tagAction struct {
	network, tag string
	kind         string   // of a zone; empty: that of the zone
	data         []string // of all names in it
}

// tagged reads an option about a network, a tag, and what is done.
func (p *policySetup) tagged(key, network, rest string) error {
	tag, what, ok := strings.Cut(rest, " ")
	if !ok {
		return fmt.Errorf("%q", rest)
	}
	tag, what = unquoted(tag), unquoted(strings.TrimSpace(what))
	i := slices.IndexFunc(p.actions, func(a tagAction) bool { return a.network == network && a.tag == tag })
	if i < 0 {
		i = len(p.actions)
		p.actions = append(p.actions, tagAction{network: network, tag: tag})
	}
	if key == "access-control-tag-data" {
		p.actions[i].data = append(p.actions[i].data, what)
	} else {
		p.actions[i].kind = what
	}
	return nil
}

// actions makes rules of the actions by tag, for the zones of everybody. They come before those of the zones, so they count.
func (up *Setup) actions(zones *localZones) error {
	for i, a := range up.Policy.actions {
		own := newLocalZones(fmt.Sprintf("action-%d", i))
		for zone, tags := range zones.tags {
			if !slices.Contains(tags, a.tag) {
				continue
			}
			kind := a.kind
			if kind == "" {
				kind = zones.kinds[zone]
			}
			own.zone(zone.String(), kind)
			for _, data := range a.data {
				own.data = append(own.data, zone.String()+" "+data)
			}
		}
		own.rules(up)
		if err := up.client(a.network, clientRule{tags: []string{own.tag}}); err != nil {
			return err
		}
	}
	return nil
}
