package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"knot-resolver/internal/config"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/trust"
)

// trustAnchors reads the trust anchors, positive and negative. Each string and each file replaces the anchors its zone
// had before.
func trustAnchors(cfg *config.DNSSEC) (anchors []dnssec.Anchor, negative []dns.Name, err error) {
	if !cfg.Enable {
		return nil, nil, nil
	}
	byZone := map[dns.Name]dnssec.Anchor{dns.Root: dnssec.RootAnchor()}
	for i, text := range cfg.TrustAnchors {
		parsed, failed := dnssec.ParseAnchors(text)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("/dnssec/trust-anchors[%d]: %w", i, failed))
		}
		for _, a := range parsed {
			byZone[a.Zone] = a
		}
	}
	for i, file := range cfg.TrustAnchorFiles {
		parsed, failed := readAnchors(file)
		if failed != nil {
			err = errors.Join(err, anchorFileError(i, failed))
		}
		for _, a := range parsed {
			byZone[a.Zone] = a
		}
	}
	for i, text := range cfg.NegativeTrustAnchors {
		name, failed := dns.ParseName(text)
		if _, positive := byZone[name.Lower()]; positive && failed == nil {
			failed = fmt.Errorf("%v has a trust anchor", name)
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("/dnssec/negative-trust-anchors[%d]: %w", i, failed))
		}
		negative = append(negative, name.Lower())
	}
	return slices.Collect(maps.Values(byZone)), negative, err
}

// readAnchors reads a file of anchors, with states if it is kept up to date.
func readAnchors(file config.AnchorFile) ([]dnssec.Anchor, error) {
	if !file.ReadOnly {
		zone, err := trust.Read(file.File)
		if err != nil {
			return nil, err
		}
		return []dnssec.Anchor{zone.Anchor()}, nil
	}
	text, err := os.ReadFile(file.File)
	if err != nil {
		return nil, err
	}
	anchors, err := dnssec.ParseAnchors(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.File, err)
	}
	if len(anchors) != 1 {
		return nil, fmt.Errorf("%s: expected trust anchors of one zone, found %d zones", file.File, len(anchors))
	}
	return anchors, nil
}

func anchorFileError(i int, err error) error {
	return fmt.Errorf("/dnssec/trust-anchors-files[%d]/file: %w", i, err)
}

// keepers makes what keeps the anchor files up to date that are not read-only.
func (e *resolving) keepers(cfg *config.DNSSEC, v *dnssec.Validator, log *slog.Logger) ([]*trust.Keeper, error) {
	var keepers []*trust.Keeper
	var errs error
	for i, file := range cfg.TrustAnchorFiles {
		if file.ReadOnly || !cfg.Enable {
			continue
		}
		k, err := trust.Open(trust.Options{File: file.File, Validator: v, Log: log, Fetch: e.DNSKEY, Switch: e.SetAnchor})
		if err != nil {
			errs = errors.Join(errs, anchorFileError(i, err))
		}
		keepers = append(keepers, k)
	}
	return keepers, errs
}
