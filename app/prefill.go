package app

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/config"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/prefill"
)

// fillers makes what keeps whole zones in the cache.
func (e *resolving) fillers(cfg *config.Config, to *cache.Cache, v *dnssec.Validator, log *slog.Logger) ([]*prefill.Keeper, error) {
	var all []*prefill.Keeper
	for i, p := range cfg.Cache.Prefill {
		zone := dns.MustName(p.Origin).Lower()
		var last *prefill.Content
		o := prefill.Options{
			Origin: zone, File: p.File, Interval: p.Interval, Shared: e.shared, Log: log,
			Lock: filepath.Join(cfg.Rundir, "prefill.lock"),
			Import: func(z *prefill.Zone) error {
				anchor, signed := e.Anchor(zone)
				content, err := z.Check(prefill.Trust{Validator: v, Anchor: anchor, Signed: signed}, time.Now())
				if err != nil {
					return err
				}
				last = content
				return content.Store(to, time.Now())
			},
			Present: func() bool { return last.Present(to, time.Now()) },
		}
		if p.URL != "" {
			cas, err := certificates(p.CAFile)
			if err != nil {
				return nil, fmt.Errorf("/cache/prefill/%d/ca-file: %w", i, err)
			}
			source := prefill.Source{URL: p.URL, CAs: cas, Resolve: e.Addresses}
			o.Fetch, o.File = source.Fetch, filepath.Join(cfg.Rundir, "root.zone")
		}
		all = append(all, prefill.New(o))
	}
	return all, nil
}

// certificates reads a file of certificates to trust; nil stands for those of the system.
func certificates(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate", file)
	}
	return pool, nil
}
