package kresctl

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// fakeManager answers on a Unix socket and remembers what was asked.
func fakeManager(t *testing.T) (socket string, asked func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kr") // t.TempDir is too long for a Unix socket
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "api.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var last atomic.Pointer[string]
	answers := map[string]string{
		"/v1/config":              `{"workers": 2, "network": {"listen": [{"interface": "lo"}]}, "nsid": "yes"}`,
		"/v1/config/workers":      `2`,
		"/metrics/json":           `{"kresd:kresd0":null}`,
		"/processes/kresd":        `[{"type":"KRESD","pid":17,"status":"RUNNING"}]`,
		"/zones":                  `[{"zone":"rpz.example.","serial":7,"records":3,"changed":"2024-01-02T03:04:05Z","expired":false,"error":"x"}]`,
		"/cache/clear":            `{"count":3}`,
		"/reload":                 "ok",
		"/reload/force":           "ok",
		"/renew":                  "ok",
		"/v1/versions":            `[{"version":1,"time":"2024-01-02T03:04:05Z","origin":"start"},{"version":2,"time":"2024-01-02T03:05:05Z","origin":"reload"}]`,
		"/v1/versions/2/diff":     `[{"pointer":"/workers","before":1,"after":2,"cost":"worker"},{"pointer":"/nsid","after":"x","cost":"worker"}]`,
		"/v1/versions/1/rollback": "",
		"/metrics/prometheus":     "resolver_answer_total 3\n",
		"/stop":                   "ok",
		"/policy/test":            `{"name":"a.","type":"MX","view":2,"steps":[{"name":"a.","verdict":"nxdomain"}]}`,
		"/explain":                `{"name":"a.","type":"MX","rcode":"SERVFAIL","reason":"because of it"}`,
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked := r.Method + " " + r.URL.String() + " " + string(body)
		last.Store(&asked)
		answer, ok := answers[r.URL.Path]
		ok = ok || r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/config")
		if !ok {
			http.Error(w, "no such thing", http.StatusNotFound)
			return
		}
		io.WriteString(w, answer)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close(); os.RemoveAll(dir) })
	return socket, func() string { return *last.Load() }
}

func run(args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	t := Tool{Version: "test", Stdin: strings.NewReader("3\n"), Stdout: &out, Stderr: &errs}
	status = t.Main(args)
	return out.String(), errs.String(), status
}

func TestCommands(t *testing.T) {
	socket, asked := fakeManager(t)
	tests := []struct {
		args   string
		asked  string
		stdout string
	}{
		{"config get", "GET /v1/config ", "workers: 2\nnetwork:\n    listen:\n        - interface: lo\nnsid: \"yes\"\n"},
		{"config get --json -p /workers", "GET /v1/config/workers ", "2\n"},
		{"metrics", "GET /metrics/json ", "{\n    \"kresd:kresd0\": null\n}\n"},
		{"metrics --prometheus", "GET /metrics/prometheus ", "resolver_answer_total 3\n"},
		{"pids kresd", "GET /processes/kresd ", "17\n"},
		{"zones", "GET /zones ", "ZONE          SERIAL  RECORDS  CHANGED               CHECKED  STATE\nrpz.example.  7       3        2024-01-02T03:04:05Z  never    current; x\n"},
		{"reload", "POST /reload ", ""},
		{"stop", "POST /stop ", ""},
		{"reload --force", "POST /reload/force ", ""},
		{"renew", "POST /renew ", ""},
		{"config set -p /workers 4", "PUT /v1/config/workers 4", ""},
		{"config set -p /nsid yes!", `PUT /v1/config/nsid "yes!"`, ""},
		{"config set -p /workers", "PUT /v1/config/workers 3", ""},
		{"config set -", "PUT /v1/config 3", ""},
		{`config patch [{"op":"test","path":"/workers","value":2}]`, `PATCH /v1/config [{"op":"test","path":"/workers","value":2}]`, ""},
		{"config delete -p /network/listen/0", "DELETE /v1/config/network/listen/0 ", ""},
		{"config history", "GET /v1/versions ", "1  2024-01-02T03:04:05Z  start\n2  2024-01-02T03:05:05Z  reload\n"},
		{"config diff 1 2", "GET /v1/versions/2/diff?from=1 ", "- /workers: 1\n+ /workers: 2\n+ /nsid: \"x\"\n"},
		{"config diff", "GET /v1/versions/2/diff?from=1 ", "- /workers: 1\n+ /workers: 2\n+ /nsid: \"x\"\n"},
		{"config rollback 1", "POST /v1/versions/1/rollback ", ""},
		{"config rollback", "POST /v1/versions/1/rollback ", ""},
		{"cache clear", "POST /cache/clear {}", "count: 3\n"},
		{
			"cache clear --exact-name --rr-type A --chunk-size 5 --json example.com",
			`POST /cache/clear {"name":"example.com","exact-name":true,"rr-type":"A","chunk-size":5}`, "{\n    \"count\": 3\n}\n",
		},
		{"debug --print-only", "GET /processes/kresd ", "gdb -ex 'attach 17'\n"},
		{"debug --print-only --sudo --gdb g kresd -- -q -ex c", "GET /processes/kresd ", "sudo -- g -ex 'attach 17' -q -ex c\n"},
		{"explain --json a. MX", "GET /explain?name=a.&type=MX ", "because of it"},
		{"policy test --json a. MX --client ::1 --proto dot", "GET /policy/test?client=%3A%3A1&name=a.&proto=dot&type=MX ", "nxdomain"},
		{"explain a. MX", "GET /explain?name=a.&type=MX ", "because: because of it"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			out, errs, status := run(append([]string{"-s", socket}, strings.Fields(test.args)...)...)
			if status != 0 {
				t.Fatalf("status %d: %s", status, errs)
			}
			if got := asked(); got != test.asked {
				t.Errorf("asked %q, expected %q", got, test.asked)
			}
			if out != test.stdout && !((strings.HasPrefix(test.args, "explain") || strings.HasPrefix(test.args, "policy")) && strings.Contains(out, test.stdout)) {
				t.Errorf("printed %q, expected %q", out, test.stdout)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	socket, _ := fakeManager(t)
	config := filepath.Join(t.TempDir(), "config.yaml")
	os.WriteFile(config, []byte("management: {unix-socket: nowhere.sock}\nworkers: many\n"), 0o600)
	tests := []struct {
		name   string
		args   []string
		status int
		stderr []string
	}{
		{"HTTP error", []string{"-s", socket, "pids", "dogs"}, 1, []string{"status: 404", "body:", "no such thing"}},
		{"unknown scheme", []string{"-s", "ftp://127.0.0.1:1", "stop"}, 2, []string{"http, https or http+unix"}},
		{"no port", []string{"-s", "http://127.0.0.1", "stop"}, 2, []string{"http://HOST:PORT"}},
		{"path in a URL", []string{"-s", "http://127.0.0.1:1/x", "stop"}, 2, []string{"http://HOST:PORT"}},
		{"colons in a path", []string{"-s", "/nonexistent/a:1", "stop"}, 1, []string{"no such file", "/nonexistent/a:1"}},
		{"nothing to debug", []string{"-s", socket, "debug", "gc"}, 1, []string{"404"}},
		{"two kinds to debug", []string{"-s", socket, "debug", "gc", "kresd"}, 2, []string{"at most one"}},
		{"type of convert", []string{"convert", "--type", "lua"}, 2, []string{"worker or policy-loader"}},
		{"no file to migrate", []string{"migrate", "/nonexistent"}, 1, []string{"/nonexistent"}},
		{"no socket", []string{"-s", "/nonexistent/x y.sock", "stop"}, 1, []string{"no such file", "http+unix://%2Fnonexistent%2Fx%20y.sock", "/nonexistent/x y.sock", "from: -s"}},
		{"socket of the configuration", []string{"-c", config, "stop"}, 1, []string{filepath.Dir(config) + "/nowhere.sock", "-c " + config}},
		{"refused", []string{"-s", "http://127.0.0.1:1", "stop"}, 1, []string{"connection refused", "127.0.0.1:1"}},
		{"wrong configuration", []string{"validate", config}, 1, []string{"/workers", config + ":2:"}},
		{"missing configuration", []string{"-c", "/nonexistent.yaml", "stop"}, 1, []string{"/nonexistent.yaml"}},
		{"two sockets", []string{"-s", socket, "-c", config, "stop"}, 2, []string{"--socket", "--config"}},
		{"two formats", []string{"config", "get", "--json", "--yaml"}, 2, []string{"--json", "--yaml"}},
		{"unknown command", []string{"fly"}, 2, []string{"fly"}},
		{"unknown option", []string{"stop", "--now"}, 2, []string{"--now"}},
		{"too many arguments", []string{"pids", "kresd", "gc"}, 2, []string{"pids"}},
		{"type without name", []string{"-s", socket, "cache", "clear", "--rr-type", "A", "x."}, 1, []string{"--exact-name"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, errs, status := run(test.args...)
			if status != test.status {
				t.Errorf("status %d: %s", status, errs)
			}
			for _, want := range test.stderr {
				if !strings.Contains(errs, want) {
					t.Errorf("does not say %q: %s", want, errs)
				}
			}
		})
	}
}

func TestOffline(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	os.WriteFile(config, []byte("workers: 1\n"), 0o600)
	for args, want := range map[string]string{
		"--help":                              "Usage:",
		"config":                              "get",
		"cache":                               "clear",
		"completion bash":                     "complete -o default",
		"completion zsh":                      "#compdef kresctl",
		"completion fish":                     "complete -c kresctl",
		"__complete config get -p /cache/gar": "/cache/garbage-collector",
		"__complete config set -p /cache/garbage-collector/thres": "/cache/garbage-collector/threshold",
		"__complete config delete -p /network/listen/0/p":         "/network/listen/0/port",
		"__complete conf":               "config",
		"completion --bash --args conf": "config\n",
		"completion --bash --args config get -p /cache/garbage-collector/thr": "/cache/garbage-collector/threshold #nospace#\n",
		"completion --bash --args pids ":                                      "all",
		"completion --bash --args validate ":                                  "#filenames#\n",
		"__complete pids ":                                                    "all",
		"schema":                                                              `"properties"`,
		"--version":                                                           "test",
		"validate " + config:                                                  "--strict",
		"convert " + config:                                                   "\"Workers\": 1,",
		"convert --type policy-loader " + config:                              "\"LocalData\": {",
		"migrate " + config:                                                   "---\nworkers: 1\n",
		"migrate --json " + config:                                            "---\n{\n    \"workers\": 1\n}\n",
	} {
		if out, errs, status := run(strings.Split(args, " ")...); status != 0 || !strings.Contains(out, want) {
			t.Errorf("%q: status %d, printed %q %q", args, status, out, errs)
		}
	}
}
