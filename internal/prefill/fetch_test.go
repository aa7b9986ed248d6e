package prefill

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knot-resolver/internal/limits"
)

func TestFetch(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/root.zone":
			io.WriteString(w, "content")
		case "/moved":
			http.Redirect(w, r, "/root.zone", http.StatusFound)
		case "/downgraded":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/inside":
			http.Redirect(w, r, strings.Replace(server.URL, "127.0.0.1", "localhost.example.com", 1)+"/root.zone", http.StatusFound)
		case "/literal":
			http.Redirect(w, r, server.URL+"/root.zone", http.StatusFound)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/endless":
			for chunk := make([]byte, 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case "/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "short")
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	named := strings.Replace(server.URL, "127.0.0.1", "example.com", 1) // a name in the certificate
	resolve := func(_ context.Context, host string) ([]netip.Addr, error) {
		if !strings.HasSuffix(host, "example.com") {
			return nil, errors.New("no such host")
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	for _, c := range []struct {
		url  string
		cas  *x509.CertPool
		want string // error
	}{
		{server.URL + "/root.zone", pool, ""},
		{named + "/root.zone", pool, ""},
		{named + "/moved", pool, ""},
		{named + "/root.zone", nil, "certificate"},
		{strings.Replace(named, "example.com", "example.org", 1), pool, "no such host"},
		{named + "/absent", pool, "404"},
		{named + "/downgraded", pool, "redirected to http:"},
		{named + "/inside", pool, "redirected to localhost.example.com, which has the address 127.0.0.1"},
		{named + "/literal", pool, "redirected to 127.0.0.1"},
		{named + "/circle", pool, "redirected"},
		{named + "/endless", pool, "more than"},
		{named + "/cut", pool, "EOF"},
	} {
		dir := t.TempDir()
		s := Source{URL: c.url, CAs: c.cas, Resolve: resolve}
		name, err := s.Fetch(t.Context(), dir)
		if c.want == "" {
			if text, _ := os.ReadFile(name); err != nil || string(text) != "content" {
				t.Errorf("%s: %q, %v", c.url, text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.url, err, c.want)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*tmp")); len(left) > 0 {
			t.Errorf("%s: left %v", c.url, left)
		}
	}
	if limits.PrefillBytes > 1<<26 {
		t.Error("the endless answer takes long")
	}
}
