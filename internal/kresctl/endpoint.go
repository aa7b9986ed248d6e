package kresctl

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"knot-resolver/internal/config"
)

// keys are the files that open a guarded API.
type keys struct{ token, ca, cert, key string }

// endpoint is where the manager listens, and how to get in.
type endpoint struct {
	network, addr string
	secure        bool   // HTTPS
	source        string // where the address comes from
	keys          keys
	token         string
}

// url is how the endpoint is shown.
func (e endpoint) url() string {
	if e.network == "unix" {
		return "http+unix://" + url.PathEscape(e.addr)
	}
	return e.base()
}

// base is the beginning of the URL of a request.
func (e endpoint) base() string {
	switch {
	case e.network == "unix":
		return "http://localhost"
	case e.secure:
		return "https://" + e.addr
	}
	return "http://" + e.addr
}

// client returns an HTTP client that reaches the endpoint whatever the URL says.
func (e endpoint) client() (*http.Client, error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, e.network, e.addr)
	}}
	if e.secure {
		c, err := e.keys.tls()
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = c
	}
	return &http.Client{Timeout: patience, Transport: transport}, nil
}

func (k keys) tls() (*tls.Config, error) {
	c := &tls.Config{}
	if k.ca != "" {
		text, err := os.ReadFile(k.ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("no certificate in %s", k.ca)
		}
	}
	if k.cert != "" || k.key != "" {
		pair, err := tls.LoadX509KeyPair(k.cert, k.key)
		if err != nil {
			return nil, fmt.Errorf("--cert-file, --key-file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// endpoint finds the manager: by -s, else from the file of -c or the default
// configuration, else the default socket.
func (t *Tool) endpoint() (e endpoint, err error) {
	if t.socket != "" {
		e, err = parseSocket(t.socket)
		e.keys = t.keys
	} else {
		e, err = t.configured()
	}
	if err == nil && e.keys.token != "" {
		var text []byte
		text, err = os.ReadFile(e.keys.token)
		e.token = strings.TrimSpace(string(text))
	}
	return e, err
}

// configured finds the manager by a configuration file. Without options for them the
// keys are those of the file: the API's own certificate and the first token that this
// user may read.
func (t *Tool) configured() (endpoint, error) {
	file, source := t.config, "-c "+t.config
	if file == "" {
		file, source = defaultConfig, defaultConfig
	}
	doc, err := config.Load([]string{file})
	if t.config == "" && errors.Is(err, os.ErrNotExist) {
		return endpoint{network: "unix", addr: defaultSocket, source: "default", keys: t.keys}, nil
	}
	if err != nil {
		return endpoint{}, err
	}
	text := func(pointer string) string {
		value, _ := doc.Get(pointer)
		name, _ := value.(string)
		return name
	}
	path := func(pointer string) string {
		name := text(pointer)
		if name == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(doc.Base(), name)
	}
	if at := text("/management/interface"); at != "" {
		host, port, _ := strings.Cut(at, "@")
		cert := path("/management/tls/cert-file")
		e := endpoint{network: "tcp", addr: net.JoinHostPort(host, port), secure: cert != "", source: source, keys: t.keys}
		e.keys.ca = cmp.Or(e.keys.ca, cert)
		for i := 0; e.keys.token == "" && e.keys.cert == ""; i++ {
			at := fmt.Sprintf("/management/access/%d", i)
			if _, ok := doc.Get(at); !ok {
				break
			}
			if name := path(at + "/token-file"); isReadable(name) {
				e.keys.token = name
			}
		}
		return e, nil
	}
	if name := path("/management/unix-socket"); name != "" {
		return endpoint{network: "unix", addr: name, source: source, keys: t.keys}, nil
	}
	return endpoint{network: "unix", addr: defaultSocket, source: "default, not set in " + file, keys: t.keys}, nil
}

func isReadable(name string) bool {
	f, err := os.Open(name)
	if err == nil {
		f.Close()
	}
	return err == nil
}

// parseSocket reads the value of -s: a URL with one of the schemes that are known, or the
// path of a Unix socket, which may contain colons.
func parseSocket(s string) (endpoint, error) {
	scheme, rest, isURL := strings.Cut(s, "://")
	switch {
	case !isURL:
		return endpoint{network: "unix", addr: s, source: "-s"}, nil
	case scheme == "http+unix":
		name, err := url.PathUnescape(rest)
		if err != nil || name == "" {
			return endpoint{}, usageError{fmt.Errorf("--socket %q: expected http+unix:// and the path, its slashes written as %%2F", s)}
		}
		return endpoint{network: "unix", addr: name, source: "-s"}, nil
	case scheme == "http", scheme == "https":
		addr := strings.TrimSuffix(rest, "/")
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || !isPort(port) {
			return endpoint{}, usageError{fmt.Errorf("--socket %q: expected %s://HOST:PORT", s, scheme)}
		}
		return endpoint{network: "tcp", addr: addr, secure: scheme == "https", source: "-s"}, nil
	}
	return endpoint{}, usageError{fmt.Errorf("--socket %q: expected http, https or http+unix in front of ://", s)}
}

func isPort(s string) bool {
	_, err := netip.ParseAddrPort("0.0.0.0:" + s)
	return err == nil
}
