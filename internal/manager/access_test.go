package manager

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knot-resolver/internal/config"
)

// The right that each thing needs which the API can be asked for.
func TestRolesOfRoutes(t *testing.T) {
	w := newWorld(t)
	w.configure(1, "")
	m, _ := w.manager()
	for _, r := range m.routes() {
		want := config.RoleConfig
		switch {
		case r.method == "GET":
			want = config.RoleRead
		case strings.HasPrefix(r.path, "/cache"):
			want = config.RoleFlush
		case r.path == "/stop" || r.path == "/upgrade":
			want = config.RoleAdmin
		}
		if got := roleFor(r.method, r.path); got != want {
			t.Errorf("%s %s needs %s, expected %s", r.method, r.path, got, want)
		}
	}
}

func TestMG02Guard(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("  0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	guarded, err := newGuard(config.Management{Access: []config.Access{
		{Role: config.RoleConfig, TokenFile: file},
		{Role: config.RoleAdmin, Client: "boss.example"},
		{Role: config.RoleFlush, Client: "boss.example"},
	}}, []string{"api.example"})
	if err != nil {
		t.Fatal(err)
	}
	open, err := newGuard(config.Management{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const token = "Bearer 0123456789abcdef"
	for _, test := range []struct {
		name, request string
		headers       []string
		client        string // common name of the verified certificate
		open, guarded int    // status, 0 = admitted
	}{
		{"address", "GET 127.0.0.1:5000 /", nil, "", 0, 401},
		{"IPv6 address", "GET [::1]:5000 /", nil, "", 0, 401},
		{"localhost", "GET localhost:5000 /", nil, "", 0, 401},
		{"name of the certificate", "GET api.example:5000 /", []string{"Authorization", token}, "", 403, 0},
		{"foreign host", "GET evil.example:5000 /", []string{"Authorization", token}, "", 403, 403},
		{"no host", "GET - /", []string{"Authorization", token}, "", 403, 403},
		{"foreign origin", "POST 127.0.0.1:5000 /reload", []string{"Origin", "http://evil.example", "Authorization", token}, "", 403, 403},
		{"opaque origin", "POST 127.0.0.1:5000 /reload", []string{"Origin", "null", "Authorization", token}, "", 403, 403},
		{"own origin", "POST 127.0.0.1:5000 /reload", []string{"Origin", "http://127.0.0.1:5000", "Authorization", token}, "", 0, 0},
		{"other port", "POST 127.0.0.1:5000 /reload", []string{"Origin", "http://127.0.0.1:80", "Authorization", token}, "", 403, 403},
		{"cross-site", "GET 127.0.0.1:5000 /", []string{"Sec-Fetch-Site", "cross-site", "Authorization", token}, "", 403, 403},
		{"typed by a person", "GET 127.0.0.1:5000 /", []string{"Sec-Fetch-Site", "none", "Authorization", token}, "", 0, 0},
		{"wrong token", "GET 127.0.0.1:5000 /", []string{"Authorization", token + "0"}, "", 0, 401},
		{"wrong scheme", "GET 127.0.0.1:5000 /", []string{"Authorization", "Basic 0123456789abcdef"}, "", 0, 401},
		{"above the role", "POST 127.0.0.1:5000 /stop", []string{"Authorization", token}, "", 0, 403},
		{"the role", "PUT 127.0.0.1:5000 /v1/config/nsid", []string{"Authorization", token}, "", 0, 0},
		{"below the role", "POST 127.0.0.1:5000 /cache/clear", []string{"Authorization", token}, "", 0, 0},
		{"certificate", "POST 127.0.0.1:5000 /stop", nil, "boss.example", 0, 0},
		{"certificate of nobody", "GET 127.0.0.1:5000 /", nil, "other.example", 0, 401},
		{"certificate and token", "POST 127.0.0.1:5000 /stop", []string{"Authorization", token}, "boss.example", 0, 0},
	} {
		parts := strings.Fields(test.request)
		r := httptest.NewRequest(parts[0], parts[2], nil)
		r.Host = strings.TrimPrefix(parts[1], "-")
		for i := 0; i < len(test.headers); i += 2 {
			r.Header.Set(test.headers[i], test.headers[i+1])
		}
		if test.client != "" {
			leaf := &x509.Certificate{Subject: pkix.Name{CommonName: test.client}}
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}
		}
		for g, want := range map[*guard]int{open: test.open, guarded: test.guarded} {
			got := 0
			if d := new(denied); errors.As(g.admit(r), &d) {
				got = d.status
			}
			if got != want {
				t.Errorf("%s, open=%v: status %d, expected %d", test.name, g.open, got, want)
			}
		}
	}
}

// What is refused is refused before the body is read.
func TestMG02BodyOfStrangersIsNotRead(t *testing.T) {
	g, err := newGuard(config.Management{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("PUT", "/v1/config", unreadable{t})
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	g.protect(readFirst(http.NotFoundHandler())).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d", w.Code)
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("unreadable")
}

func TestShortTokenIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("0123456789abcde\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := newGuard(config.Management{Access: []config.Access{{Role: config.RoleRead, TokenFile: file}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "/management/access/0/token-file") || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}
