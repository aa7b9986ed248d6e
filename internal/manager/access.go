package manager

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"knot-resolver/internal/config"
	"knot-resolver/internal/limits"
)

// guard decides who may do what over TCP. A Unix socket needs none: its permissions say
// who may use it.
type guard struct {
	open   bool // no access is configured: everybody may do everything
	names  []string
	tokens map[[sha256.Size]byte]config.Role // compared by digest, so that time tells nothing of the token
	people map[string]config.Role            // by the name in the certificate
}

// denied is why a request is refused, and with which status.
type denied struct {
	status int
	reason string
}

func (d *denied) Error() string { return d.reason }

// newGuard reads the tokens. The names are those of the API's own certificate.
func newGuard(m config.Management, names []string) (*guard, error) {
	g := &guard{
		open: len(m.Access) == 0, names: names,
		tokens: map[[sha256.Size]byte]config.Role{}, people: map[string]config.Role{},
	}
	for i, a := range m.Access {
		if a.Client != "" {
			g.people[a.Client] = higher(g.people[a.Client], a.Role)
			continue
		}
		text, err := os.ReadFile(a.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("/management/access/%d/token-file: %w", i, err)
		}
		token := strings.TrimSpace(string(text))
		if len(token) < limits.APIToken {
			return nil, fmt.Errorf("/management/access/%d/token-file: the token in %s is shorter than %d characters", i, a.TokenFile, limits.APIToken)
		}
		sum := sha256.Sum256([]byte(token))
		g.tokens[sum] = higher(g.tokens[sum], a.Role)
	}
	return g, nil
}

// roles in rising order.
var roles = []config.Role{config.RoleRead, config.RoleFlush, config.RoleConfig, config.RoleAdmin}

func higher(a, b config.Role) config.Role {
	if slices.Index(roles, a) > slices.Index(roles, b) {
		return a
	}
	return b
}

// roleFor is what a request needs; every pattern of the routes has one of these.
func roleFor(method, path string) config.Role {
	switch {
	case method == http.MethodGet, method == http.MethodHead:
		return config.RoleRead
	case path == "/cache/clear":
		return config.RoleFlush
	case path == "/stop", path == "/upgrade":
		return config.RoleAdmin
	}
	return config.RoleConfig
}

// admit checks a request before anything of its body is read.
func (g *guard) admit(r *http.Request) error {
	if !g.isOurs(r.Host) {
		return &denied{http.StatusForbidden, fmt.Sprintf("host %q is not this resolver", r.Host)}
	}
	if !g.sameOrigin(r) {
		return &denied{http.StatusForbidden, "requests of other web sites are refused"}
	}
	if g.open {
		return nil
	}
	role, err := g.roleOf(r)
	if err != nil {
		return err
	}
	if needed := roleFor(r.Method, r.URL.Path); slices.Index(roles, role) < slices.Index(roles, needed) {
		return &denied{http.StatusForbidden, fmt.Sprintf("the role %s may not do that, it needs %s", role, needed)}
	}
	return nil
}

// isOurs accepts addresses and the names of the certificate in the Host header. Any other
// name may be one that its owner has made point to us, for a browser to call (DNS rebinding).
func (g *guard) isOurs(host string) bool {
	u := url.URL{Host: host}
	name := u.Hostname()
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || slices.Contains(g.names, name)
}

// sameOrigin refuses what a browser sends on behalf of a page that is not ours.
func (g *guard) sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// roleOf finds out who asks, by certificate or token.
func (g *guard) roleOf(r *http.Request) (role config.Role, err error) {
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		for _, name := range certificateNames(r.TLS.VerifiedChains[0][0]) {
			role = higher(role, g.people[name])
		}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		role = higher(role, g.tokens[sha256.Sum256([]byte(strings.TrimSpace(token)))])
	}
	if role == "" {
		return "", &denied{http.StatusUnauthorized, "a token or a certificate is needed"}
	}
	return role, nil
}

func certificateNames(c *x509.Certificate) []string {
	return append(slices.Clone(c.DNSNames), c.Subject.CommonName)
}

// protect makes h serve only what the guard admits.
func (g *guard) protect(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := g.admit(r)
		if err == nil {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close") // what follows is not read
		if d := new(denied); errors.As(err, &d) {
			if d.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="knot-resolver"`)
			}
			http.Error(w, d.reason, d.status)
		}
	})
}
