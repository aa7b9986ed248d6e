package upstream

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"knot-resolver/internal/limits"
)

// Auth is how a server proves over TLS who it is (RFC 8310): by a certificate for a name, or by a public key known in
// advance. Queries with an Auth never go out in the clear. It is safe for concurrent use.
type Auth struct {
	// identity tells what proves the same apart from what does not: connections are shared by what is equal here (SP-13).
	identity string
	config   *tls.Config
}

// AuthOptions say what a server has to prove: either Hostname or Pins.
type AuthOptions struct {
	Hostname string   // in the certificate, also sent as SNI; a final dot is ignored
	CAs      []byte   // certificates in PEM that vouch for Hostname; nil means those of the system
	Pins     [][]byte // SHA-256 digests of acceptable SubjectPublicKeyInfos (RFC 7858 section 4.2)
}

// NewAuth returns an Auth with TLS sessions of its own.
func NewAuth(o AuthOptions) (*Auth, error) {
	hostname := strings.ToLower(strings.TrimSuffix(o.Hostname, "."))
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         hostname,
		ClientSessionCache: tls.NewLRUClientSessionCache(limits.StreamSessions),
	}
	switch {
	case len(o.Pins) > 0:
		config.InsecureSkipVerify = true // replaced by:
		config.VerifyConnection = func(s tls.ConnectionState) error { return pinned(s.PeerCertificates, o.Pins) }
	case hostname == "":
		return nil, errors.New("TLS needs a host name or pins to know the server by")
	case o.CAs != nil:
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(o.CAs) {
			return nil, errors.New("no certificate in PEM form")
		}
	}
	return &Auth{identity: identity(hostname, o.CAs, o.Pins), config: config}, nil
}

func identity(hostname string, cas []byte, pins [][]byte) string {
	digest := sha256.Sum256(cas)
	return fmt.Sprintf("%s %x %x %x", hostname, digest, len(cas), pins)
}

// pinned checks the chain that a server sent: its own key is pinned, or a pinned certificate vouches for it. That a pinned certificate is
// merely among those sent proves nothing, for anybody can send it.
func pinned(chain []*x509.Certificate, pins [][]byte) error {
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	for i, certificate := range chain {
		if !hasPin(certificate, pins) {
			others.AddCert(certificate)
			continue
		}
		if i == 0 {
			return nil
		}
		roots.AddCert(certificate)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others})
	if err != nil {
		digest := sha256.Sum256(chain[0].RawSubjectPublicKeyInfo)
		return &pinError{digest: digest}
	}
	return nil
}

func hasPin(certificate *x509.Certificate, pins [][]byte) bool {
	digest := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	for _, pin := range pins {
		if bytes.Equal(pin, digest[:]) {
			return true
		}
	}
	return false
}

// pinError says that no pin matches.
type pinError struct{ digest [sha256.Size]byte }

func (e *pinError) Error() string {
	return "its public key, SHA-256 " + hex.EncodeToString(e.digest[:]) + ", is not pinned"
}

// distrust sorts the errors of a TLS handshake: a server that is not the one wanted is ErrUntrusted, with a cause in words that do not need
// x509 to be understood; anything else is ErrHandshake.
func distrust(err error, hostname string) *Error {
	var (
		pin     *pinError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		any     *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &pin):
		return &Error{Kind: ErrUntrusted, Cause: pin}
	case errors.As(err, &name):
		return &Error{Kind: ErrUntrusted, Cause: fmt.Errorf("its certificate is for %s, not for %s", namesOf(name.Certificate), hostname)}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &Error{Kind: ErrUntrusted, Cause: untimely(invalid.Cert)}
	case errors.As(err, &unknown):
		return &Error{Kind: ErrUntrusted, Cause: errors.New("no certificate authority that is trusted vouches for its certificate")}
	case errors.As(err, &any):
		return &Error{Kind: ErrUntrusted, Cause: any.Err}
	}
	return &Error{Kind: ErrHandshake, Cause: err}
}

func untimely(c *x509.Certificate) error {
	if time.Now().Before(c.NotBefore) {
		return fmt.Errorf("its certificate is not valid before %s", c.NotBefore.UTC().Format(time.DateTime))
	}
	return fmt.Errorf("its certificate expired on %s", c.NotAfter.UTC().Format(time.DateTime))
}

// namesOf lists the names of a certificate, some of them if there are many.
func namesOf(c *x509.Certificate) string {
	names := c.DNSNames
	for _, a := range c.IPAddresses {
		names = append(names, a.String())
	}
	switch {
	case len(names) == 0:
		return "no name"
	case len(names) > 3:
		return strings.Join(names[:3], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}
