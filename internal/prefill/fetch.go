package prefill

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"

	"knot-resolver/internal/limits"
)

// Source is where a zone comes from by HTTPS.
type Source struct {
	URL string
	CAs *x509.CertPool // to trust; nil: those of the system
	// Resolve returns the addresses of the server. The machine's own way to resolve names may lead to us, before we serve anybody.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Fetch writes the zone to a new file in a directory and returns its name.
func (s *Source) Fetch(ctx context.Context, dir string) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limits.PrefillDownload)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return "", err
	}
	client := s.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", s.URL, resp.Status)
	}
	f, err := os.CreateTemp(dir, ".prefill-*.tmp")
	if err != nil {
		return "", err
	}
	n, err := io.Copy(f, io.LimitReader(resp.Body, limits.PrefillBytes+1))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil && n > limits.PrefillBytes {
		err = fmt.Errorf("%s: more than %d bytes", s.URL, limits.PrefillBytes)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func (s *Source) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:       s.dial,
			TLSClientConfig:   &tls.Config{RootCAs: s.CAs, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.URL.Scheme != "https" || len(via) > limits.PrefillRedirects {
				return fmt.Errorf("redirected to %s", req.URL.Redacted())
			}
			return nil
		},
	}
}

// dial connects to the first address that takes the connection. Another host than the one configured, to which a server
// redirected us, must not be in the local network (MG-13).
func (s *Source) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	if a, literal := netip.ParseAddr(host); literal == nil {
		addrs = []netip.Addr{a}
	} else if addrs, err = s.Resolve(ctx, host); err != nil {
		return nil, err
	}
	var dialer net.Dialer
	errs := []error{}
	for _, a := range addrs {
		if u, err := url.Parse(s.URL); err != nil || u.Hostname() != host && (!a.IsGlobalUnicast() || a.IsPrivate()) {
			errs = append(errs, fmt.Errorf("redirected to %s, which has the address %v", host, a))
			continue
		}
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	return nil, errors.Join(errs...)
}

// keep makes a fetched file the copy that stays, in one step.
func keep(temporary, name string) error {
	if err := os.Rename(temporary, name); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
