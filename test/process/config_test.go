package process

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// api makes a request to the manager.
func (s *system) api(method, path, body string, header ...string) (status int, answer string) {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://manager"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", s.path("run/kres-api.sock"))
		},
	}}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// address asks for a name and returns the first address in the answer.
func (s *system) address(name string) string {
	for _, rr := range s.resolve(name).Answer {
		if a, ok := rr.(*miekg.A); ok {
			return a.A.String()
		}
	}
	return ""
}

// The configuration is changed, compared, taken back and kept over the death of
// the manager, under load and without a lost question.
func TestConfigCommands(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		udp, tcp := s.load("udp", port), s.load("tcp", port)
		s.must("config", "set", "-p", "/local-data", `{addresses: {a.example: 192.0.2.1}}`)
		if got := s.address("a.example."); got != "192.0.2.1" {
			t.Errorf("after set: %q", got)
		}
		s.must("config", "patch", `[{"op":"replace","path":"/local-data/addresses/a.example","value":"192.0.2.2"}]`)
		if got := s.address("a.example."); got != "192.0.2.2" {
			t.Errorf("after patch: %q", got)
		}
		want := "- /local-data/addresses: {\"a.example\":\"192.0.2.1\"}\n+ /local-data/addresses: {\"a.example\":\"192.0.2.2\"}\n"
		if got := s.must("config", "diff"); got != want {
			t.Errorf("diff: %s", got)
		}
		before := s.workers()
		s.must("config", "set", "-p", "/options", "minimize: false")
		if now := s.workers(); len(now) != 2 || slices.Contains(now, before[0]) || slices.Contains(now, before[1]) {
			t.Errorf("workers %v, then %v", before, now)
		}
		s.kill(s.only("manager"))
		s.waitLog("running system taken over")
		s.eventually("the API is back", func() bool { _, _, status := s.ctl("config", "get"); return status == 0 })
		if got := s.must("config", "get", "-p", "/options/minimize"); got != "false\n" {
			t.Errorf("after the death of the manager: %s", got)
		}
		s.must("config", "rollback", "2")
		if got := s.address("a.example."); got != "192.0.2.1" {
			t.Errorf("after rollback: %q", got)
		}
		s.must("config", "delete", "-p", "/local-data")
		if got := s.address("a.example."); got != "" {
			t.Errorf("after delete: %q", got)
		}
		if _, errs, status := s.ctl("config", "delete", "-p", "/local-data"); status != 1 || !strings.Contains(errs, "404") {
			t.Errorf("deleted twice: status %d: %s", status, errs)
		}
		lossless(t, udp)
		lossless(t, tcp)
		history := s.must("config", "history")
		for _, line := range []string{"1  ", "2  ", "start\n", "PATCH /v1/config\n", "rollback to 2\n", "DELETE /v1/config/local-data\n"} {
			if !strings.Contains(history, line) {
				t.Errorf("history without %q:\n%s", line, history)
			}
		}
	})
}

func TestConfigStatuses(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", "/v1/config/workers", "2 2", 400},
		{"PUT", "/v1/config/workers", "-2", 400},
		{"PUT", "/v1/config/nonsense", "1", 400},
		{"GET", "/v1/config/nonsense", "", 404},
		{"DELETE", "/v1/config/nonsense", "", 404},
		{"POST", "/v1/config", "", 405},
		{"PUT", "/v1/config/nonsense/more", "1", 409},
		{"PUT", "/v1/config/workers", `"` + strings.Repeat("x", 2<<20) + `"`, 413},
		{"PUT", "/v1/config/options", `{"root-hints": "` + s.config + `"}`, 500}, // seen by the canary
		{"GET", "/openapi.json", "", 200},
	} {
		if status, text := s.api(test.method, test.path, test.body); status != test.status {
			t.Errorf("%s %s %.50s: %d %s", test.method, test.path, test.body, status, text)
		}
	}
	if status, text := s.api("PUT", "/v1/config/workers", "2", "If-Match", `"x"`); status != 412 {
		t.Errorf("If-Match: %d %s", status, text)
	}
	if got := s.must("config", "history"); strings.Count(got, "\n") != 1 {
		t.Errorf("history:\n%s", got)
	}
	if !s.ask("udp", port, time.Second) {
		t.Error("no answer")
	}
}
