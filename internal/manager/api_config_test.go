package manager

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Every way to change the configuration through the API, in a row: each case
// starts from what the one before has left.
func TestConfigAPI(t *testing.T) {
	w := newWorld(t)
	w.configure(1, "")
	m, _ := w.manager()
	const policy = `{"addresses":{"a.example":"192.0.2.1"}}`
	tests := []struct {
		method, path, body string
		status             int
		answer             string // part of it
		get, value         string // what a GET shows afterwards; empty value = 404
	}{
		{"PUT", "/v1/config/local-data", policy, 200, "", "/local-data/addresses/a.example", `"192.0.2.1"`},
		{"PUT", "/v1/config/local-data/", policy, 200, "", "/local-data", policy},
		{"PUT", "/v1/config/local-data/addresses/b.example", `["192.0.2.1"]`, 200, "", "/local-data/addresses/b.example", `["192.0.2.1"]`},
		{"PUT", "/v1/config/local-data/addresses/b.example/-", `"192.0.2.2"`, 200, "", "/local-data/addresses/b.example", `["192.0.2.1","192.0.2.2"]`},
		{"PUT", "/v1/config/local-data/addresses/b.example/0", `"192.0.2.3"`, 200, "", "/local-data/addresses/b.example", `["192.0.2.3","192.0.2.2"]`},
		{"PUT", "/v1/config/local-data/addresses/b.example/2", `"192.0.2.4"`, 409, "", "/local-data/addresses/b.example/2", ""},
		{"PUT", "/v1/config/views/0/tags", `[]`, 409, "", "/views", ""},
		{"PUT", "/v1/config/workers/x", `1`, 409, "", "/workers", "1"},
		{"PUT", "/v1/config/workers", `"many"`, 400, "[/workers]", "/workers", "1"},
		{"PUT", "/v1/config/workers", `1 2`, 400, "not valid JSON", "/workers", "1"},
		{"PUT", "/v1/config/workers", ``, 400, "not valid JSON", "/workers", "1"},
		{"PUT", "/v1/config/workers", `{"a":1,"a":2}`, 400, "duplicate key", "/workers", "1"},
		{"PUT", "/v1/config", `{"optoins":{},"cahce":{}}`, 400, "cahce", "/workers", "1"},
		{"PUT", "/v1/config/local-data/addresses", `{"` + strings.Repeat("a", 1<<20) + `":1}`, 413, "", "/workers", "1"},
		{"PUT", "/v1/config/rundir", `"./"`, 409, "/rundir", "/rundir", `"."`},
		{"DELETE", "/v1/config/local-data/addresses/b.example", "", 200, "", "/local-data/addresses/b.example", ""},
		{"DELETE", "/v1/config/local-data/addresses/b.example", "", 404, "/local-data/addresses/b.example", "", "*"},
		{"DELETE", "/v1/config/local-data/nonsense", "ignored", 404, "", "", "*"},
		{"PATCH", "/v1/config", `[{"op":"replace","path":"/local-data/addresses/a.example","value":["192.0.2.7"]},{"op":"test","path":"/workers","value":1}]`, 200, "", "/local-data/addresses/a.example", `["192.0.2.7"]`},
		{"PATCH", "/v1/config/local-data/addresses", `[{"op":"copy","from":"/a.example","path":"/c.example"},{"op":"remove","path":"/a.example"}]`, 200, "", "/local-data/addresses", `{"c.example":["192.0.2.7"]}`},
		{"PATCH", "/v1/config/local-data/addresses", `[{"op":"move","from":"/c.example","path":"/d.example"}]`, 200, "", "/local-data/addresses", `{"d.example":["192.0.2.7"]}`},
		{"PATCH", "/v1/config/local-data/addresses", `[{"op":"add","path":"/d.example/0","value":"192.0.2.6"}]`, 200, "", "/local-data/addresses", `{"d.example":["192.0.2.6","192.0.2.7"]}`},
		{"PATCH", "/v1/config", `[{"op":"test","path":"/workers","value":2},{"op":"remove","path":"/local-data"}]`, 409, "", "/local-data/addresses/d.example/0", `"192.0.2.6"`},
		{"PATCH", "/v1/config", `[{"op":"replace","path":"/nonsense","value":2}]`, 409, "", "", "*"},
		{"PATCH", "/v1/config", `[{"op":"remove","path":"/local-data/addresses/d.example/-1"}]`, 409, "", "", "*"},
		{"PATCH", "/v1/config", `[{"op":"fly","path":"/workers"}]`, 400, "fly", "", "*"},
		{"PATCH", "/v1/config", `[{"op":"add","path":"workers","value":2}]`, 400, "path", "", "*"},
		{"PATCH", "/v1/config", `[{"op":"add","path":"/workers"}]`, 400, "value", "", "*"},
		{"PATCH", "/v1/config", `[{"op":"add","path":"/workers","value":null}]`, 400, "[/workers]", "/workers", "1"},
		{"PATCH", "/v1/config", `{"workers":2}`, 400, "JSON Patch", "", "*"},
		{"POST", "/v1/config", `{}`, 405, "", "", "*"},
		{"PUT", "/reload", ``, 405, "", "", "*"},
	}
	for _, test := range tests {
		before := m.live.Load().Number
		r := request(m, test.method, test.path, test.body)
		if r.Code != test.status || !strings.Contains(r.Body.String(), test.answer) {
			t.Errorf("%s %s %.80s: %d %s", test.method, test.path, test.body, r.Code, r.Body)
		}
		if now := m.live.Load().Number; (now > before) != (test.status == 200) {
			t.Errorf("%s %s %.80s: version %d, then %d", test.method, test.path, test.body, before, now)
		}
		if test.status == 200 && r.Header().Get("ETag") != request(m, "GET", "/v1/config", "").Header().Get("ETag") {
			t.Errorf("%s %s: ETag %s", test.method, test.path, r.Header().Get("ETag"))
		}
		got := request(m, "GET", "/v1/config"+test.get, "")
		if wrong := test.value != "*" && (got.Code == 404) != (test.value == ""); wrong || got.Code == 200 && test.value != "*" && got.Body.String() != test.value {
			t.Errorf("after %s %s %.80s: %s is %s", test.method, test.path, test.body, test.get, got.Body)
		}
	}
}

func TestConfigAPIHeaders(t *testing.T) {
	w := newWorld(t)
	w.configure(1, "")
	m, _ := w.manager()
	tag := request(m, "GET", "/v1/config", "").Header().Get("ETag")
	tests := []struct {
		method, body, header, value string
		status                      int
	}{
		{"PUT", "2", "If-Match", `"else"`, 412},
		{"PUT", "2", "If-None-Match", tag, 412},
		{"DELETE", "", "If-Match", `"else"`, 412},
		{"PATCH", "[]", "If-Match", `"a", "b"`, 412},
		{"PUT", "2", "Content-Type", "application/x-www-form-urlencoded", 415},
		{"PUT", "workers: {", "Content-Type", "application/yaml", 400},
		{"PUT", "1 # one", "Content-Type", "application/yaml", 200},
		{"PUT", "1", "Content-Type", "application/json; charset=utf-8", 200},
		{"PATCH", "- {op: test, path: '', value: 1}", "Content-Type", "text/yaml", 200},
		{"PUT", "1", "If-Match", `"a", ` + tag, 200},
		{"PUT", "1", "If-None-Match", `"else"`, 200},
		{"PUT", "1", "If-Match", "*", 200},
	}
	for _, test := range tests {
		if r := request(m, test.method, "/v1/config/workers", test.body, test.header, test.value); r.Code != test.status {
			t.Errorf("%s %s with %s: %s: %d %s", test.method, test.body, test.header, test.value, r.Code, r.Body)
		}
	}
	whole := "rundir: .\nworkers: 1\nmanagement: {unix-socket: api.sock}\ncache: {storage: .}\nnetwork: {listen: [{interface: 127.0.0.1, port: 5300}]}\n"
	if r := request(m, "PUT", "/v1/config", whole, "Content-Type", "application/yaml"); r.Code != 200 {
		t.Errorf("whole: %d %s", r.Code, r.Body)
	}
	if r := request(m, "PUT", "/v1/config", whole+"nonsense: 1\n", "Content-Type", "application/yaml"); !strings.Contains(r.Body.String(), "request body:6:1: [/nonsense]") {
		t.Errorf("place of a mistake: %s", r.Body)
	}
	if r := request(m, "DELETE", "/v1/config", ""); r.Code != 400 && r.Code != 409 && r.Code != 500 {
		t.Errorf("another run directory: %d %s", r.Code, r.Body)
	}
}

func TestVersions(t *testing.T) {
	w := newWorld(t)
	w.configure(1, "")
	m, _ := w.manager()
	for _, body := range []string{`{"addresses":{"a.example":"192.0.2.1"}}`, `{"addresses":{"a.example":"192.0.2.2"}}`} {
		if r := request(m, "PUT", "/v1/config/local-data", body); r.Code != 200 {
			t.Fatal(r.Body)
		}
	}
	tests := []struct {
		method, path string
		status       int
		answer       string
	}{
		{"GET", "/v1/versions", 200, `"version":3`},
		{"GET", "/v1/versions", 200, `"origin":"PUT /v1/config/local-data"`},
		{"GET", "/v1/versions/2", 200, `"a.example":"192.0.2.1"`},
		{"GET", "/v1/versions/99", 404, "99"},
		{"GET", "/v1/versions/two", 400, "two"},
		{"GET", "/v1/versions/3/diff", 200, `{"pointer":"/local-data/addresses","before":{"a.example":"192.0.2.1"},"after":{"a.example":"192.0.2.2"},"cost":"policy"}`},
		{"GET", "/v1/versions/3/diff?from=1", 200, `[{"pointer":"/local-data/addresses","after":{"a.example":"192.0.2.2"},"cost":"policy"}]`},
		{"GET", "/v1/versions/1/diff", 404, "version 0"},
		{"POST", "/v1/versions/99/rollback", 404, ""},
		{"POST", "/v1/versions/2/rollback", 200, ""},
		{"GET", "/v1/config/local-data/addresses/a.example", 200, "192.0.2.1"},
		{"GET", "/v1/versions", 200, `"version":4`},
		{"GET", "/v1/versions", 200, `"origin":"rollback to 2"`},
		{"POST", "/renew", 200, ""},
		{"POST", "/renew/force", 200, ""},
		{"POST", "/reload/force", 200, ""},
	}
	for _, test := range tests {
		if r := request(m, test.method, test.path, ""); r.Code != test.status || !strings.Contains(r.Body.String(), test.answer) {
			t.Errorf("%s %s: %d %s", test.method, test.path, r.Code, r.Body)
		}
	}
	again := &history{file: m.history.file}
	again.load()
	if len(again.list()) != len(m.history.list()) || len(again.list()) < 6 {
		t.Errorf("a new manager knows %d of %d versions", len(again.list()), len(m.history.list()))
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := &history{file: t.TempDir() + "/history", failed: func(err error) { t.Error(err) }}
	for n := range uint64(120) {
		v := &current{}
		v.Number, v.Raw = n+1, json.RawMessage(`{}`)
		h.add(v, "test")
	}
	if list := h.list(); len(list) != 50 || list[49].Number != 120 {
		t.Errorf("%d versions kept", len(list))
	}
	v := &current{}
	v.Number, v.Raw = 121, json.RawMessage(`"`+strings.Repeat("x", 9<<20)+`"`)
	h.add(v, "big")
	if list := h.list(); len(list) != 1 || list[0].Number != 121 {
		t.Errorf("%d versions kept beside a big one", len(list))
	}
}

// The description is about all routes and nothing else, and every failure it
// promises is a status that exists.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	w.configure(1, "")
	m, _ := w.manager()
	r := request(m, "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]struct{ Description string }
			Parameters  []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(r.Body.Bytes(), &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatalf("%v: %s", err, r.Body)
	}
	ids, operations := map[string]bool{}, 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations++
			if ids[op.OperationID] {
				t.Errorf("operation id %s twice", op.OperationID)
			}
			ids[op.OperationID] = true
			for status, response := range op.Responses {
				if strings.HasPrefix(response.Description, ";") || op.Responses["200"].Description == "" {
					t.Errorf("%s %s: status %s", method, path, status)
				}
			}
			in := 0
			for _, p := range op.Parameters {
				if p.In == "path" {
					in++
				}
			}
			if in != strings.Count(path, "{") {
				t.Errorf("%s: %d parameters in the path", path, in)
			}
			concrete := strings.NewReplacer("{pointer}", "workers", "{version}", "1", "{kind}", "all").Replace(path)
			if strings.ToUpper(method) != http.MethodGet {
				continue
			}
			if r := request(m, "GET", concrete, ""); r.Code == 404 && !strings.Contains(path, "diff") || r.Code == 405 {
				t.Errorf("GET %s: %d", concrete, r.Code)
			}
		}
	}
	if want := len(m.routes()); operations != want {
		t.Errorf("%d operations for %d routes", operations, want)
	}
}
