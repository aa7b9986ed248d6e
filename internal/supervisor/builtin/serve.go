package builtin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/supervisor"
	"knot-resolver/internal/supervisor/xmlrpc"
)

// server is the XML-RPC side of the supervisor.
type server struct {
	http http.Server
	path string
}

// serve listens on the configured socket. The socket appears under its name only
// with its permissions set, replacing one that a dead supervisor left.
func serve(l *loop) (*server, error) {
	path := supervisor.SocketPath(l.conf.Dir)
	tmp := path + ".tmp"
	_ = os.Remove(tmp) // left by a supervisor killed right here
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for RPC: %w", err)
	}
	listener.SetUnlinkOnClose(false)
	mode := l.conf.SocketMode
	if mode == 0 {
		mode = 0o600
	}
	err = os.Chmod(tmp, mode)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("listen for RPC: %w", err)
	}
	s := &server{path: path}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /RPC2", l.handle)
	s.http = http.Server{
		Handler:           mux,
		ReadHeaderTimeout: limits.SupervisorRPCHeader,
		ErrorLog:          slog.NewLogLogger(l.log.Handler(), slog.LevelDebug),
	}
	go func() { _ = s.http.Serve(listener) }() // ends by close
	return s, nil
}

// close lets running calls finish, so that whoever asked for the shutdown gets
// an answer.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), flushPatience)
	defer cancel()
	_ = os.Remove(s.path)
	_ = s.http.Shutdown(ctx)
}

func (l *loop) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limits.SupervisorRPCBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	method, params, err := xmlrpc.DecodeCall(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	value, err := l.call(r.Context(), method, params)
	doc := []byte(nil)
	if err == nil {
		doc, err = xmlrpc.EncodeResponse(value)
	}
	if err != nil {
		doc = xmlrpc.EncodeFault(wireFault(err))
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = w.Write(doc)
}

func wireFault(err error) *xmlrpc.Fault {
	var f *supervisor.Fault
	if !errors.As(err, &f) {
		f = supervisor.NewFault(supervisor.Failed, err.Error())
	}
	return &xmlrpc.Fault{Code: int(f.Code), Text: f.Text}
}

// answer takes the result of a call, once.
type answer func(value any, err error)

// call has the loop run a method and waits for its answer, which may come long
// after the method has returned.
func (l *loop) call(ctx context.Context, method string, params []any) (any, error) {
	type result struct {
		value any
		err   error
	}
	results := make(chan result, 1)
	l.post(func() {
		l.dispatch(method, params, func(value any, err error) { results <- result{value, err} })
	})
	select {
	case r := <-results:
		return r.value, r.err
	case <-l.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case r := <-results: // answered by the loop's last step
		return r.value, r.err
	default:
		return nil, supervisor.NewFault(supervisor.ShutdownState, "")
	}
}
