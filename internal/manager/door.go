package manager

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/net/netutil"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// door is where the API is served. It is opened before anything is started, so that an
// address that cannot be had fails the start.
type door struct {
	net.Listener
	guard *guard // nil for a Unix socket
}

func openDoor(m config.Management) (*door, error) {
	if m.UnixSocket != "" {
		l, err := control.Listen(m.UnixSocket, 0o660)
		if err != nil {
			return nil, err
		}
		return &door{Listener: netutil.LimitListener(l, limits.APIConnections)}, nil
	}
	secure, names, err := serverTLS(m)
	if err != nil {
		return nil, err
	}
	g, err := newGuard(m, names)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", m.Interface.String())
	if err != nil {
		return nil, fmt.Errorf("/management/interface: %w", err)
	}
	l = netutil.LimitListener(l, limits.APIConnections)
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	return &door{l, g}, nil
}

// serverTLS returns nil when TLS is not configured, and the names in the certificate.
func serverTLS(m config.Management) (c *tls.Config, names []string, err error) {
	if m.CertFile == "" {
		return nil, nil, nil
	}
	pair, err := tls.LoadX509KeyPair(m.CertFile, m.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("/management/tls: %s, %s: %w", m.CertFile, m.KeyFile, err)
	}
	c = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if m.CAFile == "" {
		return c, certificateNames(pair.Leaf), nil
	}
	text, err := os.ReadFile(m.CAFile)
	if err != nil {
		return nil, nil, fmt.Errorf("/management/tls/ca-file: %w", err)
	}
	c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, nil, fmt.Errorf("/management/tls/ca-file: no certificate in %s", m.CAFile)
	}
	return c, certificateNames(pair.Leaf), nil
}

// handler is the API behind the door.
func (d *door) handler(api http.Handler) http.Handler {
	if d.guard == nil {
		return api
	}
	return d.guard.protect(api)
}

// readFirst reads the body of every request within a time and a size before it is looked
// at; changes may take longer than that.
func readFirst(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
			writeError(w, fmt.Errorf("%w: content coding %s", errMediaType, coding))
			return
		}
		in := http.NewResponseController(w)
		in.SetReadDeadline(time.Now().Add(limits.APIBodyTime)) // fails where there is no connection
		if r.ContentLength > limits.APIBody {
			if r.ContentLength <= limits.ManagerBody { // who is still writing does not read the answer
				io.Copy(io.Discard, r.Body)
			}
			writeError(w, &http.MaxBytesError{Limit: limits.APIBody})
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limits.APIBody))
		in.SetReadDeadline(time.Time{})
		if err != nil {
			writeError(w, unread(err))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	})
}

// errSlow is the body that did not come in time.
var errSlow = errors.New("the body of the request did not come in time")

// unread names why a body could not be read.
func unread(err error) error {
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		return errSlow
	case errors.As(err, new(*http.MaxBytesError)):
		return err
	}
	return &control.BadRequest{Err: fmt.Errorf("%s: %w", bodyName, err)}
}
